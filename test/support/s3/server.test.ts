import { createHash, createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Commit } from './bucket.js';
import { createFaultPlan } from './faults.js';
import { type S3Server, startS3Server } from './server.js';

let server: S3Server;
let client: S3Client;

beforeEach(async () => {
  server = await startS3Server({ minPartBytes: 100 });
  client = clientOf(server);
});
afterEach(async () => {
  client.destroy();
  await server.close();
});

const clientOf = ({ endpoint, credentials, region }: S3Server): S3Client =>
  new S3Client({ endpoint, credentials, region, forcePathStyle: true, maxAttempts: 1 });

const put = (Key: string, Body: string | Buffer = 'body', more = {}) =>
  client.send(new PutObjectCommand({ Bucket: 'live', Key, Body, ...more }));
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'accepted',
    (error: Error) => error.name,
  );
const url = (key: string): string => `${server.endpoint}/live/${key}`;
const plain = { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' };

/** A second implementation of the client's side, so that requests can be wrong in ways that the SDK is not. */
function signed(method: string, key: string, headers: Record<string, string>, at = Date.now()): Record<string, string> {
  const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
  const mac = (secret: string | Buffer, text: string): Buffer => createHmac('sha256', secret).update(text).digest();
  const date = new Date(at).toISOString().replace(/[-:]|\.\d+/g, '');
  const all: Record<string, string> = { ...headers, host: new URL(server.endpoint).host, 'x-amz-date': date };
  const names = Object.keys(all).sort();
  const canonical = [
    method,
    `/live/${key}`,
    '',
    ...names.map((name) => `${name}:${all[name]}`),
    '',
    names.join(';'),
    all['x-amz-content-sha256'],
  ].join('\n');
  const scope = `${date.slice(0, 8)}/us-east-1/s3/aws4_request`;
  const secret = mac(
    mac(mac(mac(`AWS4${server.credentials.secretAccessKey}`, date.slice(0, 8)), 'us-east-1'), 's3'),
    'aws4_request',
  );
  const signature = mac(secret, ['AWS4-HMAC-SHA256', date, scope, sha(canonical)].join('\n')).toString('hex');
  const { host: _, ...sent } = all;
  const credential = `${server.credentials.accessKeyId}/${scope}`;
  return {
    ...sent,
    authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
  };
}

const send = async (method: string, key: string, headers: Record<string, string>, body?: string): Promise<string> => {
  const response = await fetch(url(key), { method, headers, ...(body === undefined ? {} : { body }) });
  return `${response.status} ${/<Code>(\w+)/.exec(await response.text())?.[1] ?? ''}`.trim();
};

describe('the tests’ S3 server', () => {
  it('takes what is signed and whole, and nothing else', async () => {
    const hash = createHash('sha256').update('body').digest('hex');
    expect(await send('PUT', 'a', signed('PUT', 'a', { 'x-amz-content-sha256': hash }), 'body')).toBe('200');
    expect(await send('PUT', 'b', signed('PUT', 'b', { 'x-amz-content-sha256': hash }), 'bodY')).toBe(
      '400 XAmzContentSHA256Mismatch',
    );
    expect(await send('PUT', 'c', signed('PUT', 'a', { 'x-amz-content-sha256': hash }), 'body')).toBe(
      '403 SignatureDoesNotMatch',
    );
    expect(await send('PUT', 'd', { ...signed('PUT', 'd', plain), 'x-amz-acl': 'public-read' }, 'x')).toBe(
      '403 AccessDenied',
    );
    expect(await send('PUT', 'e', signed('PUT', 'e', plain, Date.now() - 16 * 60_000), 'x')).toBe(
      '403 RequestTimeTooSkewed',
    );
    expect(await send('PUT', 'f', {}, 'x')).toBe('403 AccessDenied');
    expect(await send('PUT', 'g', { authorization: 'AWS x:y' }, 'x')).toBe('400 InvalidRequest');
    const md5 = (text: string): string => createHash('md5').update(text).digest('base64');
    expect(await send('PUT', 'h', signed('PUT', 'h', { ...plain, 'content-md5': md5('x') }), 'x')).toBe('200');
    expect(await send('PUT', 'i', signed('PUT', 'i', { ...plain, 'content-md5': md5('y') }), 'x')).toBe(
      '400 BadDigest',
    );
    expect(await send('PUT', 'j', signed('PUT', 'j', { ...plain, 'x-amz-checksum-crc32': 'AAAAAA==' }), 'x')).toBe(
      '400 BadDigest',
    );
    expect(await send('PUT', 'k', signed('PUT', 'k', { ...plain, 'x-amz-storage-class': 'CHEAP' }), 'x')).toBe(
      '400 InvalidStorageClass',
    );
    expect(await send('PUT', 'l', signed('PUT', 'l', { ...plain, 'if-none-match': '"x"' }), 'x')).toBe(
      '501 NotImplemented',
    );
    expect([...server.objects().keys()]).toEqual(['a', 'h']);
  });

  it('stores nothing of an upload that breaks off', async () => {
    await put('a', 'old');
    const { port, hostname } = new URL(server.endpoint);
    const head = Object.entries(signed('PUT', 'a', { ...plain, 'content-length': '1000' })).map(
      ([name, value]) => `${name}: ${value}`,
    );
    const socket = connect(Number(port), hostname);
    const beginning = `PUT /live/a HTTP/1.1\r\nhost: ${hostname}:${port}\r\n${head.join('\r\n')}\r\n\r\n${'x'.repeat(500)}`;
    await new Promise((resolve) => socket.write(beginning, resolve));
    socket.destroy();
    await expect.poll(() => server.log.length).toBe(2);
    expect(server.objects().get('a')?.body.toString()).toBe('old');
  });

  it('takes the SDK’s streams, whose checksum comes last', async () => {
    const Body = Readable.from([Buffer.alloc(70_000, 'a'), Buffer.alloc(10, 'b')]);
    await put('stream', Body as never, { ContentLength: 70_010, ChecksumAlgorithm: 'CRC32' });
    expect(server.log[0]!.headers['x-amz-content-sha256']).toBe('STREAMING-UNSIGNED-PAYLOAD-TRAILER');
    expect(server.objects().get('stream')?.body.length).toBe(70_010);
    expect(server.objects().get('stream')?.headers).not.toHaveProperty('content-encoding');
  });

  it('pages lists, with prefixes and delimiters', async () => {
    for (const key of ['a/1', 'a/2', 'b', 'c/1', 'c/2', 'c/3', 'd é & <x>', 'e']) await put(key);
    server.settings.pageSize = 2;
    const seen: string[] = [];
    let pages = 0;
    let ContinuationToken: string | undefined;
    do {
      const input = { Bucket: 'live', Delimiter: '/', ...(ContinuationToken ? { ContinuationToken } : {}) };
      const page = await client.send(new ListObjectsV2Command(input));
      seen.push(
        ...(page.CommonPrefixes ?? []).map((item) => item.Prefix!),
        ...(page.Contents ?? []).map((item) => item.Key!),
      );
      ContinuationToken = page.NextContinuationToken;
      pages += 1;
    } while (ContinuationToken);
    expect([...seen].sort()).toEqual(['a/', 'b', 'c/', 'd é & <x>', 'e']);
    expect(pages).toBe(3);
    const list = (more: object) => client.send(new ListObjectsV2Command({ Bucket: 'live', ...more }));
    expect((await list({ Prefix: 'c/', MaxKeys: 2 })).Contents?.map((item) => item.Key)).toEqual(['c/1', 'c/2']);
    expect((await list({ StartAfter: 'c/2', MaxKeys: 1 })).Contents?.map((item) => item.Key)).toEqual(['c/3']);
    expect(await codeOf(list({ ContinuationToken: 'nonsense!' }))).toBe('InvalidArgument');
    expect(await codeOf(client.send(new ListObjectsV2Command({ Bucket: 'none' })))).toBe('NoSuchBucket');
  });

  it('assembles multipart uploads at one moment', async () => {
    const target = { Bucket: 'live', Key: 'big' };
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...target, ContentType: 'video/mp2t' }));
    const part = (PartNumber: number, Body: string) =>
      client.send(new UploadPartCommand({ ...target, UploadId, PartNumber, Body }));
    const second = await part(2, 'end');
    const first = await part(1, 'x'.repeat(100));
    expect((await client.send(new ListPartsCommand({ ...target, UploadId }))).Parts?.map((item) => item.Size)).toEqual([
      100, 3,
    ]);
    expect(server.objects().has('big')).toBe(false);
    const complete = (Parts: { PartNumber: number; ETag: string | undefined }[]) =>
      client.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }));
    expect(await codeOf(complete([{ PartNumber: 1, ETag: '"wrong"' }]))).toBe('InvalidPart');
    expect(
      await codeOf(
        complete([
          { PartNumber: 2, ETag: second.ETag },
          { PartNumber: 1, ETag: first.ETag },
        ]),
      ),
    ).toBe('InvalidPartOrder');
    const done = await complete([
      { PartNumber: 1, ETag: first.ETag },
      { PartNumber: 2, ETag: second.ETag },
    ]);
    expect(done.ETag).toMatch(/^"[0-9a-f]{32}-2"$/);
    expect(server.objects().get('big')).toMatchObject({ etag: done.ETag, headers: { 'content-type': 'video/mp2t' } });
    const other = await client.send(new CreateMultipartUploadCommand(target));
    expect((await client.send(new ListMultipartUploadsCommand({ Bucket: 'live' }))).Uploads).toHaveLength(1);
    await client.send(new AbortMultipartUploadCommand({ ...target, UploadId: other.UploadId }));
    expect(server.uploads().size).toBe(0);
    expect(await codeOf(part(1, 'late'))).toBe('NoSuchUpload');
  });

  it('serves the public as a CDN’s origin: ranges, 304, CORS, nothing that is private', async () => {
    await put('open', '0123456789', { ACL: 'public-read', CacheControl: 'no-store' });
    await put('closed');
    expect((await fetch(url('closed'))).status).toBe(403);
    server.settings.publicRead = true;
    server.settings.cors = { origins: ['https://a.example'], methods: ['GET'], exposeHeaders: ['ETag'] };
    expect((await fetch(url('closed'))).status).toBe(200);
    expect((await fetch(`${server.endpoint}/live?list-type=2`)).status).toBe(403);

    const get = (headers: Record<string, string>) => fetch(url('open'), { headers });
    const whole = await get({ origin: 'https://a.example' });
    const etag = whole.headers.get('etag')!;
    expect(whole.headers.get('access-control-allow-origin')).toBe('https://a.example');
    expect(whole.headers.get('cache-control')).toBe('no-store');
    expect((await get({ origin: 'https://b.example' })).headers.get('access-control-allow-origin')).toBeNull();
    for (const [range, text, status] of [
      ['bytes=2-4', '234', 206],
      ['bytes=7-', '789', 206],
      ['bytes=-2', '89', 206],
      ['bytes=5-100', '56789', 206],
      ['bytes=1-2,4-5', '0123456789', 200],
    ] as const) {
      const part = await get({ range });
      expect([part.status, await part.text()]).toEqual([status, text]);
    }
    expect((await get({ range: 'bytes=10-' })).status).toBe(416);
    expect((await get({ 'if-none-match': etag })).status).toBe(304);
    expect((await get({ 'if-match': '"other"' })).status).toBe(412);
    expect((await fetch(url('open'), { method: 'HEAD' })).headers.get('content-length')).toBe('10');
    const preflight = { 'access-control-request-method': 'GET', 'access-control-request-headers': 'range' };
    const options = (origin: string) => fetch(url('open'), { method: 'OPTIONS', headers: { ...preflight, origin } });
    expect((await options('https://a.example')).headers.get('access-control-allow-headers')).toBe('range');
    expect((await options('https://b.example')).status).toBe(403);
  });

  it('takes one write a second to a key where told to', async () => {
    server.settings.oneWriteASecond = true;
    expect(await codeOf(put('a'))).toBe('accepted');
    expect(await codeOf(put('a'))).toBe('TooManyRequests');
    expect(await codeOf(put('b'))).toBe('accepted');
  });

  it('tells its observer every state that anyone can see', async () => {
    const states: string[] = [];
    const stop = server.observe(({ type, key, items }: Commit) => void states.push(`${type} ${key} ${items.size}`));
    await put('a');
    server.faults.add({ fault: { kind: 'reset', when: 'after-commit' }, count: 1 });
    await codeOf(put('b'));
    server.faults.add({ fault: { kind: 'reset', when: 'before-commit' }, count: 1 });
    await codeOf(put('c'));
    server.faults.add({ fault: { kind: 'error', status: 500, code: 'InternalError', when: 'after-commit' }, count: 1 });
    expect(await codeOf(put('d'))).toBe('InternalError');
    stop();
    await put('e');
    expect(states).toEqual(['put a 1', 'put b 2', 'put d 3']);
    expect(server.log.map((entry) => entry.status)).toEqual([200, undefined, undefined, 500, 200]);
    expect(server.log[1]!.faults).toEqual(['reset']);
  });

  it('hides what was put for as many reads as told', async () => {
    server.faults.add({ method: 'PUT', key: /^late$/, fault: { kind: 'hide', reads: 2 } });
    await put('late');
    await put('other');
    const get = (Key: string) => client.send(new GetObjectCommand({ Bucket: 'live', Key }));
    expect(await codeOf(get('late'))).toBe('NoSuchKey');
    expect(await codeOf(get('late'))).toBe('NoSuchKey');
    expect(await codeOf(get('late'))).toBe('accepted');
    expect(await codeOf(get('other'))).toBe('accepted');
  });

  it('closes whatever is under way', async () => {
    server.faults.add({ fault: { kind: 'stall' }, count: 1 });
    const stalled = codeOf(put('a'));
    await expect.poll(() => server.faults.fired['stall']).toBe(1);
    await server.close();
    expect(await stalled).not.toBe('accepted');
  });
});

describe('a fault plan', () => {
  it('fires as often, as late and as likely as told, and the same way for the same seed', () => {
    const fire = (seed: number): number[] => {
      const plan = createFaultPlan(seed);
      plan.add({ fault: { kind: 'stall' }, probability: 0.3, method: 'PUT', skip: 10, count: 50 });
      return Array.from({ length: 400 }, () => plan.choose('PUT', 'k').length);
    };
    const once = fire(7);
    expect(fire(7)).toEqual(once);
    expect(fire(8)).not.toEqual(once);
    expect(once.slice(0, 10)).toEqual(Array(10).fill(0));
    const fired = once.reduce((sum, count) => sum + count, 0);
    expect(fired).toBe(50);
    expect(once.indexOf(1)).toBeGreaterThanOrEqual(10);
    const others = createFaultPlan(1);
    others.add({ fault: { kind: 'stall' }, method: 'PUT', key: /^a/ });
    expect(
      [others.choose('GET', 'a'), others.choose('PUT', 'b'), others.choose('PUT', 'ab')].map((list) => list.length),
    ).toEqual([0, 0, 1]);
  });
});
