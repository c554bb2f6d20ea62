import type { Condition, StoredItem } from './bucket.js';
import { badRequest, notImplemented, S3Error } from './errors.js';
import type { OperationContext } from './operations.js';
import type { S3Request, S3Response } from './request.js';

const kept = [
  'content-type',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'expires',
];
const cannedAcls = [
  'private',
  'public-read',
  'public-read-write',
  'authenticated-read',
  'bucket-owner-read',
  'bucket-owner-full-control',
];
const storageClasses = [
  'STANDARD',
  'REDUCED_REDUNDANCY',
  'STANDARD_IA',
  'ONEZONE_IA',
  'INTELLIGENT_TIERING',
  'GLACIER_IR',
];

export function putObject(context: OperationContext): S3Response {
  const { request, bucket, body, checksums, settings } = context;
  if (request.headers['x-amz-copy-source'] !== undefined) throw notImplemented('x-amz-copy-source');
  if (body.length > settings.maxObjectBytes) {
    throw badRequest('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size');
  }
  const condition = conditionOf(context);
  const item = bucket.put({ ...describe(context), key: request.key!, body }, condition);
  return { status: 200, headers: { etag: item.etag, ...checksums, ...encryptionOf(item) } };
}

/** What is kept beside the bytes, checked as S3 checks it. */
export function describe({
  request,
  settings,
  checksums,
}: Pick<OperationContext, 'request' | 'settings' | 'checksums'>) {
  const { headers } = request;
  if (Buffer.byteLength(request.key!) > 1024) throw badRequest('KeyTooLongError', 'Your key is too long');
  const acl = checkAcl(headers['x-amz-acl'], settings.refuseAcl);
  const metadata = pick(headers, (name) => name.startsWith('x-amz-meta-'));
  const metadataBytes = Object.entries(metadata).reduce(
    (sum, [name, value]) => sum + name.length - 11 + value.length,
    0,
  );
  if (metadataBytes > 2048)
    throw badRequest('MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size');
  const storageClass = headers['x-amz-storage-class'] ?? 'STANDARD';
  if (!storageClasses.includes(storageClass))
    throw badRequest('InvalidStorageClass', 'The storage class you specified is not valid');
  const encryption = headers['x-amz-server-side-encryption'];
  if (encryption !== undefined && !['AES256', 'aws:kms', 'aws:kms:dsse'].includes(encryption)) {
    throw badRequest('InvalidEncryptionAlgorithmError', 'The encryption request that you specified is not valid.');
  }
  if (headers['x-amz-server-side-encryption-aws-kms-key-id'] !== undefined && !encryption?.startsWith('aws:kms')) {
    throw badRequest(
      'InvalidArgument',
      'Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms',
    );
  }
  const contentEncoding = headers['content-encoding']?.replace(/,?\s*aws-chunked\s*/, '');
  return {
    publicRead: acl === 'public-read' || acl === 'public-read-write',
    headers: {
      'content-type': 'binary/octet-stream',
      ...pick(headers, (name) => kept.includes(name) && name !== 'content-encoding'),
      ...(contentEncoding ? { 'content-encoding': contentEncoding } : {}),
      ...(storageClass === 'STANDARD' ? {} : { 'x-amz-storage-class': storageClass }),
      ...pick(headers, (name) => name.startsWith('x-amz-server-side-encryption')),
      ...metadata,
      ...checksums,
    },
  };
}

function checkAcl(acl: string | undefined, refuse: OperationContext['settings']['refuseAcl']): string {
  if (acl === undefined) return 'private';
  if (refuse === 'aws') throw badRequest('AccessControlListNotSupported', 'The bucket does not allow ACLs');
  if (refuse === 'r2') throw notImplemented("Header 'x-amz-acl' with value");
  if (refuse === 'b2') throw badRequest('InvalidArgument', "Unsupported value for canned acl 'private'");
  if (!cannedAcls.includes(acl)) throw badRequest('InvalidArgument', 'Argument must be a canned ACL');
  return acl;
}

export function conditionOf({ request, settings }: Pick<OperationContext, 'request' | 'settings'>): Condition {
  const ifNoneMatch = request.headers['if-none-match'];
  const ifMatch = request.headers['if-match'];
  if (ifNoneMatch === undefined && ifMatch === undefined) return {};
  if (settings.conditionalPut === 'ignore') return {};
  if (settings.conditionalPut === 'refuse') throw notImplemented('conditional writes');
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') throw notImplemented('If-None-Match other than *');
  const neverMatches =
    settings.conditionalPut === 'if-match-broken' ||
    (settings.conditionalPut === 'if-match-bare' && ifMatch?.startsWith('"'));
  if (ifMatch !== undefined && neverMatches) {
    throw new S3Error(412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold');
  }
  return { ifNoneMatch, ifMatch };
}

export function getObject({ request, bucket }: OperationContext, withBody: boolean): S3Response {
  const item = bucket.items.get(request.key!);
  if (!item) throw new S3Error(404, 'NoSuchKey', 'The specified key does not exist.', { Key: request.key! });
  const showChecksums = request.headers['x-amz-checksum-mode']?.toUpperCase() === 'ENABLED';
  const headers: Record<string, string> = {
    ...pick(item.headers, (name) => showChecksums || !name.startsWith('x-amz-checksum-')),
    etag: item.etag,
    'last-modified': new Date(item.modifiedAt).toUTCString(),
    'accept-ranges': 'bytes',
  };
  const verdict = readCondition(request, item);
  if (verdict === 304) return { status: 304, headers };
  if (verdict === 412)
    throw new S3Error(412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold');

  const range = rangeOf(request.headers['range'], item.body.length);
  if (range === 'unsatisfiable') {
    throw new S3Error(416, 'InvalidRange', 'The requested range is not satisfiable', {
      RangeRequested: request.headers['range'] ?? '',
      ActualObjectSize: String(item.body.length),
    });
  }
  const body = range ? item.body.subarray(range.start, range.end + 1) : item.body;
  if (range) headers['content-range'] = `bytes ${range.start}-${range.end}/${item.body.length}`;
  headers['content-length'] = String(body.length);
  return { status: range ? 206 : 200, headers, ...(withBody ? { body } : {}) };
}

function readCondition({ headers }: S3Request, item: StoredItem): 200 | 304 | 412 {
  const matches = (list: string): boolean =>
    list === '*' || list.split(',').some((tag) => tag.trim().replace(/^W\//, '') === item.etag);
  const modified = Math.floor(item.modifiedAt / 1000) * 1000;
  if (headers['if-match'] !== undefined) return matches(headers['if-match']) ? 200 : 412;
  if (headers['if-unmodified-since'] !== undefined && modified > Date.parse(headers['if-unmodified-since'])) return 412;
  if (headers['if-none-match'] !== undefined) return matches(headers['if-none-match']) ? 304 : 200;
  if (headers['if-modified-since'] !== undefined && modified <= Date.parse(headers['if-modified-since'])) return 304;
  return 200;
}

/** One range, as S3: several are answered as none. */
function rangeOf(text: string | undefined, size: number): { start: number; end: number } | 'unsatisfiable' | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(text ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (start >= size || (first === '' && Number(last) === 0)) return 'unsatisfiable';
  return end < start ? undefined : { start, end };
}

const encryptionOf = (item: StoredItem): Record<string, string> =>
  pick(item.headers, (name) => name.startsWith('x-amz-server-side-encryption'));

function pick(headers: Readonly<Record<string, string>>, wanted: (name: string) => boolean): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => wanted(name)));
}
