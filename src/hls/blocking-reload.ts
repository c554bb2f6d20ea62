import { SidepipeError } from '../errors.js';
import type { LivePosition } from './window.js';

/** The position that a client waits for: `_HLS_msn` and `_HLS_part`. */
export interface WantedPosition {
  readonly mediaSequence: number;
  /** Undefined: not stated, as by Safari; the segment's first part is meant. */
  readonly part: number | undefined;
}

/** RFC 8216bis 6.2.5.2: a request for more than two segments ahead SHOULD be answered with Bad Request. */
const MAX_SEGMENTS_AHEAD = 2;
/** RFC 8216bis 6.2.5.2: the Advance Part Limit is three divided by the Part Target Duration if that is under a second, else three. */
const MAX_PARTS_AHEAD_SECONDS = 3;

/** Whether the playlist contains what a client waits for. Pure. */
export function isReached({ mediaSequence, part = 0 }: WantedPosition, at: LivePosition): boolean {
  if (at.mediaSequence < mediaSequence) return false;
  if (at.mediaSequence === mediaSequence) return at.parts > part;
  // RFC 8216bis 6.2.5.2: a part after the segment's last one means the first part of the next segment.
  if (at.mediaSequence === mediaSequence + 1 && part >= at.previousParts) return at.previousParts === 0 || at.parts > 0;
  return true;
}

/** Whether a client asks for something that will not come soon: a faulty client, or one with another stream's numbers. Pure. */
export function isTooFarAhead(wanted: WantedPosition, at: LivePosition, partTargetSeconds: number): boolean {
  // The last complete segment is the one before the position.
  if (wanted.mediaSequence > at.mediaSequence - 1 + MAX_SEGMENTS_AHEAD) return true;
  const limit = Math.ceil(MAX_PARTS_AHEAD_SECONDS / Math.min(1, partTargetSeconds));
  const parts = wanted.mediaSequence === at.mediaSequence ? at.parts : 0;
  return wanted.mediaSequence >= at.mediaSequence && (wanted.part ?? 0) >= parts + limit;
}

interface Waiter {
  readonly wanted: WantedPosition;
  readonly resolve: () => void;
}

/** Clients that wait for one playlist to advance. Bounded; a disconnected client is removed at once. */
export class PlaylistWaiters {
  readonly #maxWaiters: number;
  readonly #waiters = new Set<Waiter>();

  constructor(maxWaiters: number) {
    this.#maxWaiters = maxWaiters;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /**
   * Settles when `advance` reaches the requested position, on `release`, or when `signal` aborts.
   * Rejects with `limit-reached` if too many are waiting already.
   */
  wait(wanted: WantedPosition, at: LivePosition, signal: AbortSignal): Promise<void> {
    if (signal.aborted || isReached(wanted, at)) return Promise.resolve();
    if (this.#waiters.size >= this.#maxWaiters) {
      const message = `The limit of ${this.#maxWaiters} requests waiting for this playlist is reached. Try again later.`;
      return Promise.reject(new SidepipeError(message, { code: 'limit-reached', fault: 'caller', retryable: true }));
    }
    return new Promise((resolve) => {
      const settle = () => {
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', settle);
        resolve();
      };
      const waiter: Waiter = { wanted, resolve: settle };
      this.#waiters.add(waiter);
      signal.addEventListener('abort', settle);
    });
  }

  /** The playlist has advanced to another position. */
  advance(at: LivePosition): void {
    for (const { wanted, resolve } of [...this.#waiters]) if (isReached(wanted, at)) resolve();
  }

  /** The playlist will not advance: every waiting client gets its current state. */
  release(): void {
    for (const { resolve } of [...this.#waiters]) resolve();
  }
}
