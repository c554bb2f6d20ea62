import { SidepipeError } from '../../../errors.js';

/** Pure: what to do about a failed call to a store, and when. */

/**
 * `retry`: the same call can succeed soon. `reconfigure`: somebody must change the store, the credentials or the
 * clock first, so it is asked again, slowly. `conflict`: another writer was there. `refused`: this object is not taken for
 * now, which says nothing of others: a proxy's limit, a firewall. `give-up`: never for this object.
 */
export type ErrorClass = 'retry' | 'give-up' | 'reconfigure' | 'conflict' | 'refused';

/** An error that no store has classified (a socket's, a bug's) is worth another attempt: giving up loses a segment. */
export function errorClass(error: unknown): ErrorClass {
  if (!(error instanceof SidepipeError)) return 'retry';
  switch (error.code) {
    case 'storage-conflict':
      // Two conditional writes at one moment, of which none has lost yet.
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

/** Whether the store asked for fewer requests, as opposed to having failed. */
export function isThrottle(error: unknown): boolean {
  if (!(error instanceof SidepipeError)) return false;
  const { status, vendorCode } = error.details;
  return status === 429 || status === 503 || /^SlowDown/.test(String(vendorCode));
}

/** How long the store asked to be left alone; 0 when it did not. */
export function retryAfterMs(error: unknown): number {
  const wished = error instanceof SidepipeError ? error.details['retryAfterMs'] : undefined;
  return typeof wished === 'number' && wished > 0 ? Math.min(wished, 60_000) : 0;
}

export interface BackoffOptions {
  /** Failures so far, from 1. */
  readonly failures: number;
  readonly baseMs: number;
  readonly capMs: number;
  /** From 0 to below 1. */
  readonly random: number;
}

/** Full jitter: anything from nothing to the doubled limit, so that nodes which failed together return apart. */
export function fullJitterMs({ failures, baseMs, capMs, random }: BackoffOptions): number {
  return random * ceilingMs(failures, baseMs, capMs);
}

/** Half of the limit and a jittered half: for waits that must not be short, such as those on a store that refuses. */
export function slowJitterMs({ failures, baseMs, capMs, random }: BackoffOptions): number {
  return ((1 + random) / 2) * ceilingMs(failures, baseMs, capMs);
}

function ceilingMs(failures: number, baseMs: number, capMs: number): number {
  return Math.min(capMs, baseMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
}

/** How long one attempt may take: a set time to answer, and the time of the bytes on the slowest link worth having. */
export function attemptTimeoutMs(bytes: number, answerMs: number, minimumBytesPerSecond: number): number {
  return answerMs + (bytes / minimumBytesPerSecond) * 1000;
}

/** A `SidepipeError` of whatever was thrown, for status and logs. */
export function storageError(error: unknown, message = 'The object store failed.'): SidepipeError {
  if (error instanceof SidepipeError) return error;
  return new SidepipeError(message, { code: 'storage-failed', fault: 'storage', retryable: true, cause: error });
}
