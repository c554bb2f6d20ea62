import type { StoredItem } from './bucket.js';
import { badRequest, notImplemented } from './errors.js';
import type { OperationContext } from './operations.js';
import { queryOf, type S3Response } from './request.js';
import { elementsOf, type XmlElement, xmlDocument } from './xml.js';

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

export function listObjects({ request, bucket, settings }: OperationContext): S3Response {
  if (queryOf(request, 'list-type') !== '2') throw notImplemented('list-type other than 2');
  const prefix = queryOf(request, 'prefix') ?? '';
  const delimiter = queryOf(request, 'delimiter') ?? '';
  const wanted = Number(queryOf(request, 'max-keys') ?? 1000);
  if (!Number.isInteger(wanted) || wanted < 0) throw badRequest('InvalidArgument', 'max-keys is not a number');
  const limit = Math.min(wanted, settings.pageSize);
  const after = startOf(request);
  const encode = queryOf(request, 'encoding-type') === 'url' ? encodeURIComponent : (text: string) => text;

  const contents: StoredItem[] = [];
  const groups: string[] = [];
  let last: string | undefined;
  let truncated = false;
  for (const key of [...bucket.items.keys()].filter((item) => item.startsWith(prefix)).sort(byBytes)) {
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const group = cut < 0 ? undefined : key.slice(0, cut + delimiter.length);
    if (byBytes(key, after) <= 0 || (group !== undefined && (groups.at(-1) === group || after.startsWith(group))))
      continue;
    if (contents.length + groups.length >= limit) {
      truncated = limit > 0;
      break;
    }
    if (group === undefined) contents.push(bucket.items.get(key)!);
    else groups.push(group);
    last = group ?? key;
  }

  const content: XmlElement[] = [
    ['Name', bucket.name],
    ['Prefix', encode(prefix)],
    ['KeyCount', contents.length + groups.length],
    ['MaxKeys', wanted],
    ...(delimiter === '' ? [] : [['Delimiter', encode(delimiter)] as const]),
    ['IsTruncated', truncated],
    ...(truncated ? [['NextContinuationToken', Buffer.from(last!).toString('base64')] as const] : []),
    ...contents.map(
      (item): XmlElement => [
        'Contents',
        [
          ['Key', encode(item.key)],
          ['LastModified', new Date(item.modifiedAt).toISOString()],
          ['ETag', item.etag],
          ['Size', item.body.length],
          ['StorageClass', item.headers['x-amz-storage-class'] ?? 'STANDARD'],
        ],
      ],
    ),
    ...groups.map((group): XmlElement => ['CommonPrefixes', [['Prefix', encode(group)]]]),
  ];
  return {
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: xmlDocument('ListBucketResult', content),
  };
}

function startOf(request: OperationContext['request']): string {
  const token = queryOf(request, 'continuation-token');
  if (token === undefined) return queryOf(request, 'start-after') ?? '';
  const key = Buffer.from(token, 'base64').toString('utf8');
  if (token === '' || Buffer.from(key).toString('base64') !== token) {
    throw badRequest('InvalidArgument', 'The continuation token provided is incorrect');
  }
  return key;
}

export function deleteObjects({ request, bucket, body, checksums, settings }: OperationContext): S3Response {
  if (settings.batchDelete === 'refuse') throw notImplemented('DeleteObjects');
  const md5 = request.headers['content-md5'] !== undefined;
  if (!md5 && (settings.batchDelete === 'md5' || Object.keys(checksums).length === 0)) {
    throw badRequest('InvalidRequest', 'Missing required header for this request: Content-MD5');
  }
  const xml = body.toString('utf8');
  const keys = elementsOf(xml, 'Object').map((item) => elementsOf(item, 'Key')[0]);
  if (keys.length === 0 || keys.length > 1000 || keys.includes(undefined)) {
    throw badRequest(
      'MalformedXML',
      'The XML you provided was not well-formed or did not validate against our published schema',
    );
  }
  for (const key of keys) bucket.remove(key!);
  const quiet = elementsOf(xml, 'Quiet')[0] === 'true';
  const deleted = quiet ? [] : keys.map((key): XmlElement => ['Deleted', [['Key', key!]]]);
  return { status: 200, headers: { 'content-type': 'application/xml' }, body: xmlDocument('DeleteResult', deleted) };
}
