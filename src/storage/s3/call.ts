import { SidepipeError } from '../../errors.js';
import { aborted } from '../failures.js';
import { createDeadline, type Deadline } from './deadline.js';
import { readFailure, redactor, toS3Error } from './errors.js';

interface CallSubject {
  readonly operation: string;
  readonly key?: string;
  readonly signal?: AbortSignal | undefined;
  /** How much is sent: the deadline grows with it. */
  readonly bytes?: number;
}

/** Runs one request under a deadline and throws nothing but `SidepipeError`. */
export type S3Call = <T>(
  subject: CallSubject,
  send: (init: { abortSignal: AbortSignal }, deadline: Deadline) => Promise<T>,
) => Promise<T>;

export interface CallerOptions {
  readonly bucket: string;
  /** The credentials in use: they must appear in no error. */
  readonly secrets: () => readonly string[];
  /** Fires when the store closes. */
  readonly closing: AbortSignal;
  readonly timeoutMs: (bytes: number) => number;
}

export function createCaller({ bucket, secrets, closing, timeoutMs }: CallerOptions): S3Call {
  return async (subject, send) => {
    const { operation, key, signal, bytes = 0 } = subject;
    const what = key === undefined ? operation : `${operation} ${key}`;
    for (let attempt = 1; ; attempt += 1) {
      if (closing.aborted || signal?.aborted) throw aborted(what, signal?.reason);
      const deadline = createDeadline(timeoutMs(bytes), [signal, closing]);
      try {
        // Credentials may come from a slow place that knows no signals.
        return await Promise.race([send({ abortSignal: deadline.signal }, deadline), deadline.reached]);
      } catch (error) {
        if (closing.aborted || signal?.aborted) throw aborted(what, signal?.reason);
        if (deadline.expired) throw timedOut(what, subject, bucket, deadline.timeoutMs);
        // The SDK has just read the vendor's clock and signs with it from now on.
        if (attempt === 1 && readFailure(error, redactor(secrets())).clockCorrected) continue;
        throw toS3Error(error, { operation, bucket, secrets: secrets(), ...(key === undefined ? {} : { key }) });
      } finally {
        deadline.clear();
      }
    }
  };
}

function timedOut(what: string, { operation, key }: CallSubject, bucket: string, timeoutMs: number): SidepipeError {
  return new SidepipeError(`${what} in bucket ${bucket}: not done within ${timeoutMs} ms`, {
    code: 'storage-unavailable',
    fault: 'storage',
    retryable: true,
    details: { operation, key, bucket, vendorCode: 'Timeout', status: undefined, timeoutMs },
  });
}
