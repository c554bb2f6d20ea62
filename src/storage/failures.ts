import { SidepipeError } from '../errors.js';
import type { CallOptions } from './store.js';

/** Errors that every kind of store throws with the same text. */

export function conflict(key: string, condition: string): SidepipeError {
  return new SidepipeError(`${key} was not written: ${condition}`, {
    code: 'storage-conflict',
    fault: 'storage',
    details: { operation: 'put', key },
  });
}

export function aborted(what: string, cause?: unknown): SidepipeError {
  return new SidepipeError(`${what} was aborted`, { code: 'aborted', fault: 'caller', cause });
}

export function timedOut(
  what: string,
  timeoutMs: number,
  details: Readonly<Record<string, unknown>> = {},
): SidepipeError {
  const message = timeoutMs > 0 ? `not completed within ${Math.round(timeoutMs)} ms` : 'not started: no time was left';
  return new SidepipeError(`${what}: ${message}`, {
    code: 'storage-unavailable',
    fault: 'storage',
    retryable: true,
    details: { ...details, vendorCode: 'Timeout', status: undefined, timeoutMs },
  });
}

/** The caller aborted the call, or left no time for it. */
export function throwIfOver({ signal, timeoutMs }: CallOptions, what: string): void {
  if (signal?.aborted) throw aborted(what, signal.reason);
  if (timeoutMs !== undefined && timeoutMs <= 0) throw timedOut(what, timeoutMs);
}

/** An object is larger than the caller's limit for memory. */
export function tooLarge(key: string, bytes: number, limit: number): SidepipeError {
  return new SidepipeError(`get ${key}: the object has ${bytes} bytes; at most ${limit} are accepted`, {
    code: 'storage-failed',
    fault: 'storage',
    details: { operation: 'get', key, bytes, limit, remedy: 'delete the object if sidepipe did not write it' },
  });
}
