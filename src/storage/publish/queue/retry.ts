import { SidepipeError } from '../../../errors.js';

/** Pure: what to do after a failed call to a store, and when. */

/**
 * `retry`: the same call can succeed soon. `reconfigure`: an operator must change the store, the credentials or the clock first, so retries
 * are slow. `conflict`: another writer was first. `refused`: this object is currently not accepted, but others may be: a proxy's limit, a
 * firewall. `give-up`: this object will never be accepted.
 */
export type ErrorClass = 'retry' | 'give-up' | 'reconfigure' | 'conflict' | 'refused';

/** Errors that no store has classified (a socket error, a bug) are retried, because giving up loses a segment. */
export function errorClass(error: unknown): ErrorClass {
  if (!(error instanceof SidepipeError)) return 'retry';
  switch (error.code) {
    case 'storage-conflict':
      // Two concurrent conditional writes, of which neither has failed yet.
      return error.retryable ? 'retry' : 'conflict';
    case 'storage-denied':
    case 'storage-misconfigured':
      return 'reconfigure';
    case 'storage-refused':
      return 'refused';
    case 'storage-unavailable':
    case 'aborted':
      return 'retry';
    default:
      return error.retryable ? 'retry' : 'give-up';
  }
}

/** Whether the store requested fewer requests, as opposed to a failure. */
export function isThrottle(error: unknown): boolean {
  if (!(error instanceof SidepipeError)) return false;
  const { status, vendorCode } = error.details;
  return status === 429 || status === 503 || /^SlowDown/.test(String(vendorCode));
}

/** The delay that the store requested; 0 if it did not. */
export function retryAfterMs(error: unknown): number {
  const wished = error instanceof SidepipeError ? error.details['retryAfterMs'] : undefined;
  return typeof wished === 'number' && wished > 0 ? Math.min(wished, 60_000) : 0;
}

/** The time limit of one attempt: a fixed time for the response, plus the time of the bytes on the slowest supported link. */
export function attemptTimeoutMs(bytes: number, answerMs: number, minimumBytesPerSecond: number): number {
  return answerMs + (bytes / minimumBytesPerSecond) * 1000;
}

/** Converts a thrown value to a `SidepipeError`, for status and logs. */
export function storageError(error: unknown, message = 'The object store failed.'): SidepipeError {
  if (error instanceof SidepipeError) return error;
  return new SidepipeError(message, { code: 'storage-failed', fault: 'storage', retryable: true, cause: error });
}
