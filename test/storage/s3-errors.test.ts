import { createServer } from 'node:http';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SidepipeError } from '../../src/errors.js';
import { createS3Store, type S3StoreOptions } from '../../src/storage/s3.js';
import type { ObjectStore } from '../../src/storage/store.js';
import { s3ConfigFor } from '../support/s3/config.js';
import type { Fault } from '../support/s3/faults.js';
import { type S3Server, startS3Server } from '../support/s3/server.js';
import { testAuthorityFile, testTls } from '../support/s3/tls.js';
import { collect, failureOf, objectOf } from './contract.js';

let server: S3Server;
const stores: ObjectStore[] = [];

beforeAll(async () => {
  server = await startS3Server();
});
afterEach(async () => {
  server.faults.clear();
  server.settings.clockSkewMs = 0;
  await Promise.all(stores.splice(0).map((store) => store.close()));
});
afterAll(() => server.close());

async function open(change: Record<string, unknown> = {}, options: S3StoreOptions = {}): Promise<ObjectStore> {
  const store = await createS3Store(s3ConfigFor(server, change), options);
  stores.push(store);
  return store;
}

const put = (store: ObjectStore, bytes = 3): Promise<unknown> =>
  store.put(objectOf('cam/a.ts', Buffer.alloc(bytes, 'x')));
const error = (status: number, code: string): Fault => ({ kind: 'error', status, code });

