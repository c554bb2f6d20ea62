import type { StreamEvents } from '../events/stream-events.js';
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

export interface StateTrackerOptions {
  readonly events: Pick<StreamEvents, 'emit'>;
  /** Steady time. */
  readonly now: () => number;
}

/** The state of one stream, and since when. */
export class StateTracker {
  readonly #options: StateTrackerOptions;
  #state: StreamState = 'idle';
  #since: number;

  constructor(options: StateTrackerOptions) {
    this.#options = options;
    this.#since = options.now();
  }

  get state(): StreamState {
    return this.#state;
  }

  /** Steady time. */
  get since(): number {
    return this.#since;
  }

  /** `reason`: why the stream is not live; without secrets. */
  move(event: StreamStateEvent, reason: { readonly code: string; readonly message: string } | null = null): void {
    const { events, now } = this.#options;
    const before = this.#state;
    const state = nextState(before, event);
    if (state === before) return;
    this.#state = state;
    this.#since = now();
    events.emit({ type: 'state', state, before, reason });
  }
}
