import { createHash } from 'node:crypto';
import { badRequest, S3Error } from './errors.js';
import { sha256 } from './signature.js';

/** Digests of bodies: Content-MD5, `x-amz-checksum-*` as header or trailer, and the signed payload hash. */

const reflected = (polynomial: number): Uint32Array =>
  Uint32Array.from({ length: 256 }, (_, index) => {
    let value = index;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    return value >>> 0;
  });

const crcBy =
  (table: Uint32Array) =>
  (body: Buffer): string => {
    let crc = 0xffffffff;
    for (const byte of body) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE((crc ^ 0xffffffff) >>> 0);
    return bytes.toString('base64');
  };

const hashBy =
  (algorithm: string) =>
  (body: Buffer): string =>
    createHash(algorithm).update(body).digest('base64');

const checksums: Readonly<Record<string, { bytes: number; digest: (body: Buffer) => string }>> = {
  'x-amz-checksum-crc32': { bytes: 4, digest: crcBy(reflected(0xedb88320)) },
  'x-amz-checksum-crc32c': { bytes: 4, digest: crcBy(reflected(0x82f63b78)) },
  'x-amz-checksum-sha1': { bytes: 20, digest: hashBy('sha1') },
  'x-amz-checksum-sha256': { bytes: 32, digest: hashBy('sha256') },
};

type Headers = Readonly<Record<string, string>>;

/** The checksums that came with the body, all of them right. Throws what S3 answers to a wrong one. */
export function checkDigests(headers: Headers, trailers: Headers, body: Buffer): Record<string, string> {
  const md5 = headers['content-md5'];
  if (md5 !== undefined) {
    if (Buffer.from(md5, 'base64').length !== 16) {
      throw badRequest('InvalidDigest', 'The Content-MD5 you specified is not valid.');
    }
    if (md5 !== hashBy('md5')(body)) {
      throw badRequest('BadDigest', 'The Content-MD5 you specified did not match what we received.');
    }
  }
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...headers, ...trailers })) {
    if (!name.startsWith('x-amz-checksum-') || name === 'x-amz-checksum-mode' || name === 'x-amz-checksum-type')
      continue;
    const algorithm = Object.hasOwn(checksums, name) ? checksums[name] : undefined;
    if (!algorithm) {
      if (name === 'x-amz-checksum-algorithm') continue;
      throw badRequest('InvalidRequest', `The checksum ${name} is not supported.`);
    }
    if (Buffer.from(value, 'base64').length !== algorithm.bytes) {
      throw badRequest('InvalidRequest', `Value for ${name} header is invalid.`);
    }
    if (algorithm.digest(body) !== value) {
      const label = name.slice('x-amz-checksum-'.length).toUpperCase();
      throw badRequest('BadDigest', `The ${label} you specified did not match the calculated checksum.`);
    }
    found[name] = value;
  }
  if (Object.keys(found).length > 1) {
    throw badRequest(
      'InvalidRequest',
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    );
  }
  return found;
}

export function checkPayloadHash(payloadHash: string, body: Buffer): void {
  if (payloadHash === 'UNSIGNED-PAYLOAD') return;
  if (!/^[0-9a-f]{64}$/.test(payloadHash)) {
    throw badRequest(
      'InvalidArgument',
      'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-… or a valid sha256 value.',
    );
  }
  const actual = sha256(body);
  if (actual === payloadHash) return;
  throw new S3Error(
    400,
    'XAmzContentSHA256Mismatch',
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
    { ClientComputedContentSHA256: payloadHash, S3ComputedContentSHA256: actual },
  );
}

export const md5Hex = (body: Buffer): string => createHash('md5').update(body).digest('hex');
