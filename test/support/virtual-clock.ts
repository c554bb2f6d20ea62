import type { Clock } from '../../src/storage/publish/types.js';

interface Timer {
  readonly at: number;
  readonly id: number;
  /** Undefined when cancelled, so that nothing is kept in memory by it. */
  run: (() => void) | undefined;
}

/** Time that passes only when told to: an hour of retries takes as long as its work. */
export class VirtualClock implements Clock {
  #now = Date.UTC(2026, 0, 1);
  #nextId = 0;
  /** A binary heap by time, then by the order of asking. */
  readonly #heap: Timer[] = [];

  now(): number {
    return this.#now;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, delayMs), id: this.#nextId++, run };
    this.#push(timer);
    return () => {
      timer.run = undefined;
    };
  }

  /** Resolves after `delayMs`. */
  delay(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  /** Lets `durationMs` pass: each timer runs at its time, and all that it sets off before the next. */
  async advance(durationMs: number): Promise<void> {
    const end = this.#now + durationMs;
    await settle();
    for (let timer = this.#heap[0]; timer !== undefined && timer.at <= end; timer = this.#heap[0]) {
      this.#pop();
      if (timer.run === undefined) continue;
      this.#now = Math.max(this.#now, timer.at);
      timer.run();
      await settle();
    }
    this.#now = end;
  }

  /** Advances until the promise is settled. */
  async until<R>(promise: Promise<R>, limitMs = 3_600_000): Promise<R> {
    let over = false;
    const done = (): void => {
      over = true;
    };
    promise.then(done, done);
    for (let passed = 0; !over && passed < limitMs; passed += 50) await this.advance(50);
    if (!over) throw new Error(`not settled within ${limitMs} ms of virtual time`);
    return promise;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(timer, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.id < b.id);
}

/** Everything that is ready to run has run: promises, to any depth. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
