import type { StreamEvents } from '../events/stream-events.js';
import type { StreamState } from '../terms.js';
import { nextState, type StreamStateEvent } from './state-machine.js';

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
