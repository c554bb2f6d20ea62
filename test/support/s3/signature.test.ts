import { describe, expect, it } from 'vitest';
import { decodeChunked } from './chunked.js';
import { checkDigests } from './digests.js';
import { parseTarget, type S3Request } from './request.js';
import { sha256, verifySignature } from './signature.js';

/** The worked examples of AWS's own documentation of Signature Version 4. */

const credentials = [
  { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' },
];
const amzDate = '20130524T000000Z';
const options = { credentials, region: 'us-east-1', now: Date.UTC(2013, 4, 24) };

function request(method: string, url: string, headers: Record<string, string>, body = ''): S3Request {
  return { ...parseTarget(url), method, body: Buffer.from(body), headers: { 'x-amz-date': amzDate, ...headers } };
}

const authorization = (signedHeaders: string, signature: string): string =>
  `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=${signedHeaders},Signature=${signature}`;

const host = 'examplebucket.s3.amazonaws.com';
const empty = sha256('');
const basic = 'host;x-amz-content-sha256;x-amz-date';

const examples = {
  'GET of a range': request('GET', '/test.txt', {
    host,
    range: 'bytes=0-9',
    'x-amz-content-sha256': empty,
    authorization: authorization(
      'host;range;x-amz-content-sha256;x-amz-date',
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ),
  }),
  'PUT with a dollar in the key': request(
    'PUT',
    '/test%24file.text',
    {
      host,
      date: 'Fri, 24 May 2013 00:00:00 GMT',
      'x-amz-storage-class': 'REDUCED_REDUNDANCY',
      'x-amz-content-sha256': sha256('Welcome to Amazon S3.'),
      authorization: authorization(
        'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
        '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
      ),
    },
    'Welcome to Amazon S3.',
  ),
  'GET of a subresource': request('GET', '/?lifecycle', {
    host,
    'x-amz-content-sha256': empty,
    authorization: authorization(basic, 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'),
  }),
  'GET of a list': request('GET', '/?max-keys=2&prefix=J', {
    host,
    'x-amz-content-sha256': empty,
    authorization: authorization(basic, '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'),
  }),
};

const presignedUrl =
  '/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request' +
  `&X-Amz-Date=${amzDate}&X-Amz-Expires=86400&X-Amz-SignedHeaders=host` +
  '&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404';
const presigned: S3Request = { ...parseTarget(presignedUrl), method: 'GET', body: Buffer.alloc(0), headers: { host } };

const codeOf = (task: () => unknown): unknown => {
  try {
    task();
    return 'accepted';
  } catch (error) {
    return (error as { code?: string }).code ?? error;
  }
};

describe("AWS's examples", () => {
  it.each(Object.entries(examples))('%s is accepted', (_, example) => {
    expect(verifySignature(example, options)?.accessKeyId).toBe('AKIAIOSFODNN7EXAMPLE');
  });

  it.each(Object.entries(examples))('%s is refused once anything about it is changed', (_, example) => {
    const changed: S3Request[] = [
      { ...example, method: 'DELETE' },
      { ...example, rawPath: `${example.rawPath}x` },
      { ...example, query: [...example.query, ['x', 'y']] },
      { ...example, headers: { ...example.headers, 'x-amz-content-sha256': sha256('other') } },
      { ...example, headers: { ...example.headers, host: 'other.s3.amazonaws.com' } },
      {
        ...example,
        headers: { ...example.headers, authorization: example.headers['authorization']!.replace(/.$/, '0') },
      },
    ];
    for (const item of changed) expect(codeOf(() => verifySignature(item, options))).toBe('SignatureDoesNotMatch');
    const smuggled = { ...example, headers: { ...example.headers, 'x-amz-acl': 'public-read' } };
    expect(codeOf(() => verifySignature(smuggled, options))).toBe('AccessDenied');
  });

  it('a presigned URL is accepted until it expires', () => {
    expect(verifySignature(presigned, options)?.payloadHash).toBe('UNSIGNED-PAYLOAD');
    expect(codeOf(() => verifySignature(presigned, { ...options, now: options.now + 86_400_001 }))).toBe(
      'AccessDenied',
    );
    expect(codeOf(() => verifySignature({ ...presigned, method: 'PUT' }, options))).toBe('SignatureDoesNotMatch');
  });

  it('the clocks may differ by fifteen minutes', () => {
    const example = examples['GET of a list'];
    for (const minutes of [-14, 14])
      expect(verifySignature(example, { ...options, now: options.now + minutes * 60_000 })).toBeDefined();
    for (const minutes of [-16, 16]) {
      expect(codeOf(() => verifySignature(example, { ...options, now: options.now + minutes * 60_000 }))).toBe(
        'RequestTimeTooSkewed',
      );
    }
  });

  it('the key, the region and the token must be the right ones', () => {
    const example = examples['GET of a list'];
    const known = credentials[0]!;
    expect(codeOf(() => verifySignature(example, { ...options, region: 'eu-west-1' }))).toBe(
      'AuthorizationHeaderMalformed',
    );
    expect(codeOf(() => verifySignature(example, { ...options, credentials: [] }))).toBe('InvalidAccessKeyId');
    const session = { ...options, credentials: [{ ...known, sessionToken: 't' }] };
    expect(codeOf(() => verifySignature(example, session))).toBe('InvalidToken');
    const wrong = { ...options, credentials: [{ ...known, secretAccessKey: 'x' }] };
    expect(codeOf(() => verifySignature(example, wrong))).toBe('SignatureDoesNotMatch');
  });
});

describe("AWS's examples of streaming uploads", () => {
  const data = 'a'.repeat(66_560);
  const upload = (more: Record<string, string>, signedHeaders: string, signature: string): S3Request =>
    request('PUT', '/examplebucket/chunkObject.txt', {
      host: 's3.amazonaws.com',
      'content-encoding': 'aws-chunked',
      'x-amz-decoded-content-length': '66560',
      'x-amz-storage-class': 'REDUCED_REDUNDANCY',
      ...more,
      authorization: authorization(signedHeaders, signature),
    });
  const encode = (signatures: readonly string[], trailers: string): Buffer =>
    Buffer.from(
      `10000;chunk-signature=${signatures[0]}\r\n${data.slice(0, 65_536)}\r\n` +
        `400;chunk-signature=${signatures[1]}\r\n${data.slice(65_536)}\r\n0;chunk-signature=${signatures[2]}\r\n${trailers}\r\n`,
    );

  it('without trailers', () => {
    const verified = verifySignature(
      upload(
        { 'content-length': '66824', 'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' },
        'content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class',
        '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
      ),
      options,
    )!;
    const signatures = [
      'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
      '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
      'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
    ];
    const plan = { signing: verified.signing, decodedLength: 66_560, trailerNames: [] };
    expect(decodeChunked(encode(signatures, ''), plan).body.toString()).toBe(data);
    const changed = encode(signatures, '');
    changed[5000] = 98;
    expect(codeOf(() => decodeChunked(changed, plan))).toBe('SignatureDoesNotMatch');
    expect(codeOf(() => decodeChunked(encode(signatures.toReversed(), ''), plan))).toBe('SignatureDoesNotMatch');
    expect(codeOf(() => decodeChunked(encode(signatures, '').subarray(0, 60_000), plan))).toBe('IncompleteBody');
    expect(codeOf(() => decodeChunked(encode(signatures, ''), { ...plan, decodedLength: 1 }))).toBe('IncompleteBody');
  });

  it('with a trailing checksum', () => {
    const verified = verifySignature(
      upload(
        {
          'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
          'x-amz-trailer': 'x-amz-checksum-crc32c',
        },
        'content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer',
        '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e',
      ),
      options,
    )!;
    const signatures = [
      'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2',
      '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7',
      '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992',
    ];
    const trailers =
      'x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n';
    const plan = { signing: verified.signing, decodedLength: 66_560, trailerNames: ['x-amz-checksum-crc32c'] };
    const decoded = decodeChunked(encode(signatures, trailers), plan);
    expect(checkDigests({}, decoded.trailers, decoded.body)).toEqual({ 'x-amz-checksum-crc32c': 'sOO8/Q==' });
    expect(codeOf(() => decodeChunked(encode(signatures, trailers.replace('sOO8', 'sOO9')), plan))).toBe(
      'SignatureDoesNotMatch',
    );
    expect(codeOf(() => decodeChunked(encode(signatures, ''), plan))).toBe('MalformedTrailerError');
  });
});

describe('digests', () => {
  const body = Buffer.from('123456789');
  // The check values of the algorithms' own specifications.
  it.each([
    ['x-amz-checksum-crc32', 'cbf43926'],
    ['x-amz-checksum-crc32c', 'e3069283'],
    ['x-amz-checksum-sha1', 'f7c3bc1d808e04732adf679965ccc34ca7ae3441'],
    ['x-amz-checksum-sha256', '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225'],
    ['content-md5', '25f9e794323b453885f5181f1b624d0b'],
  ])('%s must be right', (name, hex) => {
    const right = Buffer.from(hex, 'hex').toString('base64');
    const wrong = Buffer.from(hex.replace(/^./, '0'), 'hex').toString('base64');
    expect(codeOf(() => checkDigests({ [name]: right }, {}, body))).toBe('accepted');
    expect(codeOf(() => checkDigests({ [name]: wrong }, {}, body))).toBe('BadDigest');
    expect(codeOf(() => checkDigests({ [name]: right.slice(4) }, {}, body))).toMatch(/^Invalid(Digest|Request)$/);
  });
});
