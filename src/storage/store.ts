/** One object as it is written: the body is a Buffer or Uint8Array, never a stream, so that it can be sent again. */
export interface StoredObject {
  readonly key: string;
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly cacheControl?: string;
  /** Further metadata, sent as `x-amz-meta-*` where the store has such headers. ASCII only. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface ObjectInfo {
  readonly key: string;
  readonly bytes: number;
  readonly etag: string;
  /** Milliseconds since the epoch, by the store's clock. */
  readonly modifiedAt: number;
}

/** Limits of one call. Every store keeps them: the promise settles in time even if whatever is behind the store hangs. */
export interface CallOptions {
  /** Ends the call with `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The longest that the whole call may take; then it fails as `storage-unavailable`, and what it was to write may be written
   * or not. With 0 nothing is started. Default: as long as the store thinks right.
   */
  readonly timeoutMs?: number | undefined;
}

export interface PutOptions extends CallOptions {
  /**
   * Write only if no object has this key: a second writer gets `storage-conflict`. On a store whose `capabilities`
   * lack it the put is refused as `storage-misconfigured` (details.unsupported), never silently unconditional.
   */
  readonly ifNoneMatch?: '*';
  /** Write only if the object still has this ETag, else `storage-conflict`. */
  readonly ifMatch?: string;
}

export interface GetOptions extends CallOptions {
  /** A longer object is not read but an error. Default: by the kind of object, see `mostBytesOf`. */
  readonly mostBytes?: number;
}

/** What a store was seen to do when it was asked, not what its vendor's name promises. */
export interface StoreCapabilities {
  /** `ifNoneMatch: '*'` is honoured: of two writers that create the same key one gets `storage-conflict`. */
  readonly ifNoneMatch: boolean;
  /** `ifMatch` is honoured: the right ETag writes, a wrong one gets `storage-conflict`. */
  readonly ifMatch: boolean;
  /** Checksum headers (CRC32) on puts are accepted. They are never needed: the signature covers the body's SHA-256. */
  readonly checksum: boolean;
  readonly acl: boolean;
  /** The digest with which many keys are deleted in one request; `none`: one request a key. */
  readonly batchDelete: 'crc32' | 'md5' | 'none';
  /** `contentType`, `cacheControl` and `metadata` come back from `get` as they were put. */
  readonly metadata: boolean;
}

/**
 * The one interface to object stores. Every method throws a `SidepipeError` with fault `storage`; `retryable` says
 * whether the same call may succeed later. A put is atomic: readers see the old object or the whole new one.
 */
export interface ObjectStore {
  /** For logs and the API: `s3://bucket/prefix`, without secrets. */
  readonly description: string;
  put(object: StoredObject, options?: PutOptions): Promise<{ etag: string }>;
  /** Undefined when there is no such object. */
  get(key: string, options?: GetOptions): Promise<(StoredObject & ObjectInfo) | undefined>;
  head(key: string, options?: CallOptions): Promise<ObjectInfo | undefined>;
  /** All objects whose key begins with `prefix`, in the order of their keys, page by page behind the scenes. */
  list(prefix: string, options?: CallOptions): AsyncIterable<ObjectInfo>;
  /** Deletes what is there; keys without an object are no error. */
  delete(keys: readonly string[], options?: CallOptions): Promise<void>;
  /**
   * The first call may ask the store with a few small objects under keys of its own that are deleted at once; what it
   * learnt is remembered for the life of the store. A store that cannot be reached rejects, and is asked again next time.
   */
  capabilities(options?: CallOptions): Promise<StoreCapabilities>;
  /** Reads the credentials again where they come from outside the configuration. Never rejects. */
  renewCredentials?(): Promise<void>;
  /** Ends calls under way with `aborted`. Calling it twice is no error; every later call is `aborted`. */
  close(): Promise<void>;
}