describe('what the vendor answers', () => {
  it.each([
    [500, 'InternalError', 'storage-unavailable', true],
    [502, 'BadGateway', 'storage-unavailable', true],
    [503, 'SlowDown', 'storage-unavailable', true],
    [503, 'ServiceUnavailable', 'storage-unavailable', true],
    [504, 'GatewayTimeout', 'storage-unavailable', true],
    [429, 'TooManyRequests', 'storage-unavailable', true],
    [429, 'SomethingNew', 'storage-unavailable', true],
    [400, 'RequestTimeout', 'storage-unavailable', true],
    [400, 'BadDigest', 'storage-unavailable', true],
    [409, 'OperationAborted', 'storage-unavailable', true],
    [403, 'QuotaExceeded', 'storage-unavailable', true],
    [507, 'InsufficientStorage', 'storage-unavailable', true],
    [401, 'Unauthorized', 'storage-denied', false],
    [403, 'AccessDenied', 'storage-denied', false],
    [403, 'SignatureDoesNotMatch', 'storage-denied', false],
    [403, 'InvalidAccessKeyId', 'storage-denied', false],
    [400, 'ExpiredToken', 'storage-denied', false],
    [403, 'SomethingNew', 'storage-denied', false],
    [404, 'NoSuchBucket', 'storage-misconfigured', false],
    [403, 'RequestTimeTooSkewed', 'storage-misconfigured', false],
    [301, 'PermanentRedirect', 'storage-misconfigured', false],
    [307, 'TemporaryRedirect', 'storage-misconfigured', false],
    [400, 'AuthorizationHeaderMalformed', 'storage-misconfigured', false],
    [400, 'InvalidStorageClass', 'storage-misconfigured', false],
    [405, 'MethodNotAllowed', 'storage-misconfigured', false],
    // No condition was sent: nothing that the store can mean.
    [412, 'PreconditionFailed', 'storage-refused', true],
    [409, 'ConditionalRequestConflict', 'storage-conflict', true],
    [400, 'EntityTooLarge', 'storage-refused', true],
    [400, 'InvalidRequest', 'storage-refused', true],
    [501, 'NotImplemented', 'storage-refused', true],
    [418, 'SomethingNew', 'storage-refused', true],
    [400, 'KeyTooLongError', 'storage-failed', false],
    [400, 'MetadataTooLarge', 'storage-failed', false],
  ] as const)('%i %s is %s, retryable: %s', async (status, code, expected, retryable) => {
    server.faults.add({ fault: error(status, code) });
    const store = await open();
    const failure = await failureOf(put(store));
    expect(failure).toMatchObject({ code: expected, retryable, fault: 'storage' });
    expect(failure.details).toMatchObject({
      operation: 'put',
      key: 'cam/a.ts',
      bucket: 'live',
      vendorCode: code,
      status,
    });
    expect(failure.message).toContain(code);
    expect(failure.cause).toBeInstanceOf(Error);
  });

  it('is asked once a call: the publisher is the one that repeats', async () => {
    server.faults.add({ fault: error(503, 'SlowDown') });
    server.clearLog();
    await failureOf(put(await open()));
    expect(server.log).toHaveLength(1);
  });

  it('classifies HEAD, whose errors have no body, by the status', async () => {
    const store = await open();
    server.faults.add({ fault: error(503, 'SlowDown'), count: 1 });
    expect(await failureOf(store.head('x'))).toMatchObject({ code: 'storage-unavailable', details: { status: 503 } });
    server.faults.add({ fault: error(403, 'AccessDenied'), count: 1 });
    expect(await failureOf(store.head('x'))).toMatchObject({ code: 'storage-denied', details: { status: 403 } });
  });

  it('carries Retry-After', async () => {
    server.faults.add({ fault: { kind: 'error', status: 503, code: 'SlowDown', headers: { 'retry-after': '7' } } });
    expect((await failureOf(put(await open()))).details['retryAfterMs']).toBe(7000);
  });

  it.each(['get', 'list', 'delete'] as const)('names the bucket that is not there: %s', async (operation) => {
    const store = await open({ bucket: 'nowhere' });
    const calls = {
      get: () => store.get('a'),
      list: () => collect(store.list('')),
      delete: () => store.delete(['a', 'b']),
    };
    const failure = await failureOf(calls[operation]());
    expect(failure).toMatchObject({
      code: 'storage-misconfigured',
      details: { vendorCode: 'NoSuchBucket', operation },
    });
    expect(failure.message).toContain('nowhere');
  });

  it('names the region that the vendor wants', async () => {
    const failure = await failureOf(put(await open({ region: 'eu-west-3' })));
    expect(failure).toMatchObject({ code: 'storage-misconfigured', details: { region: 'us-east-1', status: 400 } });
    expect(failure.message).toContain('us-east-1');
  });

  it.each([
    ['a wrong secret', { secretAccessKey: 'another-secret-access-key' }, 'SignatureDoesNotMatch'],
    ['an unknown key', { accessKeyId: 'ANOTHERACCESSKEYID' }, 'InvalidAccessKeyId'],
    ['a session token that has nothing to do with the key', { sessionToken: 'some-session-token' }, 'InvalidToken'],
  ])('is denied with %s', async (_, change, vendorCode) => {
    expect(await failureOf(put(await open(change)))).toMatchObject({ code: 'storage-denied', details: { vendorCode } });
  });

  it('corrects a clock that is an hour off by itself, whichever way', async () => {
    for (const clockSkewMs of [3_600_000, -3_600_000]) {
      server.settings.clockSkewMs = clockSkewMs;
      server.clearLog();
      const store = await open();
      await put(store);
      await put(store);
      expect(server.log.map((entry) => entry.code)).toEqual(['RequestTimeTooSkewed', undefined, undefined]);
    }
  });

  it('says how many objects of a batch were not deleted', async () => {
    // The answer of a real store whose policy forbids deletion.
    const refusing = createServer((request, response) => {
      request
        .resume()
        .on('end', () =>
          response.end(
            '<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code><Message>no</Message></Error>' +
              '<Error><Key>gone</Key><Code>NoSuchKey</Code></Error></DeleteResult>',
          ),
        );
    });
    await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve));
    const store = await open({ endpoint: `http://127.0.0.1:${(refusing.address() as AddressInfo).port}` });
    expect(await failureOf(store.delete(['a', 'gone', 'c']))).toMatchObject({
      code: 'storage-denied',
      details: { vendorCode: 'AccessDenied', refused: 1 },
    });
    refusing.closeAllConnections();
    refusing.close();
  });
});

