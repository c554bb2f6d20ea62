import { appendFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { attempt } from '../src/alerts/attempt.js';
import { Feed } from '../src/events/feed.js';
import { LogTail } from '../src/ffmpeg/log/log-tail.js';
import { ProgressParser } from '../src/ffmpeg/log/progress.js';
import { NutDemuxer } from '../src/frames/nut-demuxer.js';
import { PacketTimesParser } from '../src/frames/packet-times.js';
import type { AppOptions } from '../src/http/app.js';
import { createHttpServer } from '../src/http/server.js';
import { createRelayBody } from '../src/ingest/relay/body.js';
import { relayPlaylist } from '../src/ingest/relay/playlist.js';
import { createRtspReplies } from '../src/ingest/relay/rtsp-replies.js';
import { createRtmpSession } from '../src/ingest/rtmp/session.js';
import { readBounded } from '../src/io/read-bounded.js';
import { Monitor } from '../src/monitor/monitor.js';
import { createS3Store } from '../src/storage/s3.js';
import { adminToken, makeApp } from './http/make-app.js';
import { accepted, answering, countWork, deliver } from './support/crumbs.js';
import { FakeStream } from './support/fake-streams.js';
import { fileId, NutWriter } from './support/nut-writer.js';
import { cryptography, fakeMedia, publisherBytes } from './support/rtmp-bytes.js';
import { s3ConfigFor } from './support/s3/config.js';
import { until } from './support/wait.js';

/**
 * Work per input byte is bounded by a constant, from every peer: 100 KB in pieces of one byte cost each parser a few times what
 * they cost in one piece. Where a parser counts its work, the count is asserted; elsewhere the bytes that are copied and the promises that
 * are made. The CPU time of all is only reported; of the rows of HTTP and S3, about 1 µs a byte is Node.js's own.
 */

const SIZE = 100_000;
const report: string[] = [];

afterAll(async () => {
  const path = process.env['SIDEPIPE_TEST_REPORT'];
  if (path !== undefined) await appendFile(path, `${report.join('\n')}\n`);
});

/** Gives `take` the bytes one by one. */
function feed(name: string, bytes: Uint8Array, take: (byte: Uint8Array) => void): void {
  const before = process.cpuUsage();
  for (let at = 0; at < bytes.length; at++) take(bytes.subarray(at, at + 1));
  const { user, system } = process.cpuUsage(before);
  report.push(`${name}: ${bytes.length} bytes one by one, ${((user + system) / 1000).toFixed(1)} ms of CPU`);
}

const latin1 = (text: string) => Buffer.from(text, 'latin1');

describe('100 KB in pieces of one byte', () => {
  it('are gathered by the HLS relay', () => {
    const bytes = latin1(`#EXTM3U\n${'#EXTINF:1,\nsegment.ts\n'.repeat(SIZE / 22)}`);
    const body = createRelayBody();
    feed('HLS relay', bytes, (byte) => void body.push(byte));
    expect(body.work).toBeLessThan(5 * bytes.length);
    const target = { secure: false, host: 'h', port: 80, path: '/' };
    expect(relayPlaylist(Buffer.from(body.end().bytes).toString(), target)?.length).toBe(bytes.length);
  });

  it('are taken apart by the RTSP relay: a large head, a large body, small packets', () => {
    const head = `RTSP/1.0 200 OK\r\nCSeq: 1\r\n${`X-Padding: ${'x'.repeat(40)}\r\n`.repeat(900)}`;
    const message = `${head}Content-Length: 40000\r\n\r\n${'v'.repeat(40_000)}`;
    const bytes = latin1(message + '$\0\0\u0002hi'.repeat((SIZE - message.length) / 6));
    const replies = createRtspReplies();
    let out = 0;
    feed('RTSP relay', bytes, (byte) => {
      for (const part of replies.push(byte)) out += part.length;
    });
    expect(out).toBe(bytes.length);
    expect(replies.work).toBeLessThan(6 * bytes.length);
  });

  it('are split by the NUT demuxer: headers as long as they may be', () => {
    const layout = {
      ...{ width: 8, height: 8, timeBases: [{ numerator: 1, denominator: 25 }], timeBaseIndex: 0, msbPtsShift: 8 },
      ...{ elisions: [], runs: [] },
    };
    const writer = new NutWriter(layout);
    const info = writer.info(48_000);
    const bytes = Buffer.concat([fileId, writer.mainHeader(), writer.streamHeader(), info, info]);
    let headers = 0;
    const demuxer = NutDemuxer.video({ onStream: () => (headers += 1), acquire: () => undefined, onPacket: () => {} });
    feed('NUT', bytes, (byte) => demuxer.push(byte));
    expect(headers).toBe(1);
    expect(demuxer.work).toBeLessThan(8 * bytes.length);
  });

  it('are lines of a log and of progress reports, or one line without an end', () => {
    const lines: string[] = [];
    const tail = new LogTail({ redact: (text) => text, onLine: ({ text }) => lines.push(text) });
    feed('ffmpeg log, one line', latin1('x'.repeat(SIZE)), (byte) => tail.push(byte));
    feed('ffmpeg log, lines', latin1(`\n${'[error] no\n'.repeat(SIZE / 11)}`), (byte) => tail.push(byte));
    expect(lines.at(-1)).toBe('no');
    let reports = 0;
    const progress = new ProgressParser(() => (reports += 1));
    feed('progress, one line', latin1('x'.repeat(SIZE)), (byte) => progress.push(byte));
    feed('progress, lines', latin1(`\n${'frame=1\nprogress=continue\n'.repeat(SIZE / 26)}`), (byte) =>
      progress.push(byte),
    );
    expect(reports).toBe(Math.floor(SIZE / 26));
  });

  it('are a publisher: handshake, commands, media', () => {
    const start = publisherBytes('cam', fakeMedia({ frames: 50, frameBytes: 2000 }));
    const bytes = start.subarray(0, SIZE);
    expect(bytes.length).toBe(SIZE);
    const session = createRtmpSession({ ...cryptography, startedAt: 0 });
    let mediaBytes = 0;
    feed('RTMP', bytes, (byte) => {
      for (const event of session.receive(byte, 0).events) {
        if (event.type === 'publish-request') session.accept(0);
        if (event.type === 'video' || event.type === 'audio') mediaBytes += event.payload.length;
      }
    });
    expect(mediaBytes).toBeGreaterThan(SIZE * 0.9);
  });

  it('are a transport stream, and the body of an object that ffmpeg sends', () => {
    let packets = 0;
    const parser = new PacketTimesParser({ onPacket: () => (packets += 1) });
    const packet = Buffer.alloc(188, 0xff);
    packet.set([0x47, 0x41, 0, 0x10, 0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5, 0x21, 0, 1, 0, 1]);
    const stream = Buffer.concat(new Array<Buffer>(Math.floor(SIZE / 188)).fill(packet));
    feed('MPEG-TS', stream, (byte) => parser.push(byte));
    expect(packets).toBe(Math.floor(SIZE / 188));
  });

  it('are a body that is read up to its limit', async () => {
    const bytes = latin1('x'.repeat(SIZE));
    const stream = new Readable({ read: () => {} });
    const body = readBounded(stream, { limit: SIZE });
    feed('bounded body', bytes, (byte) => void stream.emit('data', byte));
    stream.push(null);
    stream.resume();
    expect((await body).bytes.equals(bytes)).toBe(true);
  });
});

async function cpuMs(task: () => Promise<unknown>): Promise<string> {
  const before = process.cpuUsage();
  await task();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) / 1000).toFixed(1);
}

