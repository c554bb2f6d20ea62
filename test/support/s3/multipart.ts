import { badRequest } from './errors.js';
import { conditionOf, describe } from './objects.js';
import type { OperationContext } from './operations.js';
import { queryOf, type S3Response } from './request.js';
import { elementsOf, type XmlElement, xmlDocument } from './xml.js';

export function startUpload(context: OperationContext): S3Response {
  const { request, bucket } = context;
  const id = bucket.startUpload({ key: request.key!, ...describe(context) });
  return xml('InitiateMultipartUploadResult', [
    ['Bucket', bucket.name],
    ['Key', request.key!],
    ['UploadId', id],
  ]);
}

export function putPart({ request, bucket, body, checksums }: OperationContext): S3Response {
  const etag = bucket.putPart(uploadIdOf(request), Number(queryOf(request, 'partNumber')), body);
  return { status: 200, headers: { etag, ...checksums } };
}

export function completeUpload(context: OperationContext): S3Response {
  const { request, bucket, body } = context;
  const parts = elementsOf(body.toString('utf8'), 'Part').map((part) => ({
    number: Number(elementsOf(part, 'PartNumber')[0]),
    etag: elementsOf(part, 'ETag')[0] ?? '',
  }));
  const item = bucket.completeUpload(uploadIdOf(request), parts, conditionOf(context));
  return xml('CompleteMultipartUploadResult', [
    ['Location', `http://${request.headers['host']}/${bucket.name}/${item.key}`],
    ['Bucket', bucket.name],
    ['Key', item.key],
    ['ETag', item.etag],
  ]);
}

export function abortUpload({ request, bucket }: OperationContext): S3Response {
  bucket.abortUpload(uploadIdOf(request));
  return { status: 204 };
}

export function listParts({ request, bucket }: OperationContext): S3Response {
  const parts = [...(bucket.uploads.get(uploadIdOf(request))?.parts ?? [])].sort(([a], [b]) => a - b);
  return xml('ListPartsResult', [
    ['Bucket', bucket.name],
    ['Key', request.key!],
    ['UploadId', uploadIdOf(request)],
    ['IsTruncated', false],
    ...parts.map(
      ([number, part]): XmlElement => [
        'Part',
        [
          ['PartNumber', number],
          ['ETag', part.etag],
          ['Size', part.body.length],
        ],
      ],
    ),
  ]);
}

export function listUploads({ bucket }: OperationContext): S3Response {
  return xml('ListMultipartUploadsResult', [
    ['Bucket', bucket.name],
    ['IsTruncated', false],
    ...[...bucket.uploads].map(
      ([id, { key }]): XmlElement => [
        'Upload',
        [
          ['Key', key],
          ['UploadId', id],
        ],
      ],
    ),
  ]);
}

function uploadIdOf(request: OperationContext['request']): string {
  const id = queryOf(request, 'uploadId');
  if (!id) throw badRequest('InvalidArgument', 'This operation needs an uploadId.');
  return id;
}

const xml = (name: string, content: readonly XmlElement[]): S3Response => ({
  status: 200,
  headers: { 'content-type': 'application/xml' },
  body: xmlDocument(name, content),
});
