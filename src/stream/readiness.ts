import type { ImageState, StreamState } from '../terms.js';

export interface ReadinessFacts {
  readonly state: StreamState;
  /** Why it is not live. */
  readonly reason: string | undefined;
  readonly isPlayable: boolean;
  readonly thumbnail: ImageState;
  /** What is wrong on the store, where that counts. */
  readonly stored: NotReady | undefined;
}

/** Why something is not ready. */
export interface NotReady {
  /** For everyone who may ask `/readyz`. */
  readonly reason: string;
  /** For operators only: messages of ffmpeg and of the store name hosts and credentials that were rejected. */
  readonly detail?: string | undefined;
}

/** What keeps a stream from its viewers. The two are apart because a camera's fault is not the node's, and the store's is. */
export interface StreamReadiness {
  /** It is wanted, and not playable or not fresh here. */
  readonly media: NotReady | undefined;
  /** It is playable here and not on the store, and `storage.required` is set. */
  readonly store: NotReady | undefined;
}

/** What is not right with a stream; nothing is while nobody wants it. Pure. */
export function readinessOf({ state, reason, isPlayable, thumbnail, stored }: ReadinessFacts): StreamReadiness {
  if (state === 'idle') return { media: undefined, store: undefined };
  if (state !== 'live') return { media: { reason: state, detail: reason }, store: undefined };
  // The store cannot have what the source has not delivered yet.
  if (!isPlayable) return { media: { reason: 'no segment is complete yet' }, store: undefined };
  const media = thumbnail === 'fresh' ? undefined : { reason: `the thumbnail is ${thumbnail}` };
  return { media, store: stored };
}
