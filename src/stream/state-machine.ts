import type { StreamState } from '../terms.js';
/** What happens to a stream. */
export type StreamStateEvent =
  /** The stream is wanted. */
  | 'start'
  /** The first media of a run. */
  | 'media'
  /** A run ended by itself; another follows. */
  | 'lost'
  /** Too many runs in a row without media for a temporary fault. */
  | 'exhausted'
  /** The source ended and does not start over. */
  | 'ended'
  /** The stream is no longer wanted. */
  | 'stop';

type Row = Readonly<Partial<Record<StreamStateEvent, StreamState>>>;

/**
 * `failed` never means given up: a configured stream is retried indefinitely. It means that the newest attempt produced no media, and states
 * the reason, while `recovering` means that a stream that was live will most likely be back within seconds.
 */
const table: Readonly<Record<StreamState, Row>> = {
  idle: { start: 'starting', stop: 'idle' },
  starting: { media: 'live', lost: 'failed', exhausted: 'failed', ended: 'idle', stop: 'idle' },
  live: { media: 'live', lost: 'recovering', exhausted: 'recovering', ended: 'idle', stop: 'idle' },
  recovering: { media: 'live', lost: 'recovering', exhausted: 'failed', ended: 'idle', stop: 'idle' },
  failed: { media: 'live', lost: 'failed', exhausted: 'failed', ended: 'idle', stop: 'idle' },
};

/** The state after an event; unchanged if the event has no effect in this state. Pure. */
export function nextState(state: StreamState, event: StreamStateEvent): StreamState {
  return table[state][event] ?? state;
}
