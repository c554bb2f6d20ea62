import { badRequest, S3Error } from './errors.js';
import { hmac, type SigningContext, sameText, sha256 } from './signature.js';

/** `aws-chunked` bodies: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and …-trailers.html */

export interface DecodedBody {
  readonly body: Buffer;
  /** Names in lower case. */
  readonly trailers: Readonly<Record<string, string>>;
}

export interface ChunkedOptions {
  /** Undefined: the chunks carry no signatures. */
  readonly signing?: SigningContext;
  readonly decodedLength: number;
  /** `x-amz-trailer`: the trailers that must come. */
  readonly trailerNames: readonly string[];
}

const emptyHash = sha256('');

export function decodeChunked(encoded: Buffer, { signing, decodedLength, trailerNames }: ChunkedOptions): DecodedBody {
  const pieces: Buffer[] = [];
  let previous = signing?.seedSignature ?? '';
  let at = 0;
  for (;;) {
    const end = encoded.indexOf('\r\n', at);
    if (end < 0) throw incomplete();
    const [size = '', extension = ''] = encoded.toString('latin1', at, end).split(';');
    if (!/^[0-9a-fA-F]+$/.test(size)) throw badRequest('InvalidRequest', 'The chunk size is not a number.');
    const length = Number.parseInt(size, 16);
    const data = encoded.subarray(end + 2, end + 2 + length);
    if (data.length < length) throw incomplete();
    if (signing) {
      const text = [...lines('AWS4-HMAC-SHA256-PAYLOAD', signing, previous), emptyHash, sha256(data)].join('\n');
      previous = check(signing, text, extension.replace(/^chunk-signature=/, ''));
    }
    at = end + 2 + length;
    if (length === 0) break;
    if (encoded.toString('latin1', at, at + 2) !== '\r\n') throw badRequest('InvalidRequest', 'A chunk does not end.');
    at += 2;
    pieces.push(data);
  }
  const body = Buffer.concat(pieces);
  if (body.length !== decodedLength) throw incomplete();
  return { body, trailers: readTrailers(encoded.toString('latin1', at), trailerNames, signing, previous) };
}

function readTrailers(
  text: string,
  names: readonly string[],
  signing: SigningContext | undefined,
  previous: string,
): Record<string, string> {
  const all = text
    .split(/\r?\n/)
    .filter((line) => line !== '')
    .map(
      (line) =>
        [line.slice(0, line.indexOf(':')).trim().toLowerCase(), line.slice(line.indexOf(':') + 1).trim()] as const,
    );
  const trailers = Object.fromEntries(all.filter(([name]) => name !== 'x-amz-trailer-signature'));
  for (const name of names) {
    if (trailers[name] === undefined) throw badRequest('MalformedTrailerError', `The trailer ${name} is missing.`);
  }
  if (signing && names.length > 0) {
    const canonical = Object.keys(trailers)
      .sort()
      .map((name) => `${name}:${trailers[name]}\n`)
      .join('');
    const toSign = [...lines('AWS4-HMAC-SHA256-TRAILER', signing, previous), sha256(canonical)].join('\n');
    check(signing, toSign, all.find(([name]) => name === 'x-amz-trailer-signature')?.[1] ?? '');
  }
  return trailers;
}

const lines = (algorithm: string, { amzDate, scope }: SigningContext, previous: string): string[] => [
  algorithm,
  amzDate,
  scope,
  previous,
];

function check({ signingKey }: SigningContext, toSign: string, signature: string): string {
  const expected = hmac(signingKey, toSign).toString('hex');
  if (!sameText(expected, signature)) {
    throw new S3Error(
      403,
      'SignatureDoesNotMatch',
      'The chunk signature we calculated does not match the one provided.',
    );
  }
  return expected;
}

const incomplete = (): S3Error =>
  badRequest('IncompleteBody', 'You did not provide the number of bytes specified by the Content-Length HTTP header.');
