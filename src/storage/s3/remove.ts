import { DeleteObjectCommand, DeleteObjectsCommand, type S3Client } from '@aws-sdk/client-s3';
import { SidepipeError } from '../../errors.js';
import type { CallOptions } from '../store.js';
import type { S3Call } from './call.js';

type BatchDigest = 'crc32' | 'md5' | 'none';

export interface RemoverOptions {
  readonly client: S3Client;
  readonly bucket: string;
  readonly call: S3Call;
  /** The digest to try first: the strongest one that the vendor may accept. */
  readonly digest: BatchDigest;
  readonly concurrency: number;
  /** Called when a weaker method worked after a stronger one was rejected. */
  readonly onWeaker: (digest: BatchDigest) => void;
}

export interface Remover {
  /** Full keys. Keys without an object are no error. */
  remove(keys: readonly string[], limit?: CallOptions): Promise<void>;
  readonly digest: BatchDigest;
}

/** Maximum number of keys in one DeleteObjects. */
const batchSize = 1000;
const weaker: Readonly<Record<BatchDigest, BatchDigest | undefined>> = { crc32: 'md5', md5: 'none', none: undefined };

/**
 * Deletes many keys with as few requests as the vendor allows: DeleteObjects with a CRC32; with Content-MD5 if that header is rejected; one
 * DeleteObject per key if the request is unknown. The method that worked is remembered.
 */
export function createRemover(options: RemoverOptions): Remover {
  const { client, bucket, call } = options;
  let current = options.digest;

  const removeOne = async (key: string, limit: CallOptions): Promise<void> => {
    try {
      await call({ operation: 'delete', key, ...limit }, (init) =>
        client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }), init),
      );
    } catch (error) {
      if (!isAbsence(error)) throw error;
    }
  };

  const removeBatch = async (keys: readonly string[], digest: 'crc32' | 'md5', limit: CallOptions): Promise<void> => {
    const command = new DeleteObjectsCommand({
      Bucket: bucket,
      Delete: { Objects: keys.map((Key) => ({ Key })), Quiet: true },
      ChecksumAlgorithm: digest === 'md5' ? 'MD5' : 'CRC32',
    });
    if (digest === 'md5') withoutAlgorithmHeader(command);
    const answer = await call({ operation: 'delete', ...limit, bytes: keys.length * 100 }, (init) =>
      client.send(command, init),
    );
    const refused = (answer.Errors ?? []).filter((item) => item.Code !== 'NoSuchKey');
    const first = refused[0];
    if (!first) return;
    const passing = /^(SlowDown|InternalError|ServiceUnavailable|OperationAborted)/.test(first.Code ?? '');
    const denied = /^(AccessDenied|AllAccessDisabled)/.test(first.Code ?? '');
    throw new SidepipeError(
      `delete in bucket ${bucket}: ${refused.length} of ${keys.length} objects were not deleted, ` +
        `first ${first.Key}: ${first.Message ?? ''} (${first.Code})`,
      {
        code: passing ? 'storage-unavailable' : denied ? 'storage-denied' : 'storage-refused',
        fault: 'storage',
        retryable: !denied,
        details: { operation: 'delete', key: first.Key, bucket, vendorCode: first.Code, refused: refused.length },
      },
    );
  };

  const removeEach = async (keys: readonly string[], limit: CallOptions): Promise<void> => {
    const waiting = [...keys];
    const worker = async (): Promise<void> => {
      for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) await removeOne(key, limit);
    };
    const settled = await Promise.allSettled(
      Array.from({ length: Math.min(options.concurrency, keys.length) }, async () => worker()),
    );
    const bad = settled.find((result) => result.status === 'rejected');
    if (bad) throw bad.reason;
  };

  const removeMany = async (keys: readonly string[], limit: CallOptions): Promise<void> => {
    for (let digest: BatchDigest | undefined = current; digest !== undefined; digest = weaker[digest]) {
      try {
        await (digest === 'none' ? removeEach(keys, limit) : removeBatch(keys, digest, limit));
      } catch (error) {
        if (digest === 'none' || !refusesDigest(error)) throw error;
        continue;
      }
      if (digest !== current) {
        current = digest;
        options.onWeaker(digest);
      }
      return;
    }
  };

  return {
    get digest() {
      return current;
    },
    async remove(keys, limit = {}) {
      if (keys.length === 1) return removeOne(keys[0]!, limit);
      for (let start = 0; start < keys.length; start += batchSize) {
        await removeMany(keys.slice(start, start + batchSize), limit);
      }
    },
  };
}

/** Vendors that require Content-MD5 reject the SDK's header that names an algorithm. */
function withoutAlgorithmHeader(command: DeleteObjectsCommand): void {
  command.middlewareStack.add(
    (next) => (args) => {
      delete (args.request as { headers?: Record<string, string> }).headers?.['x-amz-sdk-checksum-algorithm'];
      return next(args);
    },
    { step: 'build', priority: 'low', name: 'withoutAlgorithmHeader' },
  );
}

/** The keys are plain, so a 4xx about the request's format can only be due to its digest or the operation itself. */
function refusesDigest(error: unknown): boolean {
  return (
    error instanceof SidepipeError &&
    [400, 405, 411, 501].includes(Number(error.details['status'])) &&
    error.code !== 'storage-unavailable'
  );
}

const isAbsence = (error: unknown): boolean =>
  error instanceof SidepipeError && error.details['vendorCode'] === 'NoSuchKey';
