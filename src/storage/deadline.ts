import { setMaxListeners } from 'node:events';
import { aborted, throwIfOver, timedOut } from './failures.js';
import type { CallOptions } from './store.js';

/** A signal that fires with the caller's signals or when the time is over, and knows which it was. */
export interface Deadline {
  readonly signal: AbortSignal;
  readonly expired: boolean;
  /** Milliseconds that the whole call may take, for messages. */
  readonly timeoutMs: number;
  /** Restarts with another time: the size of a response is known only after its headers have arrived. */
  restart(timeoutMs: number): void;
  /** Rejects when the signal fires, for calls that accept no signal. */
  readonly reached: Promise<never>;
  clear(): void;
}

/** Node.js fires a longer timer immediately. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * Unlike `AbortSignal.any` and `AbortSignal.timeout` it leaves no listener on long-lived signals after it is cleared.
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
    stop(new DOMException(`no response within ${limit} ms`, 'TimeoutError'));
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

/** Any number of calls may use one signal, so Node.js's warning about a listener leak would be wrong. */
function listen(signal: AbortSignal, onAbort: (event: Event) => void): void {
  setMaxListeners(0, signal);
  signal.addEventListener('abort', onAbort, { once: true });
}

/**
 * The same options with `timeoutMs` counted from now: each read returns the remaining time. For work of several calls that may take
 * `timeoutMs` in total.
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

/** Enforces the caller's limits on work that cannot be stopped: the promise settles in time even if the work goes on. */
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
