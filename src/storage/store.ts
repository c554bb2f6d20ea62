/** An object to write: its body is a Buffer or Uint8Array, never a stream, so that it can be sent again. */
export interface StoredObject {
  readonly key: string;
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly cacheControl?: string;
  /** Additional metadata, sent as `x-amz-meta-*` if the store has such headers. ASCII only. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface ObjectInfo {
  readonly key: string;
  readonly bytes: number;
  readonly etag: string;
  /** Milliseconds since the epoch, by the store's clock. */
  readonly modifiedAt: number;
}

/** Limits of one call. Every store enforces them: the promise settles in time even if its backend hangs. */
export interface CallOptions {
  /** Aborts the call with `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The maximum time of the whole call. After it, the call fails with `storage-unavailable`, and a write may or may not have happened. With 0
   * nothing is started. Default: the store's own limit.
   */
  readonly timeoutMs?: number | undefined;
}

export interface PutOptions extends CallOptions {
  /**
   * Write only if no object has this key: a second writer gets `storage-conflict`. If the store's `capabilities` lack it, the put fails with
   * `storage-misconfigured` (details.unsupported); it is never silently unconditional.
   */
  readonly ifNoneMatch?: '*';
  /** Write only if the object still has this ETag, else `storage-conflict`. */
  readonly ifMatch?: string;
}

export interface GetOptions extends CallOptions {
  /** A larger object is an error and is not read. Default: by the kind of object, see `mostBytesOf`. */
  readonly mostBytes?: number;
}

/** Tested behaviour of a store, not what its vendor documents. */
export interface StoreCapabilities {
  /** `ifNoneMatch: '*'` is honoured: of two writers that create the same key one gets `storage-conflict`. */
  readonly ifNoneMatch: boolean;
  /** `ifMatch` is honoured: the right ETag writes, a wrong one gets `storage-conflict`. */
  readonly ifMatch: boolean;
  /** Checksum headers (CRC32) on puts are accepted. They are never needed: the signature covers the body's SHA-256. */
  readonly checksum: boolean;
  readonly acl: boolean;
  /** The digest for deleting many keys in one request; `none`: one request per key. */
  readonly batchDelete: 'crc32' | 'md5' | 'none';
  /** `get` returns `contentType`, `cacheControl` and `metadata` as they were put. */
  readonly metadata: boolean;
}

/**
 * The interface of all object stores. Every method throws a `SidepipeError` with fault `storage`; `retryable` says whether the same call may
 * succeed later. A put is atomic: readers see the old object or the complete new one.
 */
export interface ObjectStore {
  /** For logs and the API: `s3://bucket/prefix`, without secrets. */
  readonly description: string;
  put(object: StoredObject, options?: PutOptions): Promise<{ etag: string }>;
  /** Undefined if there is no such object. */
  get(key: string, options?: GetOptions): Promise<(StoredObject & ObjectInfo) | undefined>;
  head(key: string, options?: CallOptions): Promise<ObjectInfo | undefined>;
  /** All objects whose key starts with `prefix`, in the order of their keys. Reads page by page. */
  list(prefix: string, options?: CallOptions): AsyncIterable<ObjectInfo>;
  /** Deletes the existing objects; keys without an object are no error. */
  delete(keys: readonly string[], options?: CallOptions): Promise<void>;
  /**
   * The first call may test the store with a few small objects under its own keys, which it deletes at once, and remembers the results. If the
   * store is unreachable the call rejects, and the next call tests again.
   */
  capabilities(options?: CallOptions): Promise<StoreCapabilities>;
  /** Reads the credentials again if they come from outside the configuration. Never rejects. */
  renewCredentials?(): Promise<void>;
  /** Aborts all calls with `aborted`, also later ones. May be called twice. */
  close(): Promise<void>;
}
