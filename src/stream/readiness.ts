import type { ImageState, StreamState } from '../terms.js';

export interface ReadinessFacts {
  readonly state: StreamState;
  /** Why it is not live. */
  readonly reason: string | undefined;
  readonly isPlayable: boolean;
  readonly thumbnail: ImageState;
  /** What is wrong on the store, if that matters. */
  readonly stored: NotReady | undefined;
}

/** Why something is not ready. */
export interface NotReady {
  /** For everyone who may request `/readyz`. */
  readonly reason: string;
  /** For operators only: messages of ffmpeg and of the store name hosts and rejected credentials. */
  readonly detail?: string | undefined;
}

/** What keeps a stream from its viewers. Separate, because a camera's fault is not the node's, and the store's is. */
export interface StreamReadiness {
  /** The stream is wanted, and not playable or not fresh here. */
  readonly media: NotReady | undefined;
  /** The stream is playable here and not on the store, and `storage.required` is set. */
  readonly store: NotReady | undefined;
}

/** What is wrong with a stream; nothing while it is not wanted. Pure. */
export function readinessOf({ state, reason, isPlayable, thumbnail, stored }: ReadinessFacts): StreamReadiness {
  if (state === 'idle') return { media: undefined, store: undefined };
  if (state !== 'live') return { media: { reason: state, detail: reason }, store: undefined };
  // The store cannot have what the source has not delivered yet.
  if (!isPlayable) return { media: { reason: 'no complete segment yet' }, store: undefined };
  const media = thumbnail === 'fresh' ? undefined : { reason: `the thumbnail is ${thumbnail}` };
  return { media, store: stored };
}
