import { type ErrorCode, SidepipeError } from '../../errors.js';
import { type CredentialSource, configuredKeys } from './credential-source.js';

/** Converts errors of the SDK, the socket and the vendor to `SidepipeError`. Pure. */

export interface S3CallContext {
  /** `put`, `get`, … */
  readonly operation: string;
  readonly key?: string;
  readonly bucket: string;
  /** Texts to redact: the credentials. */
  readonly secrets: readonly string[];
  /** Size of the sent body, for remedies about limits. */
  readonly bytes?: number;
  /** The request had a condition, so a 412 refers to it. */
  readonly conditional?: boolean;
  /** Where the credentials come from, for remedies. Default: the configuration. */
  readonly credentials?: CredentialSource;
}

/** The facts of a failure, read from the thrown value. */
export interface Failure {
  readonly vendorCode: string;
  readonly status: number | undefined;
  readonly message: string;
  readonly retryAfterMs: number | undefined;
  /** The region of the bucket according to the vendor. */
  readonly region: string | undefined;
  readonly clockCorrected: boolean;
  /** The response is not from the store: a web page, or other text from a proxy or firewall. */
  readonly foreign: boolean;
}

interface Verdict {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  /** What the operator should do. */
  readonly remedy?: string;
}

const unavailable: Verdict = { code: 'storage-unavailable', retryable: true };
/** Permanent for this object, regardless of changes on the store or the network. */
const failed: Verdict = { code: 'storage-failed', retryable: false };
/** Rejected for a reason that an operator can remove: a proxy's limit, a firewall, a bucket policy. */
const refused = (remedy: string): Verdict => ({ code: 'storage-refused', retryable: true, remedy });
const denied = (remedy: string): Verdict => ({ code: 'storage-denied', retryable: false, remedy });
const misconfigured = (remedy: string): Verdict => ({ code: 'storage-misconfigured', retryable: false, remedy });

/** Placeholders for remedies that depend on where the credentials come from. */
const keyPair = '(key pair)';
const expired = '(expired)';
const noCredentials = '(no credentials)';
const generic =
  'ask the operator of the store, or of the proxy or firewall in front of it, why it rejects this request';
const bodyLimit = (bytes: number | undefined): string =>
  'a proxy in front of the store, or the store itself, limits the size of request bodies: raise the limit above the size of ' +
  `the largest segment${bytes === undefined ? '' : ` (this object has ${bytes} bytes)`} (nginx: client_max_body_size; ` +
  'Apache: LimitRequestBody; Traefik: buffering.maxRequestBodyBytes; Ceph: rgw_max_put_size), or make segments shorter ' +
  '(hls.segmentSeconds)';
const wrongRegion = misconfigured("set storage.s3.region and storage.s3.endpoint to the bucket's own");
/** Also for a 2xx response without what every S3 response has. */
export const notS3 =
  'the response is not from an S3 store: check storage.s3.endpoint, and whether a proxy or a captive portal responds in its place';
const distrusted = misconfigured(
  'the certificate is not trusted: set storage.s3.caFile to its authority, or correct the host name of the endpoint',
);

/** By the vendor's code first: a status means different things under different codes. */
const byCode: Readonly<Record<string, Verdict>> = {
  ...every(unavailable, [
    'SlowDown',
    'SlowDownRead',
    'SlowDownWrite',
    'ServiceUnavailable',
    'InternalError',
    'RequestTimeout',
    'RequestTimeoutException',
    'Throttling',
    'ThrottlingException',
    'RequestLimitExceeded',
    'BandwidthLimitExceeded',
    'TooManyRequests',
    'PriorRequestNotComplete',
    'OperationAborted',
    // The body was changed in transit.
    'BadDigest',
    'IncompleteBody',
    'XAmzContentSHA256Mismatch',
    // The store is full: the cleanup or the operator frees space.
    'QuotaExceeded',
    'XMinioStorageFull',
    'InsufficientStorage',
  ]),
  ...every(denied('the key pair lacks the permission: see the policy in the docs'), [
    'AccessDenied',
    'AllAccessDisabled',
    'AccountProblem',
    'Forbidden',
    'Unauthorized',
    'KMS.AccessDeniedException',
  ]),
  ...every(denied(keyPair), ['SignatureDoesNotMatch', 'InvalidAccessKeyId', 'InvalidSecurity']),
  ...every(denied(expired), ['ExpiredToken', 'ExpiredTokenException', 'InvalidToken', 'TokenRefreshRequired']),
  NoSuchBucket: misconfigured('check storage.s3.bucket, or create the bucket'),
  InvalidBucketName: misconfigured('check storage.s3.bucket'),
  RequestTimeTooSkewed: misconfigured("set this machine's clock (NTP)"),
  RequestExpired: misconfigured("set this machine's clock (NTP)"),
  ...every(wrongRegion, [
    'PermanentRedirect',
    'TemporaryRedirect',
    'Redirect',
    'MovedPermanently',
    'AuthorizationHeaderMalformed',
    'IllegalLocationConstraintException',
    'InvalidRegion',
  ]),
  ...every(misconfigured(noCredentials), ['CredentialsProviderError', 'TokenProviderError']),
  ...every(misconfigured('check storage.s3.storageClass, serverSideEncryption and kmsKeyId'), [
    'InvalidStorageClass',
    'KMS.NotFoundException',
    'KMS.DisabledException',
    'InvalidEncryptionAlgorithmError',
  ]),
  // The only responses that no change of the store, the proxy or the credentials can avoid.
  ...every(failed, [
    'KeyTooLongError',
    'MetadataTooLarge',
    'InvalidURI',
    'XMinioInvalidObjectName',
    'ERR_INVALID_CHAR',
  ]),
  PreconditionFailed: { code: 'storage-conflict', retryable: false },
  // Two concurrent conditional writes: neither has failed yet.
  ConditionalRequestConflict: { code: 'storage-conflict', retryable: true },
};