describe('what the network does', () => {
  it.each(['during-body', 'before-commit', 'after-commit'] as const)(
    'is unavailable after a reset %s',
    async (when) => {
      server.faults.add({ fault: { kind: 'reset', when }, count: 1 });
      const store = await open();
      const failure = await failureOf(put(store, 2_000_000));
      expect(failure).toMatchObject({ code: 'storage-unavailable', retryable: true });
      expect(failure.details['status']).toBeUndefined();
      expect(server.objects().get('cam/a.ts')?.body.length === 2_000_000).toBe(when === 'after-commit');
      await put(store);
      await store.delete(['cam/a.ts']);
    },
  );

  it('is unavailable where nobody listens or no such host is', async () => {
    const gone = await startS3Server();
    await gone.close();
    for (const endpoint of [gone.endpoint, 'http://no-such-host.invalid']) {
      const failure = await failureOf(put(await open({ endpoint })));
      expect(failure).toMatchObject({ code: 'storage-unavailable', retryable: true });
      expect(failure.details['vendorCode']).toMatch(/^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN)$/);
    }
  });

  it('trusts a certificate by caFile and says what is missing without it', async () => {
    const secure = await startS3Server({ tls: testTls });
    const distrusting = await failureOf(put(await open({ endpoint: secure.endpoint })));
    expect(distrusting).toMatchObject({ code: 'storage-misconfigured', retryable: false });
    expect(distrusting.message).toContain('caFile');
    await put(await open({ endpoint: secure.endpoint, caFile: testAuthorityFile }));
    expect(secure.objects().has('cam/a.ts')).toBe(true);
    expect(secure.log.at(-1)!.headers['x-amz-content-sha256']).toMatch(/^[0-9a-f]{64}$/);
    await secure.close();
  });

  it('says before the first call that caFile is unusable', async () => {
    for (const caFile of ['/no/such/file.pem', fileURLToPath(import.meta.url)]) {
      const failure = await failureOf(open({ caFile }));
      expect(failure).toMatchObject({ code: 'storage-misconfigured' });
      expect(failure.message).toContain(caFile);
    }
  });

  it('is unavailable where a connection is taken and nothing comes of it', async () => {
    const mute = createNetServer();
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const endpoint = `https://127.0.0.1:${(mute.address() as AddressInfo).port}`;
    const failure = await failureOf(put(await open({ endpoint }, { connectTimeoutMs: 100 })));
    expect(failure).toMatchObject({ code: 'storage-unavailable', details: { vendorCode: 'ETIMEDOUT' } });
    mute.close();
  });

  it('does not take the wait for a free connection for a dead one', async () => {
    const store = await open({ concurrency: 1 }, { connectTimeoutMs: 100 });
    server.faults.add({ fault: { kind: 'latency', ms: 150 } });
    await Promise.all(['a', 'b', 'c', 'd'].map((key) => store.put(objectOf(`queue/${key}`))));
  });

  it('finds https spoken to an http port misconfigured', async () => {
    const store = await open({ endpoint: server.endpoint.replace('http:', 'https:') });
    expect((await failureOf(put(store))).code).toBe('storage-misconfigured');
  });

  it('is not taken in by a web server that answers 200 to everything', async () => {
    const web = createServer((request, response) => {
      request.resume().on('end', () => response.end('<!doctype html><title>Welcome</title>'));
    });
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    const store = await open({ endpoint: `http://127.0.0.1:${(web.address() as AddressInfo).port}` });
    expect((await failureOf(put(store))).code).toBe('storage-misconfigured');
    web.closeAllConnections();
    web.close();
  });
});

