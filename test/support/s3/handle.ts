import type { Bucket } from './bucket.js';
import { decodeChunked } from './chunked.js';
import { checkDigests, checkPayloadHash } from './digests.js';
import { badRequest, S3Error } from './errors.js';
import { operationOf } from './operations.js';
import type { S3Request, S3Response } from './request.js';
import type { ServerSettings } from './settings.js';
import { type Credentials, type Verified, verifySignature } from './signature.js';

export interface HandleOptions {
  readonly buckets: ReadonlyMap<string, Bucket>;
  readonly settings: Readonly<ServerSettings>;
  readonly credentials: readonly Credentials[];
  readonly region: string;
  readonly now: number;
  /** False where one write a second to a key is all there is and this one is too early. */
  readonly mayWrite: (key: string) => boolean;
}

/** One request from authentication to commit. Throws `S3Error`. */
export function handle(request: S3Request, options: HandleOptions): { name: string; response: S3Response } {
  const verified = verifySignature(request, options);
  const { body, trailers } = readBody(request, verified);
  const bucket = request.bucket === undefined ? undefined : options.buckets.get(request.bucket);
  if (!verified && !isPublic(request, bucket, options.settings))
    throw new S3Error(403, 'AccessDenied', 'Access Denied');
  if (!bucket) {
    throw new S3Error(404, 'NoSuchBucket', 'The specified bucket does not exist', { BucketName: request.bucket ?? '' });
  }
  if (options.settings.refuseChecksum) refuseChecksums(request);
  const checksums = checkDigests(request.headers, trailers, body);
  const operation = operationOf(request);
  if (['PutObject', 'CompleteMultipartUpload'].includes(operation.name) && !options.mayWrite(request.key!)) {
    throw new S3Error(429, 'TooManyRequests', 'Reduce your concurrent request rate for the same object.');
  }
  const { settings } = options;
  return { name: operation.name, response: operation.run({ request, bucket, settings, trailers, body, checksums }) };
}

function readBody(request: S3Request, verified: Verified | undefined) {
  const { headers, body } = request;
  if (
    request.method === 'PUT' &&
    headers['content-length'] === undefined &&
    headers['transfer-encoding'] === undefined
  ) {
    throw new S3Error(411, 'MissingContentLength', 'You must provide the Content-Length HTTP header.');
  }
  if (!verified) return { body, trailers: {} };
  const { payloadHash, signing } = verified;
  if (!payloadHash.startsWith('STREAMING-')) {
    checkPayloadHash(payloadHash, body);
    return { body, trailers: {} };
  }
  const [, signed, , trailing] = /^STREAMING-(AWS4-HMAC-SHA256|(UNSIGNED))-PAYLOAD(-TRAILER)?$/.exec(payloadHash) ?? [];
  if (signed === undefined || (signed === 'UNSIGNED' && trailing === undefined)) {
    throw badRequest('InvalidArgument', `${payloadHash} is not supported`);
  }
  const decodedLength = Number(headers['x-amz-decoded-content-length'] ?? Number.NaN);
  if (!Number.isInteger(decodedLength)) {
    throw new S3Error(411, 'MissingContentLength', 'You must provide the x-amz-decoded-content-length header.');
  }
  const trailerNames =
    trailing === undefined ? [] : (headers['x-amz-trailer'] ?? '').split(',').map((name) => name.trim());
  return decodeChunked(body, {
    decodedLength,
    trailerNames: trailerNames.filter((name) => name !== ''),
    ...(signed === 'UNSIGNED' ? {} : { signing }),
  });
}

function isPublic(request: S3Request, bucket: Bucket | undefined, settings: Readonly<ServerSettings>): boolean {
  if (request.key === undefined || !['GET', 'HEAD'].includes(request.method)) return false;
  return settings.publicRead || bucket?.items.get(request.key)?.publicRead === true;
}

function refuseChecksums({ headers }: S3Request): void {
  const name = Object.keys(headers).find(
    (item) =>
      (item.startsWith('x-amz-checksum-') && item !== 'x-amz-checksum-mode') || item === 'x-amz-sdk-checksum-algorithm',
  );
  if (name !== undefined)
    throw badRequest('InvalidArgument', `Unsupported header '${name}' received for this API call.`);
}
