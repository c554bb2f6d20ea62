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
