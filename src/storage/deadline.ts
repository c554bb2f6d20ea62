import { setMaxListeners } from 'node:events';
import { aborted, throwIfOver, timedOut } from './failures.js';
import type { CallOptions } from './store.js';

/** A signal that follows the caller's signals and a clock, and says which of them it was. */
export interface Deadline {
  readonly signal: AbortSignal;
  readonly expired: boolean;
  /** Milliseconds that the whole call may take, for messages. */
  readonly timeoutMs: number;
  /** Starts again with another time: the response's size is known only once it answers. */
  restart(timeoutMs: number): void;
  /** Rejects when the signal fires, for what takes no signal itself. */
  readonly reached: Promise<never>;
  clear(): void;
}

/** Node fires a longer timer at once. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * Unlike `AbortSignal.any` and `AbortSignal.timeout` it leaves nothing behind on long-lived signals once it is cleared.
 * An infinite time never expires.
 */
export function createDeadline(timeoutMs: number, signals: readonly (AbortSignal | undefined)[]): Deadline {
  const controller = new AbortController();
  const followed = signals.filter((signal) => signal !== undefined);
  let expired = false;
  let limit = timeoutMs;
  let timer: NodeJS.Timeout | undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const reached = new Promise<never>((_, fail) => {
    reject = fail;
  });
  reached.catch(() => undefined);

  const stop = (reason: unknown): void => {
    controller.abort(reason);
    reject(reason);
  };
  const onAbort = (event: Event): void => stop((event.target as AbortSignal).reason);
  const expire = (): void => {
    expired = true;
    stop(new DOMException(`no answer within ${limit} ms`, 'TimeoutError'));
  };
  const start = (): void => {
    if (limit <= longestTimerMs) timer = setTimeout(expire, limit);
  };
  start();
  for (const signal of followed) {
    if (signal.aborted) stop(signal.reason);
    else listen(signal, onAbort);
  }

  return {
    signal: controller.signal,
    reached,
    get expired() {
      return expired;
    },
    get timeoutMs() {
      return limit;
    },
    restart(nextMs) {
      clearTimeout(timer);
      limit = nextMs;
      start();
    },
    clear() {
      clearTimeout(timer);
      for (const signal of followed) signal.removeEventListener('abort', onAbort);
    },
  };
}

/** As many calls may be under way on one signal as the publisher likes: Node's warning of a leak would be wrong. */
function listen(signal: AbortSignal, onAbort: (event: Event) => void): void {
  setMaxListeners(0, signal);
  signal.addEventListener('abort', onAbort, { once: true });
}

/**
 * The same call with `timeoutMs` counted from now: each reader gets what is left. For work that takes several calls and
 * may take `timeoutMs` altogether.
 */
export function startLimit<C extends CallOptions>(call: C, now: () => number = () => performance.now()): C {
  if (call.timeoutMs === undefined) return call;
  const endsAt = now() + call.timeoutMs;
  return {
    ...call,
    get timeoutMs() {
      return Math.max(0, endsAt - now());
    },
  };
}

/** Keeps the caller's limits for work that cannot be stopped: the promise settles in time, whatever becomes of the work. */
export async function within<T>(
  call: CallOptions,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  throwIfOver(call, what);
  const { signal, timeoutMs = Number.POSITIVE_INFINITY } = call;
  const deadline = createDeadline(timeoutMs, [signal]);
  try {
    return await Promise.race([work(deadline.signal), deadline.reached]);
  } catch (error) {
    if (signal?.aborted) throw aborted(what, signal.reason);
    if (deadline.expired) throw timedOut(what, deadline.timeoutMs);
    throw error;
  } finally {
    deadline.clear();
  }
}
