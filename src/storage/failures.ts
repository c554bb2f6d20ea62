import { SidepipeError } from '../errors.js';

/** The errors that every kind of store throws in the same words. */

export function conflict(key: string, condition: string): SidepipeError {
  return new SidepipeError(`${key} was not written: ${condition}`, {
    code: 'storage-conflict',
    fault: 'storage',
    details: { operation: 'put', key },
  });
}

export function aborted(what: string, cause?: unknown): SidepipeError {
  return new SidepipeError(`${what} was called off`, { code: 'aborted', fault: 'caller', cause });
}

export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted) throw aborted(what, signal.reason);
}

/** An object is longer than the caller is willing to hold in memory. */
export function tooLarge(key: string, bytes: number, limit: number): SidepipeError {
  return new SidepipeError(`get ${key}: the object has ${bytes} bytes; at most ${limit} are accepted`, {
    code: 'storage-failed',
    fault: 'storage',
    details: { operation: 'get', key, bytes, limit, remedy: 'delete the object if sidepipe did not write it' },
  });
}
