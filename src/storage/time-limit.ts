import { createDeadline } from '../deadline.js';
import { aborted, throwIfOver, timedOut } from './failures.js';
import type { CallOptions } from './store.js';

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
