import { messageOf, type SidepipeError } from '../../../errors.js';
import type { StoredObject } from '../../store.js';
import type { AuditedObject } from '../cleanup/audit.js';
import type { StoreTarget } from '../context.js';
import { type Fence, sameBytes } from '../lease/fence.js';
import type { UploadKind } from '../queue/queue.js';
import type { Attempt, Ticket } from '../queue/uploader.js';
import type { PublisherSettings } from '../settings.js';

const givenUpMs = 5000;

/** `held`: it may no longer be written. `same`: there is nothing new to write. */
type Outcome = 'written' | 'same' | 'held';

export interface OverwrittenObjectOptions<N> {
  readonly kind: UploadKind;
  readonly stream: string;
  /** For the metrics. */
  readonly key?: string;
  readonly settings: PublisherSettings;
  readonly target: StoreTarget;
  /** Whether it may be written now; when that changes, `pump` is called. */
  readonly ready: () => boolean;
  /** Returns the newest content, with the argument of `stored`. Called at the start of each attempt. */
  readonly content: () => { readonly object: StoredObject; readonly note: N } | undefined;
  readonly stored: (note: N) => void;
  /** It was written, or given up. */
  readonly settled: (error: SidepipeError | undefined) => void;
  readonly fence?: () => Fence;
}

/** An object that is overwritten repeatedly: the newest content wins, with at most one write per second. */
export class OverwrittenObject<N> {
  readonly #options: OverwrittenObjectOptions<N>;
  readonly #slot: CoalescingSlot;
  #cancelTimer: (() => void) | undefined;
  #running: Ticket | undefined;
  #last: { readonly object: StoredObject; readonly note: N } | undefined;
  /** The object is written again although it has not changed; called when that is done. */
  #restored: (() => void) | undefined;
  #closed = false;

  constructor(options: OverwrittenObjectOptions<N>) {
    this.#options = options;
    this.#slot = new CoalescingSlot(options.settings.timing.coalesceMs);
  }

  get dirty(): boolean {
    return this.#slot.dirty;
  }

  get busy(): boolean {
    return this.#running?.running ?? false;
  }

  /** The content has changed. */
  mark(): void {
    this.#slot.mark();
    this.pump();
  }

  pump(): void {
    const { settings, ready } = this.#options;
    if (this.#closed || this.#cancelTimer !== undefined || !ready()) return;
    const dueInMs = this.#slot.dueInMs(settings.clock.now());
    if (dueInMs === undefined) return;
    if (dueInMs <= 0) {
      this.#submit();
      return;
    }
    this.#pumpAfter(dueInMs);
  }

  #pumpAfter(delayMs: number): void {
    if (this.#closed) return;
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.settings.clock.after(delayMs, () => {
      this.#cancelTimer = undefined;
      this.pump();
    });
  }

  /** The written object is no longer valid: write it again. */
  restart(): void {
    this.#last = undefined;
    this.#drop();
    this.mark();
  }

  /** Nothing is written until `restart`. */
  suspend(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#drop();
  }

  /** The expected object on the store; undefined before the first write and during a write. */
  expected(): AuditedObject | undefined {
    const last = this.#last;
    if (last === undefined || this.dirty) return undefined;
    return {
      key: last.object.key,
      bytes: last.object.body.byteLength,
      changes: true,
      isExpected: () => this.#last === last && !this.dirty,
      restore: (done) => {
        this.#restored = done;
        this.mark();
        return true;
      },
    };
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#drop();
  }

  #drop(): void {
    if (this.#running === undefined) return;
    this.#options.target.uploader.cancel(this.#running);
    this.#running = undefined;
    this.#slot.finish(false, this.#options.settings.clock.now());
  }

  #submit(): void {
    const { kind, stream, key, settings, target } = this.#options;
    let outcome: Outcome = 'same';
    this.#slot.take();
    // `settled` is called after this line, even if the store has already responded.
    this.#running = target.uploader.submit({
      kind,
      stream,
      order: 0,
      bytes: 0,
      ...(key !== undefined && { key }),
      spacingMs: settings.timing.coalesceMs,
      run: async (_store, attempt) => {
        outcome = await this.#write(attempt);
      },
      settled: (error) => {
        this.#running = undefined;
        // Content that was given up is retried, with the next content or after a while, because playlists must not be lost.
        this.#slot.finish(error === undefined && outcome !== 'held', settings.clock.now());
        if (error || outcome === 'written') this.#options.settled(error);
        if (error) this.#pumpAfter(givenUpMs);
        else this.pump();
      },
    });
  }

  async #write(attempt: Attempt): Promise<Outcome> {
    const { ready, stored, target } = this.#options;
    if (!ready()) return 'held';
    this.#slot.sent();
    const restored = this.#restored;
    const content = this.#content() ?? (restored && this.#last);
    if (content === undefined) return 'same';
    const { object, note } = content;
    let outcome: Outcome = 'same';
    const isNew = this.#last === undefined || !sameBytes(this.#last.object.body, object.body);
    if (isNew || restored !== undefined) {
      const fence = this.#options.fence?.();
      if (fence) await fence.put(target.store, object, attempt);
      else await target.store.put(object, attempt);
      if (attempt.signal.aborted) return 'same';
      this.#last = { object, note };
      this.#restored = undefined;
      restored?.();
      outcome = 'written';
    }
    stored(note);
    return outcome;
  }

  /** A renderer that throws must not stop the publisher's work on other objects. */
  #content(): { readonly object: StoredObject; readonly note: N } | undefined {
    try {
      return this.#options.content();
    } catch (error) {
      this.#options.settings.log({
        level: 'error',
        event: 'caller-failed',
        stream: this.#options.stream,
        message: `An object could not be rendered: ${messageOf(error)}`,
      });
      return undefined;
    }
  }
}

/**
 * Decides when a key may be written of which only the newest content matters. Content that arrives during a write, or less than `intervalMs`
 * after its end, waits, and only the newest is written. The interval counts from the end of a write, because the store may have registered it
 * at any time since its start.
 */
export class CoalescingSlot {
  readonly #intervalMs: number;
  #waiting = false;
  #busy = false;
  #endedAt = Number.NEGATIVE_INFINITY;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Whether there is content that no completed write has contained. */
  get dirty(): boolean {
    return this.#waiting || this.#busy;
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** There is new content. */
  mark(): void {
    this.#waiting = true;
  }

  /** Milliseconds until a write may start; undefined if there is nothing to write or a write is in progress. */
  dueInMs(now: number): number | undefined {
    if (!this.#waiting || this.#busy) return undefined;
    return Math.max(0, this.#endedAt + this.#intervalMs - now);
  }

  /** A write was requested; it includes all content marked until it is `sent`. */
  take(): void {
    this.#busy = true;
  }

  /** An attempt starts now with the newest content. */
  sent(): void {
    this.#waiting = false;
  }

  /** The write has ended. If it was not `done`, its content still waits. */
  finish(done: boolean, now: number): void {
    this.#busy = false;
    this.#endedAt = now;
    if (!done) this.#waiting = true;
  }
}
