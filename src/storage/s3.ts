import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import type { S3Config } from '../config/schema/schema.js';
import { SidepipeError } from '../errors.js';
import { conflict, throwIfOver } from './failures.js';
import { checkKey, mostBytesOf } from './keys.js';
import { absentAsUndefined, infoOf, isRefusal, vendorCodeOf } from './s3/answers.js';
import { createCaller } from './s3/call.js';
import { createClient, type Identity, renewCredentials } from './s3/client.js';
import { type CredentialSource, credentialSource } from './s3/credential-source.js';
import { bare, type Detected, detect } from './s3/detect.js';
import { notS3 } from './s3/errors.js';
import { createRemover } from './s3/remove.js';
import { resolveVendor } from './s3/vendors.js';
import type { CallOptions, GetOptions, ObjectStore, PutOptions, StoreCapabilities, StoredObject } from './store.js';
import { startLimit, within } from './time-limit.js';

export interface S3StoreOptions {
  /** The time limit of a call, in addition to the time for its bytes. */
  readonly requestTimeoutMs?: number;
  /** The slowest supported link. */
  readonly minBytesPerSecond?: number;
  readonly connectTimeoutMs?: number;
  /** Called once for each feature that the vendor rejects and the store goes without. */
  readonly onNotice?: (message: string) => void;
}

type Put = PutOptions & { readonly checksum?: boolean; readonly acl?: S3Config['acl'] };

/**
 * Objects in a bucket of any S3-compatible vendor. One call is one attempt (the publisher retries), with a deadline that grows with the
 * object's size. Features that a vendor rejects are detected and remembered. Throws `storage-misconfigured` if the settings are not
 * sufficient for a client; does not contact the vendor.
 */