describe('deadlines', () => {
  const quick = { requestTimeoutMs: 150, minBytesPerSecond: 1_000_000 };
  const timeout = { code: 'storage-unavailable', retryable: true, details: { vendorCode: 'Timeout' } };

  it('end a call that is never answered, and its connection with it', async () => {
    server.faults.add({ fault: { kind: 'stall' }, count: 1 });
    server.clearLog();
    const store = await open({}, quick);
    expect(await failureOf(put(store))).toMatchObject(timeout);
    // The server logs a stalled request when its connection closes.
    await expect.poll(() => server.log.length, { timeout: 60_000 }).toBe(1);
    expect(server.objects().has('cam/a.ts')).toBe(false);
    await put(store);
  });

  it('grow with the bytes that are sent', async () => {
    server.faults.add({ fault: { kind: 'latency', ms: 500 } });
    const store = await open({}, quick);
    expect(await failureOf(put(store, 10))).toMatchObject(timeout);
    await put(store, 2_000_000);
  });

  it('end an upload and a download that only trickle', async () => {
    const store = await open({}, quick);
    // A busy machine may miss the short deadline where nothing trickles.
    const patient = await open();
    await put(patient, 300_000);
    server.faults.add({ fault: { kind: 'trickle', bytesPerSecond: 50_000 } });
    expect(await failureOf(put(store, 600_000))).toMatchObject(timeout);
    expect(await failureOf(store.get('cam/a.ts'))).toMatchObject(timeout);
    server.faults.clear();
    expect((await patient.get('cam/a.ts'))?.bytes).toBe(300_000);
  });

  it('leave the caller the last word', async () => {
    server.faults.add({ fault: { kind: 'stall' } });
    const store = await open();
    const caller = new AbortController();
    const call = failureOf(store.put(objectOf('a'), { signal: caller.signal }));
    caller.abort(new Error('shutting down'));
    expect(await call).toMatchObject({ code: 'aborted', fault: 'caller', retryable: false });

    const calls = [put(store), store.get('a'), store.head('a'), store.delete(['a', 'b']), store.capabilities()].map(
      failureOf,
    );
    await expect.poll(() => server.faults.fired['stall']).toBeGreaterThanOrEqual(5);
    await store.close();
    for (const failure of await Promise.all(calls)) expect(failure.code).toBe('aborted');
  });
});

describe('secrets', () => {
  it('are cut out of what a vendor says back', async () => {
    const { accessKeyId } = server.credentials;
    const talkative = createServer((request, response) => {
      request.resume().on('end', () => {
        response.writeHead(403, { 'content-type': 'application/xml' });
        response.end(`<Error><Code>AccessDenied</Code><Message>the key ${accessKeyId} may not</Message></Error>`);
      });
    });
    await new Promise<void>((resolve) => talkative.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(talkative.address() as AddressInfo).port}`;
    const store = await open({ endpoint });
    const failure = await failureOf(put(store));
    expect(failure.message).toContain('the key [redacted] may not');
    expect(inspect(failure, { depth: 20, showHidden: true })).not.toContain(accessKeyId);

    const keep = { ...process.env };
    process.env['AWS_ACCESS_KEY_ID'] = accessKeyId;
    process.env['AWS_SECRET_ACCESS_KEY'] = 'secret-of-the-environment';
    try {
      const { accessKeyId: _, secretAccessKey: __, ...config } = s3ConfigFor({ ...server, endpoint });
      const chained = await createS3Store(config);
      stores.push(chained);
      expect((await failureOf(put(chained))).message).toContain('the key [redacted] may not');
    } finally {
      process.env = keep;
    }
    talkative.closeAllConnections();
    talkative.close();
  });

  it('are in no error, whatever goes wrong, however it is printed', async () => {
    const token = 'session-token-that-nobody-may-see';
    const secrets = [
      server.credentials.accessKeyId,
      server.credentials.secretAccessKey,
      token,
      'wrong-secret-of-the-user',
    ];
    const faults: Fault[] = [
      error(403, 'AccessDenied'),
      error(500, 'InternalError'),
      { kind: 'reset', when: 'before-commit' },
      { kind: 'stall' },
    ];
    const failures: SidepipeError[] = [];
    for (const fault of faults) {
      server.faults.add({ fault });
      failures.push(await failureOf(put(await open({ sessionToken: token }, { requestTimeoutMs: 100 }))));
      server.faults.clear();
    }
    for (const change of [
      { secretAccessKey: 'wrong-secret-of-the-user' },
      { sessionToken: token },
      { region: 'eu-west-3' },
      { endpoint: server.endpoint.replace('http:', 'https:') },
      { bucket: 'nowhere' },
    ]) {
      failures.push(await failureOf(put(await open(change))));
    }
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(line) });
    for (const failure of failures) {
      expect(failure).toBeInstanceOf(SidepipeError);
      log.error(failure);
      const printed = [
        inspect(failure, { depth: 20, showHidden: true, getters: true }),
        JSON.stringify(failure),
        String(failure.stack),
        lines.at(-1)!,
      ].join('\n');
      for (const secret of secrets) expect(printed).not.toContain(secret);
      expect(printed).not.toMatch(/AWS4-HMAC|Signature=|x-amz-security-token/i);
    }
  });
});