/**
 * Asserts that the work of a task that a peer feeds with bytes one by one is bounded by their number, and reports its time: of its
 * second run, as the first one loads modules, and without the counters.
 */
async function bounded(name: string, bytes: number, task: () => Promise<unknown>): Promise<void> {
  await task();
  report.push(`${name}: ${bytes} bytes one by one, ${await cpuMs(task)} ms of CPU`);
  const { copiedBytes, promises } = await countWork(task);
  expect(copiedBytes, name).toBeLessThan(8 * bytes + 64 * 1024);
  // None for each piece.
  expect(promises, name).toBeLessThan(bytes / 20);
}

const at = '2027-01-01T00:00:00.000Z';
const authorization = `authorization: Bearer ${adminToken}`;
const log = { info: () => {}, warn: () => {}, error: () => {} };

async function serve(streams: FakeStream[], options: Partial<AppOptions> = {}) {
  const { app } = makeApp(streams, options);
  const server = createHttpServer({ fetch: app.fetch, host: '127.0.0.1', port: 0, log });
  onTestFinished(() => server.close());
  return (await server.start()).port;
}

/** All that a client receives, until it holds the text so many times. */
function received(client: Socket, text: string, times = 1): Promise<string> {
  return new Promise((resolve) => {
    let all = '';
    client.setEncoding('latin1').on('data', (piece: string) => {
      all += piece;
      if (all.split(text).length > times) resolve(all);
    });
  });
}

