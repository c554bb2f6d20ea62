import { type ErrorCode, SidepipeError } from '../../errors.js';

/** What the SDK, the socket or the vendor threw, in the words of the project. Pure. */

export interface S3CallContext {
  /** `put`, `get`, … */
  readonly operation: string;
  readonly key?: string;
  readonly bucket: string;
  /** Texts that must appear nowhere: the credentials. */
  readonly secrets: readonly string[];
}

/** The facts of a failure, read from whatever was thrown. */
export interface Failure {
  readonly vendorCode: string;
  readonly status: number | undefined;
  readonly message: string;
  readonly retryAfterMs: number | undefined;
  /** The region that the vendor says the bucket is in. */
  readonly region: string | undefined;
  readonly clockCorrected: boolean;
}

interface Verdict {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  /** What to do about it, for people. */
  readonly remedy?: string;
}

const unavailable: Verdict = { code: 'storage-unavailable', retryable: true };
const failed: Verdict = { code: 'storage-failed', retryable: false };
const denied = (remedy: string): Verdict => ({ code: 'storage-denied', retryable: false, remedy });
const misconfigured = (remedy: string): Verdict => ({ code: 'storage-misconfigured', retryable: false, remedy });

const keyPair = 'check storage.s3.accessKeyId and secretAccessKey';
const wrongRegion = misconfigured("set storage.s3.region and storage.s3.endpoint to the bucket's own");
const distrusted = misconfigured(
  'the certificate is not trusted: set storage.s3.caFile to its authority, or mend the host name of the endpoint',
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
    // The bytes were changed on the way.
    'BadDigest',
    'IncompleteBody',
    'XAmzContentSHA256Mismatch',
    // Full: the cleanup, or the operator, makes room.
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
  ...every(denied('the temporary credentials have run out: renew them'), [
    'ExpiredToken',
    'ExpiredTokenException',
    'InvalidToken',
    'TokenRefreshRequired',
  ]),
  NoSuchBucket: misconfigured('check storage.s3.bucket, or make the bucket'),
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
  CredentialsProviderError: misconfigured(
    'no credentials: set storage.s3.accessKeyId and secretAccessKey, or the AWS environment',
  ),
  ...every(misconfigured('check storage.s3.storageClass, serverSideEncryption and kmsKeyId'), [
    'InvalidStorageClass',
    'KMS.NotFoundException',
    'KMS.DisabledException',
    'InvalidEncryptionAlgorithmError',
  ]),
  PreconditionFailed: { code: 'storage-conflict', retryable: false },
  // Two conditional writes at the same moment: neither lost yet.
  ConditionalRequestConflict: { code: 'storage-conflict', retryable: true },
};

function every(verdict: Verdict, codes: readonly string[]): Record<string, Verdict> {
  return Object.fromEntries(codes.map((code) => [code, verdict]));
}

const network =
  /^(ECONN|EPIPE$|ETIMEDOUT$|EHOST|ENET|ENOTFOUND$|EAI_|ESOCKET|EADDRNOTAVAIL$|ERR_STREAM|ERR_SOCKET|UND_ERR|TimeoutError$|HPE_INVALID_EOF_STATE$)/;
const tls = /^(CERT_|ERR_TLS_|ERR_SSL_|EPROTO$|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA$|HOSTNAME_MISMATCH$)/;

function classify({ vendorCode, status, message }: Pick<Failure, 'vendorCode' | 'status' | 'message'>): Verdict {
  if (Object.hasOwn(byCode, vendorCode)) return byCode[vendorCode]!;
  if (status === undefined || status < 300) {
    if (tls.test(vendorCode)) return distrusted;
    if (network.test(vendorCode) || /^(aborted|socket hang up)$/.test(message)) return unavailable;
    if (/^HPE_/.test(vendorCode))
      return misconfigured('storage.s3.endpoint does not speak HTTP: check scheme and port');
    if (/region is missing/i.test(message)) return misconfigured('set storage.s3.region');
    return failed;
  }
  if (status < 400) return wrongRegion;
  if (status === 401 || status === 403) return denied(keyPair);
  if (status === 405) return misconfigured('storage.s3.endpoint does not seem to be an S3 endpoint');
  if (status === 412) return byCode['PreconditionFailed']!;
  if (status === 408 || status === 425 || status === 429) return unavailable;
  // 501 is the one 5xx that waiting does not mend.
  return status >= 500 && status !== 501 ? unavailable : failed;
}

/** Reads what was thrown; every text passes the redaction. */
export function readFailure(error: unknown, redact: (text: string) => string): Failure {
  const thrown = asRecord(error);
  const metadata = asRecord(thrown['$metadata']);
  const headers = asRecord(asRecord(thrown['$response'])['headers']);
  const status = numberOf(metadata['httpStatusCode']) ?? numberOf(asRecord(thrown['$response'])['statusCode']);
  const name = textOf(thrown['name']);
  const named = [textOf(thrown['Code']), textOf(thrown['code']), name].find(
    (text) => text !== undefined && !['Error', 'TypeError', 'Unknown', 'UnknownError', 'SyntaxError'].includes(text),
  );
  const retryAfter = Number(headers['retry-after'] ?? Number.NaN);
  return {
    vendorCode: redact(named ?? (status === undefined ? (name ?? 'Unknown') : `HTTP${status}`)),
    status,
    message: redact(textOf(thrown['message']) ?? String(error)),
    retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1000 : undefined,
    region: textOf(thrown['Region']) ?? textOf(headers['x-amz-bucket-region']),
    clockCorrected: metadata['clockSkewCorrected'] === true,
  };
}

/** The vendor's or the system's error as a `SidepipeError`. Its cause is a copy without requests, headers and secrets. */
export function toS3Error(error: unknown, context: S3CallContext): SidepipeError {
  if (error instanceof SidepipeError) return error;
  const redact = redactor(context.secrets);
  const failure = readFailure(error, redact);
  const verdict = classify(failure);
  const where = failure.status === undefined ? failure.vendorCode : `${failure.vendorCode}, HTTP ${failure.status}`;
  const what = [context.operation, context.key].filter((part) => part !== undefined).join(' ');
  const region = failure.region === undefined ? '' : ` (the vendor names the region ${failure.region})`;
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
      ...(failure.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs }),
      ...(failure.region === undefined ? {} : { region: failure.region }),
      ...(verdict.remedy === undefined ? {} : { remedy: verdict.remedy }),
    },
  });
}

export function redactor(secrets: readonly string[]): (text: string) => string {
  const parts = secrets.filter((secret) => secret.length > 3).sort((a, b) => b.length - a.length);
  return (text) => parts.reduce((result, secret) => result.replaceAll(secret, '[redacted]'), text);
}

/** The SDK's errors carry the response, its socket and so the signed request; the vendor's XML the string to sign. */
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
