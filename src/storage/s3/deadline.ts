import { setMaxListeners } from 'node:events';

/** A signal that follows the caller's signals and a clock, and says which of them it was. */
export interface Deadline {
  readonly signal: AbortSignal;
  readonly expired: boolean;
  /** Milliseconds that the whole call may take, for messages. */
  readonly timeoutMs: number;
  /** Begins again with another time: the response's size is known only once it answers. */
  restart(timeoutMs: number): void;
  /** Rejects when the signal fires, for what takes no signal itself. */
  readonly reached: Promise<never>;
  clear(): void;
}

/**
 * Unlike `AbortSignal.any` and `AbortSignal.timeout` it leaves nothing behind on long-lived signals once it is cleared.
 */
export function createDeadline(timeoutMs: number, signals: readonly (AbortSignal | undefined)[]): Deadline {
  const controller = new AbortController();
  const followed = signals.filter((signal) => signal !== undefined);
  let expired = false;
  let limit = timeoutMs;
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
  let timer = setTimeout(expire, limit);
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
      timer = setTimeout(expire, nextMs);
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
