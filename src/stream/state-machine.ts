import type { StreamState } from '../terms.js';
/** What happens to a stream. */
export type StreamStateEvent =
  /** Someone wants the stream. */
  | 'start'
  /** The first segment or picture of a run. */
  | 'media'
  /** A run ended that nobody ended; another follows. */
  | 'lost'
  /** So many runs in a row gave nothing that it is no passing fault any more. */
  | 'exhausted'
  /** The source came to its end, and is not to begin again. */
  | 'ended'
  /** Nobody wants the stream any more. */
  | 'stop';

type Row = Readonly<Partial<Record<StreamStateEvent, StreamState>>>;

/**
 * `failed` never means given up: a configured stream is tried again for ever. It means that the newest attempt gave nothing,
 * and says why, where `recovering` means that a stream which lived will most likely be back in seconds.
 */
const table: Readonly<Record<StreamState, Row>> = {
  idle: { start: 'starting', stop: 'idle' },
  starting: { media: 'live', lost: 'failed', exhausted: 'failed', ended: 'idle', stop: 'idle' },
  live: { media: 'live', lost: 'recovering', exhausted: 'recovering', ended: 'idle', stop: 'idle' },
  recovering: { media: 'live', lost: 'recovering', exhausted: 'failed', ended: 'idle', stop: 'idle' },
  failed: { media: 'live', lost: 'failed', exhausted: 'failed', ended: 'idle', stop: 'idle' },
};

/** The state after an event; the same state where the event means nothing to it. Pure. */
export function nextState(state: StreamState, event: StreamStateEvent): StreamState {
  return table[state][event] ?? state;
}