export async function createS3Store(config: S3Config, options: S3StoreOptions = {}): Promise<ObjectStore> {
  const { requestTimeoutMs = 10_000, minBytesPerSecond = 32 * 1024, connectTimeoutMs = 3_000, onNotice } = options;
  const { bucket, prefix } = config;
  const vendor = resolveVendor(config);
  if (vendor.notice !== undefined) onNotice?.(vendor.notice);
  let identity: Identity = identityIn(config);
  const onIdentity = (next: Identity): void => {
    identity = next;
  };
  const secrets = (): readonly string[] =>
    [identity.accessKeyId, identity.secretAccessKey, identity.sessionToken].filter((text) => text !== undefined);
  const credentials = (): CredentialSource => credentialSource(config, process.env, identity.$source);
  const client = await createClient({ config, vendor, connectTimeoutMs, onIdentity });
  const closing = new AbortController();
  const timeoutMs = (bytes: number): number => Math.ceil(requestTimeoutMs + (bytes * 1000) / minBytesPerSecond);
  /** Reads the SDK's credential chain again, but not after every denied call, because the chain may query other services. */
  let renewedAt = Number.NEGATIVE_INFINITY;
  const renew = async (): Promise<boolean> => {
    if (!credentials().isChain || performance.now() - renewedAt < renewEveryMs) return false;
    renewedAt = performance.now();
    return renewCredentials(client, identity).catch(() => false);
  };
  const call = createCaller({ bucket, secrets, credentials, renew, closing: closing.signal, timeoutMs });
  const remover = createRemover({
    client,
    bucket,
    call,
    digest: vendor.batchDelete,
    concurrency: Math.min(8, config.concurrency),
    onWeaker: (digest) =>
      onNotice?.(
        digest === 'md5'
          ? 'deletes use Content-MD5: CRC32 was rejected'
          : 'objects are deleted one by one: no batch delete',
      ),
  });
  const fixed: Partial<PutObjectCommandInput> = {
    ...(config.storageClass === undefined
      ? {}
      : { StorageClass: config.storageClass as NonNullable<PutObjectCommandInput['StorageClass']> }),
    ...(config.serverSideEncryption === undefined ? {} : { ServerSideEncryption: config.serverSideEncryption }),
    ...(config.kmsKeyId === undefined ? {} : { SSEKMSKeyId: config.kmsKeyId }),
  };
  let sendsAcl = config.acl !== undefined;
  let detection: Promise<Detected> | undefined;

  const putRaw = async (fullKey: string, object: Omit<StoredObject, 'key'>, put: Put): Promise<{ etag: string }> => {
    const input: PutObjectCommandInput = {
      Bucket: bucket,
      Key: fullKey,
      Body: object.body,
      ContentLength: object.body.byteLength,
      ContentType: object.contentType,
      ...fixed,
      ...(object.cacheControl === undefined ? {} : { CacheControl: object.cacheControl }),
      ...(object.metadata === undefined ? {} : { Metadata: { ...object.metadata } }),
      ...(put.ifNoneMatch === undefined ? {} : { IfNoneMatch: put.ifNoneMatch }),
      ...(put.ifMatch === undefined ? {} : { IfMatch: put.ifMatch }),
      ...(put.checksum ? { ChecksumAlgorithm: 'CRC32' as const } : {}),
      ...(put.acl === undefined ? {} : { ACL: put.acl }),
    };
    const conditional = put.ifMatch !== undefined || put.ifNoneMatch !== undefined;
    const bytes = object.body.byteLength;
    const limit: CallOptions = { signal: put.signal, timeoutMs: put.timeoutMs };
    const subject = { operation: 'put', key: fullKey, ...limit, bytes, conditional };
    const answer = await call(subject, (init) => client.send(new PutObjectCommand(input), init)).catch((error) => {
      // If-Match for an object that no longer exists.
      if (put.ifMatch !== undefined && vendorCodeOf(error) === 'NoSuchKey') throw conflict(fullKey, 'it is gone');
      throw error;
    });
    return { etag: etagOf(answer, 'put', fullKey) };
  };
  const etagOf = ({ ETag, $metadata }: Answer, operation: string, key: string): string => {
    if (ETag) return ETag;
    throw new SidepipeError(`${operation} ${key}: the response has no ETag; ${notS3}`, {
      code: 'storage-misconfigured',
      fault: 'storage',
      details: { operation, key, bucket, status: $metadata.httpStatusCode, remedy: notS3 },
    });
  };

  const detectOnce = async (limit: CallOptions): Promise<Detected> => {
    throwIfOver(limit, 'capabilities');
    detection ??= detect({
      prefix,
      signal: closing.signal,
      put: (key, { acl, checksum, ...conditions }) =>
        putRaw(key, probeObject, {
          ...conditions,
          checksum: checksum === true,
          ...(acl ? { acl: config.acl ?? 'private' } : {}),
        }),
      remove: (keys) => remover.remove(keys),
    }).catch((error: unknown) => {
      detection = undefined;
      throw error;
    });
    const shared = detection;
    return within(limit, 'capabilities', () => shared);
  };

  /** The condition in the form that the store supports; throws if it supports none. */
  const conditionFor = async ({ ifMatch, ifNoneMatch, ...limit }: PutOptions, key: string): Promise<Put> => {
    if (ifMatch === undefined && ifNoneMatch === undefined) return {};
    const found = await detectOnce(limit);
    const unsupported = ifNoneMatch !== undefined && !found.ifNoneMatch ? 'ifNoneMatch' : 'ifMatch';
    if (unsupported === 'ifNoneMatch' || (ifMatch !== undefined && found.ifMatch === 'no')) {
      throw new SidepipeError(`put ${key} in bucket ${bucket}: the store does not support conditional writes`, {
        code: 'storage-misconfigured',
        fault: 'storage',
        details: { operation: 'put', key, bucket, unsupported },
      });
    }
    return {
      ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
      ...(ifMatch === undefined ? {} : { ifMatch: found.ifMatch === 'bare' ? bare(ifMatch) : ifMatch }),
    };
  };

  return {
    description: `s3://${bucket}/${prefix}`,
    async put(object, putOptions = {}) {
      const key = prefix + checkKey(object.key);
      const limit = startLimit(putOptions);
      const condition = await conditionFor(limit, key);
      const acl = sendsAcl ? config.acl : undefined;
      if (acl === undefined) return putRaw(key, object, { ...limit, ...condition });
      try {
        return await putRaw(key, object, { ...limit, ...condition, acl });
      } catch (error) {
        if (!isRefusal(error)) throw error;
        const result = await putRaw(key, object, { ...limit, ...condition });
        if (sendsAcl) onNotice?.(`the store refuses ACLs (${vendorCodeOf(error)}): remove storage.s3.acl`);
        sendsAcl = false;
        return result;
      }
    },
    async get(key, { mostBytes = mostBytesOf(key), ...limit }: GetOptions = {}) {
      const fullKey = prefix + checkKey(key);
      return absentAsUndefined(
        call({ operation: 'get', key: fullKey, ...limit, mostBytes }, async (init) => {
          const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: fullKey }), init);
          etagOf(answer, 'get', fullKey);
          const body = (await answer.Body?.transformToByteArray()) ?? new Uint8Array();
          return {
            ...infoOf(key, { ...answer, Size: body.byteLength }),
            body,
            contentType: answer.ContentType ?? 'application/octet-stream',
            ...(answer.CacheControl === undefined ? {} : { cacheControl: answer.CacheControl }),
            ...(answer.Metadata && Object.keys(answer.Metadata).length > 0 ? { metadata: answer.Metadata } : {}),
          };
        }),
      );
    },
    async head(key, limit: CallOptions = {}) {
      const fullKey = prefix + checkKey(key);
      return absentAsUndefined(
        call({ operation: 'head', key: fullKey, ...limit }, async (init) => {
          const answer = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: fullKey }), init);
          etagOf(answer, 'head', fullKey);
          return infoOf(key, { ...answer, Size: answer.ContentLength });
        }),
      );
    },
    async *list(listPrefix, options: CallOptions = {}) {
      const limit = startLimit(options);
      let token: string | undefined;
      do {
        const page = await call({ operation: 'list', key: prefix + listPrefix, ...limit }, (init) =>
          client.send(
            new ListObjectsV2Command({
              Bucket: bucket,
              Prefix: prefix + listPrefix,
              ...(token === undefined ? {} : { ContinuationToken: token }),
            }),
            init,
          ),
        );
        for (const item of page.Contents ?? []) {
          if (item.Key !== undefined) yield infoOf(item.Key.slice(prefix.length), item);
        }
        const next = page.IsTruncated ? page.NextContinuationToken : undefined;
        if (next !== undefined && next === token) throw endless(prefix + listPrefix, bucket);
        token = next;
      } while (token !== undefined);
    },
    async delete(keys, options: CallOptions = {}) {
      await remover.remove(
        keys.map((key) => prefix + checkKey(key)),
        startLimit(options),
      );
    },
    async capabilities(limit: CallOptions = {}): Promise<StoreCapabilities> {
      const found = await detectOnce(limit);
      return { ...found, ifMatch: found.ifMatch !== 'no', batchDelete: remover.digest, metadata: true };
    },
    async renewCredentials() {
      renewedAt = Number.NEGATIVE_INFINITY;
      await renew();
    },
    async close() {
      closing.abort();
      client.destroy();
    },
  };
}

const renewEveryMs = 10_000;

type Answer = {
  readonly ETag?: string | undefined;
  readonly $metadata: { readonly httpStatusCode?: number | undefined };
};

function identityIn({ accessKeyId, secretAccessKey, sessionToken }: S3Config): Identity {
  return {
    ...(accessKeyId !== undefined && { accessKeyId }),
    ...(secretAccessKey !== undefined && { secretAccessKey }),
    ...(sessionToken !== undefined && { sessionToken }),
  };
}

function endless(key: string, bucket: string): SidepipeError {
  return new SidepipeError(`list ${key} in bucket ${bucket}: the store returns the same page repeatedly`, {
    code: 'storage-failed',
    fault: 'storage',
    details: { operation: 'list', key, bucket },
  });
}

const probeObject = { body: Buffer.from('sidepipe'), contentType: 'text/plain' };
