import { setMaxListeners } from 'node:events';

/** A signal that follows other signals and a time limit, and tells which of them it was. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Whether the time limit aborted the signal. */
  readonly expired: boolean;
  /** The time limit in milliseconds, for messages. */
  readonly timeoutMs: number;
  /** Starts again with another time limit, for example because the size of a response is known only once it arrives. */
  restart(timeoutMs: number): void;
  /** Rejects when the signal aborts, for work that takes no signal. */
  readonly reached: Promise<never>;
  /** Must be called when the work is done. */
  clear(): void;
}

/** Node.js fires a longer timer immediately. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * Unlike `AbortSignal.any` and `AbortSignal.timeout`, it leaves neither listeners nor a timer behind once it is cleared. An infinite
 * time limit never expires.
 */
export function createDeadline(timeoutMs: number, signals: readonly (AbortSignal | undefined)[] = []): Deadline {
  const controller = new AbortController();
  const followed = signals.filter((signal) => signal !== undefined);
  let expired = false;
  let limit = timeoutMs;
  let timer: NodeJS.Timeout | undefined;
  let reached: Promise<never> | undefined;

  const onAbort = (event: Event): void => controller.abort((event.target as AbortSignal).reason);
  const expire = (): void => {
    if (controller.signal.aborted) return;
    expired = true;
    controller.abort(new DOMException(`no response within ${limit} ms`, 'TimeoutError'));
  };
  const start = (): void => {
    if (limit <= longestTimerMs) timer = setTimeout(expire, limit);
  };
  start();
  for (const signal of followed) {
    if (signal.aborted) controller.abort(signal.reason);
    else listen(signal, onAbort);
  }

  return {
    signal: controller.signal,
    get reached() {
      reached ??= rejectionOf(controller.signal);
      return reached;
    },
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

/** Any number of calls may follow one signal: Node's warning of a leak would be wrong. */
function listen(signal: AbortSignal, onAbort: (event: Event) => void): void {
  setMaxListeners(0, signal);
  signal.addEventListener('abort', onAbort, { once: true });
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  const rejection = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  // The work may be done before anything waits for the rejection.
  rejection.catch(() => undefined);
  return rejection;
}
