import { SidepipeError } from '../../../errors.js';
import type { Clock } from '../clock.js';

/**
 * Runs one call with a deadline. The call's signal is aborted at the deadline or when `signal` is, and the promise rejects
 * then even if the call never settles: a store that hangs must not hold a slot.
 */
export async function withDeadline<R>(
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal,
  call: (signal: AbortSignal) => Promise<R>,
): Promise<R> {
  const controller = new AbortController();
  let stop = (): void => {};
  const stopped = new Promise<never>((_resolve, reject) => {
    const end = (error: SidepipeError): void => {
      reject(error);
      controller.abort(error);
    };
    const cancelTimer = clock.after(timeoutMs, () => end(timedOut(timeoutMs)));
    const abort = (): void => end(calledOff(signal.reason));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    stop = () => {
      cancelTimer();
      signal.removeEventListener('abort', abort);
    };
  });
  try {
    return await Promise.race([stopped, controller.signal.aborted ? stopped : call(controller.signal)]);
  } finally {
    stop();
  }
}

function timedOut(timeoutMs: number): SidepipeError {
  return new SidepipeError(`The object store did not answer within ${Math.round(timeoutMs)} ms.`, {
    code: 'storage-unavailable',
    fault: 'storage',
    retryable: true,
  });
}

function calledOff(cause: unknown): SidepipeError {
  return new SidepipeError('The upload was called off.', { code: 'aborted', fault: 'node', cause });
}
