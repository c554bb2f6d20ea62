import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { badRequest, S3Error } from './errors.js';
import { queryOf, type S3Request } from './request.js';

/** AWS Signature Version 4, the server's side: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html */

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface VerifyOptions {
  readonly credentials: readonly Credentials[];
  readonly region: string;
  /** The server's clock, milliseconds since the epoch. */
  readonly now: number;
}

/** What the chunks of a streaming upload are signed with. */
export interface SigningContext {
  readonly signingKey: Buffer;
  readonly amzDate: string;
  readonly scope: string;
  readonly seedSignature: string;
}

export interface Verified {
  readonly accessKeyId: string;
  /** `x-amz-content-sha256`, or UNSIGNED-PAYLOAD for presigned URLs. */
  readonly payloadHash: string;
  readonly signing: SigningContext;
}

interface Claim {
  readonly accessKeyId: string;
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly amzDate: string;
  readonly presigned: boolean;
}

const maxSkewMs = 15 * 60_000;
export const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
export const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** Undefined for a request that is not signed at all; throws what S3 answers to a wrong signature. */
export function verifySignature(request: S3Request, options: VerifyOptions): Verified | undefined {
  const claim = readClaim(request);
  if (!claim) return undefined;
  const known = options.credentials.find((item) => item.accessKeyId === claim.accessKeyId);
  if (!known) {
    throw new S3Error(403, 'InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.', {
      AWSAccessKeyId: claim.accessKeyId,
    });
  }
  checkScope(claim, options.region);
  checkTime(request, claim, options.now);
  checkSignedHeaders(request, claim);
  const token = request.headers['x-amz-security-token'] ?? queryOf(request, 'X-Amz-Security-Token');
  if (token !== known.sessionToken)
    throw badRequest('InvalidToken', 'The provided token is malformed or otherwise invalid.');

  const payloadHash = claim.presigned ? 'UNSIGNED-PAYLOAD' : request.headers['x-amz-content-sha256'];
  if (payloadHash === undefined) {
    throw badRequest('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256');
  }
  const scope = `${claim.date}/${claim.region}/${claim.service}/aws4_request`;
  const canonical = canonicalRequest(request, claim, payloadHash);
  const toSign = `AWS4-HMAC-SHA256\n${claim.amzDate}\n${scope}\n${sha256(canonical)}`;
  const key = signingKey(known.secretAccessKey, claim);
  const expected = hmac(key, toSign).toString('hex');
  if (!sameText(expected, claim.signature)) {
    throw new S3Error(
      403,
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
      {
        AWSAccessKeyId: claim.accessKeyId,
        StringToSign: toSign,
        SignatureProvided: claim.signature,
        CanonicalRequest: canonical,
      },
    );
  }
  const signing = { signingKey: key, amzDate: claim.amzDate, scope, seedSignature: claim.signature };
  return { accessKeyId: claim.accessKeyId, payloadHash, signing };
}

const signingKey = (secret: string, { date, region, service }: Pick<Claim, 'date' | 'region' | 'service'>): Buffer =>
  hmac(hmac(hmac(hmac(`AWS4${secret}`, date), region), service), 'aws4_request');

function readClaim(request: S3Request): Claim | undefined {
  const authorization = request.headers['authorization'];
  if (authorization !== undefined) {
    const fields = Object.fromEntries(
      authorization
        .replace(/^AWS4-HMAC-SHA256\s+/, '')
        .split(/,\s*/)
        .map((part) => part.split('=', 2)),
    ) as Record<string, string | undefined>;
    if (!authorization.startsWith('AWS4-HMAC-SHA256')) {
      throw badRequest(
        'InvalidRequest',
        'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.',
      );
    }
    const amzDate = request.headers['x-amz-date'];
    return claimOf(fields['Credential'], fields['SignedHeaders'], fields['Signature'], amzDate, false);
  }
  if (queryOf(request, 'X-Amz-Algorithm') === undefined) return undefined;
  const [credential, signedHeaders, signature, amzDate] = ['Credential', 'SignedHeaders', 'Signature', 'Date'].map(
    (name) => queryOf(request, `X-Amz-${name}`),
  );
  return claimOf(credential, signedHeaders, signature, amzDate, true);
}

function claimOf(
  credential: string | undefined,
  signedHeaders: string | undefined,
  signature: string | undefined,
  amzDate: string | undefined,
  presigned: boolean,
): Claim {
  const [accessKeyId, date, region, service, end] = (credential ?? '').split('/');
  if (!accessKeyId || !date || !region || !service || end !== 'aws4_request' || !signedHeaders || !signature) {
    const code = presigned ? 'AuthorizationQueryParametersError' : 'AuthorizationHeaderMalformed';
    throw badRequest(code, 'The authorization that you provided is malformed.');
  }
  if (amzDate === undefined || !/^\d{8}T\d{6}Z$/.test(amzDate)) {
    throw new S3Error(403, 'AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header');
  }
  return { accessKeyId, date, region, service, signedHeaders: signedHeaders.split(';'), signature, amzDate, presigned };
}

function checkScope(claim: Claim, region: string): void {
  if (claim.region !== region) {
    throw new S3Error(
      400,
      'AuthorizationHeaderMalformed',
      `The authorization header is malformed; the region '${claim.region}' is wrong; expecting '${region}'`,
      { Region: region },
    );
  }
  if (claim.service !== 's3' || !claim.amzDate.startsWith(claim.date)) {
    throw badRequest(
      'AuthorizationHeaderMalformed',
      'The authorization header is malformed; incorrect service or date.',
    );
  }
}

function checkTime(request: S3Request, claim: Claim, now: number): void {
  const at = Date.parse(claim.amzDate.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (claim.presigned) {
    const expires = Number(queryOf(request, 'X-Amz-Expires'));
    if (!(expires >= 1 && expires <= 604_800)) {
      throw badRequest('AuthorizationQueryParametersError', 'X-Amz-Expires must be between 1 and 604800 seconds');
    }
    if (now > at + expires * 1000) throw new S3Error(403, 'AccessDenied', 'Request has expired');
    if (at > now + maxSkewMs) throw new S3Error(403, 'AccessDenied', 'Request is not yet valid');
    return;
  }
  if (Math.abs(at - now) <= maxSkewMs) return;
  throw new S3Error(
    403,
    'RequestTimeTooSkewed',
    'The difference between the request time and the current time is too large.',
    {
      RequestTime: claim.amzDate,
      ServerTime: new Date(now).toISOString(),
      MaxAllowedSkewMilliseconds: String(maxSkewMs),
    },
  );
}

/** `host` and every `x-amz-*` header must be under the signature. */
function checkSignedHeaders(request: S3Request, claim: Claim): void {
  const unsigned = Object.keys(request.headers).filter(
    (name) => (name === 'host' || name.startsWith('x-amz-')) && !claim.signedHeaders.includes(name),
  );
  if (unsigned.length === 0) return;
  throw new S3Error(403, 'AccessDenied', 'There were headers present in the request which were not signed', {
    HeadersNotSigned: unsigned.join(', '),
  });
}

function canonicalRequest(request: S3Request, claim: Claim, payloadHash: string): string {
  const path = request.rawPath
    .split('/')
    .map((part) => encode(decodeURIComponent(part)))
    .join('/');
  const query = request.query
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
  const headers = claim.signedHeaders
    .map((name) => `${name}:${(request.headers[name] ?? '').trim().replace(/ +/g, ' ')}\n`)
    .join('');
  return [request.method, path, query, headers, claim.signedHeaders.join(';'), payloadHash].join('\n');
}

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

export function sameText(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