describe('100 KB that a client sends in pieces of one byte', () => {
  it('are the body of a request, as a form and as JSON in chunks of one byte, up to its limit', async () => {
    const port = await serve([]);
    const form = `token=${'x'.repeat(65_000)}`;
    const type = 'content-type: application/x-www-form-urlencoded';
    const login = `POST /login HTTP/1.1\r\nhost: x\r\norigin: http://x\r\n${type}\r\ncontent-length: ${form.length}\r\n\r\n${form}`;
    const json = `{"name":"a","title":"${'x'.repeat(SIZE / 6)}"}`;
    const chunks = [...json].map((letter) => `1\r\n${letter}\r\n`).join('');
    const create = `POST /api/v1/streams HTTP/1.1\r\nhost: x\r\n${authorization}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`;
    for (const [name, text, status] of [
      ['HTTP form', login, '401'],
      ['HTTP API, chunks', create, '503'],
    ] as const) {
      await bounded(name, text.length, async () => {
        const { socket, client } = await accepted(port);
        const answer = received(client, '\r\n\r\n');
        await deliver(socket, latin1(text));
        expect(await answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      });
    }
  });

  it('are a body past the limit: answered with 413, and not kept', async () => {
    const port = await serve([]);
    const chunks = '1\r\nx\r\n'.repeat(70_000);
    const { socket, client } = await accepted(port);
    const answer = received(client, '\r\n\r\n');
    const type = 'content-type: application/x-www-form-urlencoded';
    await deliver(
      socket,
      latin1(`POST /login HTTP/1.1\r\nhost: x\r\n${type}\r\ntransfer-encoding: chunked\r\n\r\n${chunks}`),
    );
    expect(await answer).toMatch(/^HTTP\/1.1 413 /);
  });

  it('are the heads of requests, as long as they may be', async () => {
    const port = await serve([]);
    const head = `GET /healthz HTTP/1.1\r\nhost: x\r\nx-padding: ${'y'.repeat(15_000)}\r\n\r\n`;
    await bounded('HTTP heads', 6 * head.length, async () => {
      const { socket, client } = await accepted(port);
      const answers = received(client, 'HTTP/1.1 200 ', 6);
      await deliver(socket, latin1(head.repeat(6)));
      await answers;
    });
  });

  it('are the frames of a WebSocket: messages, fragments, pongs; pings are answered only as fast as the answers leave', async () => {
    const dropped: string[] = [];
    const monitor = new Monitor({
      ...{ name: 'cam', width: 640, height: 360, bitrate: 1e6, viewers: 4, origins: [] },
      onDropped: () => dropped.push('x'),
    });
    onTestFinished(() => monitor.close());
    const cam = new FakeStream('cam');
    cam.monitor = monitor;
    const port = await serve([cam]);
    for (const [name, bytes] of [
      ['WebSocket messages', clientFrame(2, 1000)],
      [
        'WebSocket fragments',
        Buffer.concat([clientFrame(2, 0, false), ...repeat(clientFrame(0, 0, false), 160), clientFrame(0, 1)]),
      ],
      ['WebSocket pongs', clientFrame(10, 100)],
    ] as const) {
      const flood = Buffer.concat(repeat(bytes, SIZE / bytes.length));
      await bounded(name, flood.length, async () => {
        const { socket, client } = await accepted(port);
        const opened = received(client, 'jsmp');
        await deliver(socket, latin1(handshake));
        await opened;
        await deliver(socket, flood);
        await deliver(socket, clientFrame(9, 7));
        // The answer to the last ping: all before it was understood.
        await received(client, '\u008a\u0007');
        client.destroy();
      });
    }
    expect(dropped).toEqual([]);
    const { socket } = await accepted(port);
    await deliver(socket, latin1(handshake));
    await until('the viewer to be in', () => monitor.status.viewers === 1);
    socket.push(Buffer.concat(repeat(clientFrame(9, 100), SIZE / 100)));
    expect(socket.destroyed).toBe(true);
  });
});

describe('100 KB of events', () => {
  it('cost a bounded number of promises for each event, to a client that reads each alone', async () => {
    const events = 500;
    const feed = new Feed({ run: 'r1', now: Date.now, readers: 1 });
    onTestFinished(() => feed.close());
    const port = await serve([], { feed });
    const listen = async () => {
      const { socket, client } = await accepted(port);
      await deliver(socket, latin1(`GET /api/v1/events HTTP/1.1\r\nhost: x\r\n${authorization}\r\n\r\n`));
      await until('the client to listen', () => feed.readers === 1);
      const all = received(client, 'event: restart', events);
      for (let restarts = 1; restarts <= events; restarts += 1) {
        feed.publish({
          type: 'restart',
          stream: 'cam',
          at,
          code: 'ffmpeg-failed',
          message: 'x'.repeat(120),
          restarts,
          stderr: [],
        });
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect((await all).length).toBeGreaterThan(SIZE);
      client.destroy();
      await until('the client to leave', () => feed.readers === 0);
    };
    await listen();
    report.push(`events: ${events} of 200 bytes, each read alone, ${await cpuMs(listen)} ms of CPU`);
    const work = await countWork(listen);
    expect(work.promises).toBeLessThan(40 * events);
    expect(work.copiedBytes).toBeLessThan(8 * SIZE);
  });
});

describe('100 KB that a server answers in pieces of one byte', () => {
  const answer = (status: string, body: string) =>
    latin1(`HTTP/1.1 ${status}\r\netag: "1"\r\ncontent-length: ${body.length}\r\n\r\n${body}`);

  async function storeOf(response: Buffer) {
    const port = await answering(() => response);
    const credentials = { accessKeyId: 'TESTACCESSKEYID00000', secretAccessKey: 'test/secret' };
    const store = await createS3Store(s3ConfigFor({ endpoint: `http://127.0.0.1:${port}`, credentials }));
    onTestFinished(() => store.close());
    return store;
  }

  it('are a page of a listing of a store', async () => {
    const key = (index: number) =>
      `<Contents><Key>cam/source/${index}-${'&amp;'.repeat(80)}.ts</Key><LastModified>2027-01-01T00:00:00.000Z</LastModified><Size>1</Size></Contents>`;
    const keys = Array.from({ length: 180 }, (_, index) => key(index)).join('');
    const page = `<ListBucketResult><IsTruncated>false</IsTruncated>${keys}</ListBucketResult>`;
    const response = answer('200 OK', page);
    await bounded('S3 listing', response.length, async () => {
      const store = await storeOf(response);
      let count = 0;
      for await (const { bytes } of store.list('cam/')) count += bytes;
      expect(count).toBe(180);
    });
  });

  it.each([
    ['lease', 'cam/lease.json', 64 * 1024],
    ['playlist', 'cam/source/index.m3u8', SIZE],
  ])('are a %s of a store', async (name, key, bytes) => {
    const response = answer('200 OK', 'x'.repeat(bytes));
    await bounded(`S3 ${name}`, response.length, async () => {
      const store = await storeOf(response);
      expect((await store.get(key))?.bytes).toBe(bytes);
    });
  });

  it('are an error of a store: more than is read', async () => {
    const response = answer('403 Forbidden', `<Error><Code>AccessDenied</Code><Message>${'&lt;'.repeat(SIZE / 4)}`);
    await bounded('S3 error', response.length, async () => {
      const store = await storeOf(response);
      await expect(store.get('cam/lease.json')).rejects.toMatchObject({ code: expect.stringMatching(/^storage-/) });
    });
  });

  it('are the head of a response to a webhook, and its body', async () => {
    const early = `HTTP/1.1 103 Early Hints\r\nx-padding: ${'y'.repeat(15_000)}\r\n\r\n`;
    const responses = [
      ['webhook heads', latin1(`${early.repeat(6)}HTTP/1.1 204 No Content\r\n\r\n`)],
      ['webhook body', answer('200 OK', 'x'.repeat(SIZE))],
    ] as const;
    for (const [name, response] of responses) {
      const url = `http://127.0.0.1:${await answering(() => response)}/hook`;
      await bounded(name, response.length, async () => {
        const { signal } = new AbortController();
        const delivery = { url, secret: 'a secret of some length', body: '{}', now: 0, userAgent: 'test' };
        expect(await attempt({ ...delivery, timeoutMs: 60_000, signal })).toEqual({ kind: 'delivered' });
      });
    }
  });
});

const repeat = <T>(each: T, times: number): T[] => new Array<T>(Math.ceil(times)).fill(each);

const handshake = [
  'GET /live/cam/monitor HTTP/1.1',
  'Host: 127.0.0.1',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}`,
  '\r\n',
].join('\r\n');

/** A frame of a client, RFC 6455, 5.2; its mask is zero. */
function clientFrame(opcode: number, bytes: number, isLast = true): Buffer {
  const length = bytes < 126 ? [bytes] : [126, bytes >> 8, bytes & 255];
  const [first = 0, ...more] = length;
  const head = [(isLast ? 0x80 : 0) | opcode, 0x80 | first, ...more, 0, 0, 0, 0];
  return Buffer.concat([Buffer.from(head), Buffer.alloc(bytes, 0x78)]);
}