function every(verdict: Verdict, codes: readonly string[]): Record<string, Verdict> {
  return Object.fromEntries(codes.map((code) => [code, verdict]));
}

const network =
  /^(ECONN|EPIPE$|ETIMEDOUT$|EHOST|ENET|ENOTFOUND$|EAI_|ESOCKET|EADDRNOTAVAIL$|ERR_STREAM|ERR_SOCKET|UND_ERR|TimeoutError$|HPE_INVALID_EOF_STATE$)/;
const tls = /^(CERT_|ERR_TLS_|ERR_SSL_|EPROTO$|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA$|HOSTNAME_MISMATCH$)/;

/** The most likely meaning of a response that is not from the store or has no known code. */
const byStatus: Readonly<Record<number, string>> = {
  401: 'a proxy in front of the store requires a login: exempt this node',
  403: 'a firewall or proxy in front of the store blocks this request: allow this node, PUT and binary bodies',
  404: 'storage.s3.endpoint leads to a web server or proxy that has no such path: check it',
  405: 'storage.s3.endpoint leads to a web server or proxy that does not allow this method: check it',
  407: 'a proxy requires a login: exempt this node',
  411: 'a proxy in front of the store removes Content-Length: let it buffer requests, or forward the header',
  414: 'a proxy in front of the store limits the length of URLs: raise the limit (nginx: large_client_header_buffers)',
  431: 'a proxy in front of the store limits the size of request headers: raise it (nginx: large_client_header_buffers)',
  501: 'the store, or a proxy in front of it, does not support this request: check storage.s3.vendor and endpoint',
};

function classify(failure: Failure, { bytes, conditional = false }: S3CallContext): Verdict {
  const { vendorCode, status, foreign } = failure;
  // The request had no condition: a 412 made up by a proxy must not lose the object.
  const isPrecondition = status === 412 || vendorCode === 'PreconditionFailed';
  if (isPrecondition) return conditional && !foreign ? byCode['PreconditionFailed']! : refused(generic);
  if (status === 413 || vendorCode === 'EntityTooLarge') return refused(bodyLimit(bytes));
  if (!foreign && Object.hasOwn(byCode, vendorCode)) return byCode[vendorCode]!;
  if (status === undefined || status < 300) return classifyUnanswered(failure);
  if (status < 400) {
    return foreign
      ? misconfigured('storage.s3.endpoint redirects to a web page: check it, or log in to the network')
      : wrongRegion;
  }
  if (status === 408 || status === 425 || status === 429) return unavailable;
  if (status >= 500 && status !== 501) return unavailable;
  if (foreign) return refused(byStatus[status] ?? generic);
  if (status === 401 || status === 403) return denied(keyPair);
  if (status === 405) return misconfigured('storage.s3.endpoint does not seem to be an S3 endpoint');
  return refused(byStatus[status] ?? generic);
}

/** There was no response, or an unspecific one. */
function classifyUnanswered({ vendorCode, message, status, foreign }: Failure): Verdict {
  if (foreign || (status !== undefined && status >= 200)) return misconfigured(notS3);
  if (tls.test(vendorCode)) return distrusted;
  if (network.test(vendorCode) || /^(aborted|socket hang up)$/.test(message)) return unavailable;
  if (/^HPE_/.test(vendorCode)) return misconfigured('storage.s3.endpoint does not speak HTTP: check scheme and port');
  if (/region is missing/i.test(message)) return misconfigured('set storage.s3.region');
  return refused(generic);
}

