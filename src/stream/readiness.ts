import type { StreamState } from './machine.js';
import type { ImageState } from './resources.js';

export interface ReadinessFacts {
  readonly state: StreamState;
  /** Why it is not live. */
  readonly reason: string | undefined;
  readonly isPlayable: boolean;
  readonly thumbnail: ImageState;
  /** What is wrong on the store, where that counts. */
  readonly stored: string | undefined;
}

/** Undefined when a stream is playable and fresh, or nobody wants it; else what is not, in words. Pure. */
export function whyNotReady({ state, reason, isPlayable, thumbnail, stored }: ReadinessFacts): string | undefined {
  if (state === 'idle') return undefined;
  if (state !== 'live') return `${state}${reason === undefined ? '' : `: ${reason}`}`;
  if (!isPlayable) return 'no segment is complete yet';
  return thumbnail === 'fresh' ? stored : `the thumbnail is ${thumbnail}`;
}
