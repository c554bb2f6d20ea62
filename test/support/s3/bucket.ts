import { randomBytes } from 'node:crypto';
import { md5Hex } from './digests.js';
import { badRequest, S3Error } from './errors.js';

export interface StoredItem {
  readonly key: string;
  readonly body: Buffer;
  /** Quoted. */
  readonly etag: string;
  /** Milliseconds since the epoch, by the server's clock. */
  readonly modifiedAt: number;
  /** Headers that come back with the object: content type, cache control, metadata, … */
  readonly headers: Readonly<Record<string, string>>;
  readonly publicRead: boolean;
}

/** Told after each commit, before anyone else can read or write. */
export interface Commit {
  readonly type: 'put' | 'delete';
  readonly bucket: string;
  readonly key: string;
  /** Undefined for a delete. */
  readonly item: StoredItem | undefined;
  /** The whole bucket after the commit. */
  readonly items: ReadonlyMap<string, StoredItem>;
}

export interface Condition {
  readonly ifNoneMatch?: string | undefined;
  readonly ifMatch?: string | undefined;
}

interface Upload {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly publicRead: boolean;
  readonly parts: Map<number, { body: Buffer; etag: string }>;
}

type NewItem = Pick<StoredItem, 'key' | 'body' | 'headers' | 'publicRead'> & { readonly etag?: string };

export interface Bucket {
  readonly name: string;
  readonly items: ReadonlyMap<string, StoredItem>;
  readonly uploads: ReadonlyMap<string, Upload>;
  /** All or nothing, and at one moment: the condition holds when the object is there. */
  put(item: NewItem, condition?: Condition): StoredItem;
  remove(key: string): void;
  startUpload(upload: Omit<Upload, 'parts'>): string;
  putPart(uploadId: string, number: number, body: Buffer): string;
  completeUpload(
    uploadId: string,
    parts: readonly { number: number; etag: string }[],
    condition?: Condition,
  ): StoredItem;
  abortUpload(uploadId: string): void;
}

export interface BucketOptions {
  readonly name: string;
  readonly now: () => number;
  readonly minPartBytes: number;
  readonly onCommit: (commit: Commit) => void;
}

export function createBucket({ name, now, minPartBytes, onCommit }: BucketOptions): Bucket {
  const items = new Map<string, StoredItem>();
  const uploads = new Map<string, Upload>();

  const uploadOf = (id: string): Upload => {
    const upload = uploads.get(id);
    if (upload) return upload;
    throw new S3Error(
      404,
      'NoSuchUpload',
      'The specified upload does not exist. It may have been aborted or completed.',
    );
  };

  const put = (item: NewItem, condition: Condition = {}): StoredItem => {
    checkCondition(items.get(item.key), condition);
    const stored = { ...item, etag: `"${item.etag ?? md5Hex(item.body)}"`, modifiedAt: now() };
    items.set(item.key, stored);
    onCommit({ type: 'put', bucket: name, key: item.key, item: stored, items });
    return stored;
  };

  return {
    name,
    items,
    uploads,
    put,
    remove(key) {
      if (items.delete(key)) onCommit({ type: 'delete', bucket: name, key, item: undefined, items });
    },
    startUpload(upload) {
      const id = randomBytes(16).toString('hex');
      uploads.set(id, { ...upload, parts: new Map() });
      return id;
    },
    putPart(id, number, body) {
      if (!(number >= 1 && number <= 10_000))
        throw badRequest('InvalidArgument', 'Part number must be between 1 and 10000');
      const etag = `"${md5Hex(body)}"`;
      uploadOf(id).parts.set(number, { body, etag });
      return etag;
    },
    completeUpload(id, wanted, condition) {
      const { key, headers, publicRead, parts } = uploadOf(id);
      if (wanted.length === 0) throw badRequest('MalformedXML', 'The XML you provided was not well-formed.');
      if (wanted.some(({ number }, index) => index > 0 && number <= wanted[index - 1]!.number)) {
        throw badRequest('InvalidPartOrder', 'The list of parts was not in ascending order.');
      }
      const bodies = wanted.map(({ number, etag }, index) => {
        const part = parts.get(number);
        if (!part || part.etag.replaceAll('"', '') !== etag.replaceAll('"', '')) {
          throw badRequest('InvalidPart', 'One or more of the specified parts could not be found.');
        }
        if (index < wanted.length - 1 && part.body.length < minPartBytes) {
          throw badRequest('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size');
        }
        return part.body;
      });
      const digests = Buffer.concat(bodies.map((body) => Buffer.from(md5Hex(body), 'hex')));
      const etag = `${md5Hex(digests)}-${bodies.length}`;
      const stored = put({ key, headers, publicRead, body: Buffer.concat(bodies), etag }, condition);
      uploads.delete(id);
      return stored;
    },
    abortUpload(id) {
      uploadOf(id);
      uploads.delete(id);
    },
  };
}

function checkCondition(present: StoredItem | undefined, { ifNoneMatch, ifMatch }: Condition): void {
  const failed = (name: string): S3Error =>
    new S3Error(412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {
      Condition: name,
    });
  if (ifNoneMatch !== undefined && present) throw failed('If-None-Match');
  if (ifMatch === undefined) return;
  if (!present) throw new S3Error(404, 'NoSuchKey', 'The specified key does not exist.');
  if (present.etag.replaceAll('"', '') !== ifMatch.replaceAll('"', '')) throw failed('If-Match');
}
