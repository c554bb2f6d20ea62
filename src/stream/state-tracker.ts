import type { StreamSeries } from '../events/stream-series.js';
import type { StreamState } from '../terms.js';
import type { StreamEnvironment } from './environment.js';
import { nextState, type StreamStateEvent } from './state-machine.js';

/** The state of one stream: what it is, since when, and everyone who hears of its changes. */
export class StateTracker {
  readonly #env: Pick<StreamEnvironment, 'config' | 'events' | 'feed' | 'now' | 'dateOf'>;
  readonly #outlets: Pick<StreamSeries, 'state'>;
  #state: StreamState = 'idle';
  #since: number;

  constructor(
    env: Pick<StreamEnvironment, 'config' | 'events' | 'feed' | 'now' | 'dateOf'>,
    outlets: Pick<StreamSeries, 'state'>,
  ) {
    this.#env = env;
    this.#outlets = outlets;
    this.#since = env.now();
  }

  get state(): StreamState {
    return this.#state;
  }

  /** Steady time. */
  get since(): number {
    return this.#since;
  }

  /** `details`: why, as `code` and `message`; without secrets. */
  move(turn: StreamStateEvent, details: { readonly code?: string; readonly message?: string } = {}): void {
    const { now, dateOf, events, feed, config } = this.#env;
    const before = this.#state;
    const next = nextState(before, turn);
    if (next === before) return;
    this.#state = next;
    this.#since = now();
    const { code, message } = details;
    const reason = code === undefined || message === undefined ? null : { code, message };
    const at = dateOf(this.#since);
    this.#outlets.state({ state: next, before, at, reason });
    feed.publish({ type: 'state', stream: config.name, at: new Date(at).toISOString(), state: next, before, reason });
    if (next === 'idle' || next === 'starting') return;
    events.publish({ stream: config.name, type: next, at, details });
  }
}
