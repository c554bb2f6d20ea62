import { createDeadline } from '../../deadline.js';
import { aborted, throwIfOver, timedOut } from '../failures.js';
import type { CallOptions } from '../store.js';
import { startLimit } from '../time-limit.js';
import type { CredentialSource } from './credential-source.js';
import { readFailure, redactor, toS3Error } from './errors.js';
import type { ResponseLimits } from './responses.js';

interface CallSubject extends CallOptions {
  readonly operation: string;
  readonly key?: string;
  /** Bytes to send: the deadline grows with them. */
  readonly bytes?: number;
  /** Maximum size of the response body. */
  readonly mostBytes?: number;
  /** The request has a condition. */
  readonly conditional?: boolean;
}

/**
 * Runs one request with a deadline; throws only `SidepipeError`. The deadline is the store's own, by the number of bytes, or the caller's
 * remaining time if that is less.
 */
export type S3Call = <T>(subject: CallSubject, send: (init: ResponseLimits) => Promise<T>) => Promise<T>;

export interface CallerOptions {
  readonly bucket: string;
  /** The credentials in use, which must not appear in any error. */
  readonly secrets: () => readonly string[];
  /** Fires when the store closes. */
  readonly closing: AbortSignal;
  /** The store's own time limit. */
  readonly timeoutMs: (bytes: number) => number;
  readonly credentials: () => CredentialSource;
  /** Called when the credentials were denied. Returns whether there are others now. */
  readonly renew: () => Promise<boolean>;
}

export function createCaller(options: CallerOptions): S3Call {
  const { bucket, secrets, closing, renew } = options;
  return async (subject, send) => {
    const { operation, key, signal, bytes = 0, mostBytes, conditional } = subject;
    const what = key === undefined ? operation : `${operation} ${key}`;
    const limit = startLimit(subject);
    const limitMs = (count: number): number =>
      Math.min(options.timeoutMs(count), limit.timeoutMs ?? Number.POSITIVE_INFINITY);
    for (let attempt = 1; ; attempt += 1) {
      if (closing.aborted) throw aborted(what);
      throwIfOver(limit, what);
      const deadline = createDeadline(limitMs(bytes), [signal, closing]);
      try {
        const init: ResponseLimits = {
          abortSignal: deadline.signal,
          ...(mostBytes !== undefined && { mostBytes }),
          // The time limit of the response depends on its length.
          onHead: (length) => {
            if (length > 0) deadline.restart(limitMs(Math.min(length, mostBytes ?? length)));
          },
        };
        // Credentials may come from a slow provider that accepts no signal.
        return await Promise.race([send(init), deadline.reached]);
      } catch (error) {
        if (closing.aborted || signal?.aborted) throw aborted(what, signal?.reason);
        if (deadline.expired)
          throw timedOut(`${what} in bucket ${bucket}`, deadline.timeoutMs, { operation, key, bucket });
        // The SDK has just read the vendor's clock and uses it for signatures from now on.
        if (attempt === 1 && readFailure(error, redactor(secrets())).clockCorrected) continue;
        const context = { operation, bucket, bytes, secrets: secrets(), credentials: options.credentials() };
        const failure = toS3Error(error, {
          ...context,
          ...(key !== undefined && { key }),
          ...(conditional !== undefined && { conditional }),
        });
        // The SDK's chain does not accept a signal either.
        const isRenewed = async () => Promise.race([renew(), deadline.reached.catch(() => false)]);
        if (attempt === 1 && failure.code === 'storage-denied' && (await isRenewed())) continue;
        throw failure;
      } finally {
        deadline.clear();
      }
    }
  };
}
