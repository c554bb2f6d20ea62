import { randomBytes } from 'node:crypto';
import type { Bucket } from './bucket.js';
import { badRequest, notImplemented, S3Error } from './errors.js';
import { deleteObjects, listObjects } from './listing.js';
import { abortUpload, completeUpload, listParts, listUploads, putPart, startUpload } from './multipart.js';
import { getObject, putObject } from './objects.js';
import { queryOf, type S3Request, type S3Response } from './request.js';
import type { ServerSettings } from './settings.js';
import { xmlDocument } from './xml.js';

/** What an operation works with. */
export interface OperationContext {
  readonly request: S3Request;
  readonly bucket: Bucket;
  readonly settings: Readonly<ServerSettings>;
  readonly trailers: Readonly<Record<string, string>>;
  /** The body without its aws-chunked wrapping. */
  readonly body: Buffer;
  readonly checksums: Readonly<Record<string, string>>;
}

export interface Operation {
  readonly name: string;
  run(context: OperationContext): S3Response;
}

const operation = (name: string, run: Operation['run']): Operation => ({ name, run });

/** Which of S3's operations a request is, by method, key and subresource. */
export function operationOf(request: S3Request): Operation {
  const has = (name: string): boolean => queryOf(request, name) !== undefined;
  const known = [
    'uploads',
    'uploadId',
    'partNumber',
    'delete',
    'list-type',
    'location',
    'acl',
    'cors',
    'tagging',
    'versions',
  ];
  const sub = known.find(has);
  if (request.key !== undefined) return objectOperation(request.method, sub, has('uploadId'));
  switch (`${request.method} ${sub ?? ''}`) {
    case 'HEAD ':
      return operation('HeadBucket', () => ({ status: 200 }));
    case 'GET location':
      return operation('GetBucketLocation', () => ({ status: 200, body: xmlDocument('LocationConstraint', []) }));
    case 'GET list-type':
      return operation('ListObjectsV2', listObjects);
    case 'GET uploads':
      return operation('ListMultipartUploads', listUploads);
    case 'POST delete':
      return operation('DeleteObjects', deleteObjects);
    default:
      throw notImplemented(`${request.method} ${request.rawPath}?${sub ?? ''}`);
  }
}

function objectOperation(method: string, sub: string | undefined, inUpload: boolean): Operation {
  if (sub !== undefined && !['uploads', 'uploadId', 'partNumber'].includes(sub)) throw notImplemented(sub);
  switch (method) {
    case 'GET':
      return inUpload
        ? operation('ListParts', listParts)
        : operation('GetObject', (context) => getObject(context, true));
    case 'HEAD':
      return operation('HeadObject', (context) => getObject(context, false));
    case 'PUT':
      return inUpload ? operation('UploadPart', putPart) : operation('PutObject', putObject);
    case 'DELETE':
      return inUpload
        ? operation('AbortMultipartUpload', abortUpload)
        : operation('DeleteObject', ({ bucket, request }) => {
            bucket.remove(request.key!);
            return { status: 204 };
          });
    case 'POST':
      if (sub === 'uploads') return operation('CreateMultipartUpload', startUpload);
      if (inUpload) return operation('CompleteMultipartUpload', completeUpload);
      throw badRequest('InvalidRequest', 'A POST needs a subresource.');
    default:
      throw new S3Error(405, 'MethodNotAllowed', 'The specified method is not allowed against this resource.');
  }
}

export function errorResponse(error: S3Error, request: { rawPath: string; method: string }): S3Response {
  const body = xmlDocument(
    'Error',
    [
      ['Code', error.code],
      ['Message', error.message],
      ['Resource', decodeURIComponent(request.rawPath)],
      ...Object.entries(error.extra),
      ['RequestId', randomBytes(8).toString('hex').toUpperCase()],
    ],
    false,
  );
  const headers = error.extra['Region'] === undefined ? {} : { 'x-amz-bucket-region': error.extra['Region'] };
  // An answer to HEAD has no body: clients see the status alone.
  return {
    status: error.status,
    headers: { 'content-type': 'application/xml', ...headers },
    ...(request.method === 'HEAD' ? {} : { body }),
  };
}