/** Unspecific names. */
const unnamed = ['Error', 'TypeError', 'Unknown', 'UnknownError', 'SyntaxError', 'ForeignAnswer'];

/** Reads the thrown value; all texts are redacted. */
export function readFailure(error: unknown, redact: (text: string) => string): Failure {
  const thrown = asRecord(error);
  const metadata = asRecord(thrown['$metadata']);
  const headers = asRecord(asRecord(thrown['$response'])['headers']);
  const status = numberOf(metadata['httpStatusCode']) ?? numberOf(asRecord(thrown['$response'])['statusCode']);
  const name = textOf(thrown['name']);
  const named = [textOf(thrown['Code']), textOf(thrown['code']), name].find(
    (text) => text !== undefined && !unnamed.includes(text),
  );
  const retryAfter = Number(headers['retry-after'] ?? Number.NaN);
  return {
    vendorCode: redact(named ?? (status === undefined ? (name ?? 'Unknown') : `HTTP${status}`)),
    status,
    message: redact(textOf(thrown['message']) ?? String(error)),
    retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1000 : undefined,
    region: textOf(thrown['Region']) ?? textOf(headers['x-amz-bucket-region']),
    clockCorrected: metadata['clockSkewCorrected'] === true,
    foreign: thrown['foreign'] === true,
  };
}

/** The vendor's or the system's error as a `SidepipeError`. Its cause is a copy without requests, headers and secrets. */
export function toS3Error(error: unknown, context: S3CallContext): SidepipeError {
  if (error instanceof SidepipeError) return error;
  const redact = redactor(context.secrets);
  const failure = readFailure(error, redact);
  const verdict = withSource(classify(failure, context), context.credentials ?? configuredKeys);
  const where = failure.status === undefined ? failure.vendorCode : `${failure.vendorCode}, HTTP ${failure.status}`;
  const what = [context.operation, context.key].filter((part) => part !== undefined).join(' ');
  const region = failure.region === undefined ? '' : ` (according to the vendor, the region is ${failure.region})`;
  const remedy = verdict.remedy === undefined ? '' : `; ${verdict.remedy}${region}`;
  return new SidepipeError(`${what} in bucket ${context.bucket}: ${failure.message} (${where})${remedy}`, {
    code: verdict.code,
    fault: 'storage',
    retryable: verdict.retryable,
    cause: copyOf(error, redact),
    details: {
      operation: context.operation,
      key: context.key,
      bucket: context.bucket,
      vendorCode: failure.vendorCode,
      status: failure.status,
      ...(failure.foreign && { foreign: true }),
      ...(failure.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs }),
      ...(failure.region === undefined ? {} : { region: failure.region }),
      ...(verdict.remedy === undefined ? {} : { remedy: verdict.remedy }),
    },
  });
}

/** Inserts the settings and files that are in use. */
function withSource(verdict: Verdict, source: CredentialSource): Verdict {
  if (verdict.remedy === keyPair) return { ...verdict, remedy: `check ${source.what}` };
  if (verdict.remedy === expired)
    return { ...verdict, remedy: `the temporary credentials have expired: renew ${source.what}` };
  if (verdict.remedy === noCredentials) return { ...verdict, remedy: source.missing };
  return verdict;
}

export function redactor(secrets: readonly string[]): (text: string) => string {
  const parts = secrets.filter((secret) => secret.length > 3).sort((a, b) => b.length - a.length);
  return (text) => parts.reduce((result, secret) => result.replaceAll(secret, '[redacted]'), text);
}

/** The SDK's errors contain the response with its socket, and so the signed request; the vendor's XML contains the string to sign. */
function copyOf(error: unknown, redact: (text: string) => string, depth = 0): Error {
  const thrown = asRecord(error);
  const copy = new Error(redact(textOf(thrown['message']) ?? String(error)));
  copy.name = redact(textOf(thrown['name']) ?? 'Error');
  copy.stack = redact(textOf(thrown['stack']) ?? copy.message);
  if (typeof thrown['code'] === 'string') Object.assign(copy, { code: thrown['code'] });
  if (thrown['cause'] !== undefined && depth < 3) copy.cause = copyOf(thrown['cause'], redact, depth + 1);
  return copy;
}

const asRecord = (value: unknown): Record<string, unknown> =>
  (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
