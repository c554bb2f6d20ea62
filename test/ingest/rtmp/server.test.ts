import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createChunkWriter } from '../../../src/ingest/rtmp/protocol/chunk-writer.js';
import { messageType } from '../../../src/ingest/rtmp/protocol/message.js';
import { chunkSizeMessage, fakeMedia, handshakeStart, mediaMessage, publisherBytes } from '../../support/rtmp-bytes.js';
import { createRtmpClient, type RtmpClient } from '../../support/rtmp-client.js';
import { parseFlv } from '../../support/rtmp-flv.js';
import { createSink, createStuckTarget, startTestNode, type TestNode } from '../../support/rtmp-node.js';

const started: TestNode[] = [];
const clients: RtmpClient[] = [];

async function startNode(...options: Parameters<typeof startTestNode>): Promise<TestNode> {
  const node = await startTestNode(...options);
  started.push(node);
  return node;
}

async function startClient(...options: Parameters<typeof createRtmpClient>): Promise<RtmpClient> {
  const client = await createRtmpClient(...options);
  clients.push(client);
  return client;
}

/** The reset may come before or after the client has seen its connection. */
async function expectRefused({ port }: TestNode): Promise<void> {
  await expect(startClient({ port }).then((client) => client.publish('cam?key=cam-key'))).rejects.toThrow();
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await Promise.all(started.splice(0).map((node) => node.server.close()));
});

describe('RTMP server', () => {
  it.each([
    ['before anyone wants its media', false, false],
    ['while its media is written', true, false],
    ['between two readers', true, true],
  ])('ends a publisher of pictures that are too large: %s', async (_, isPiped, isBetween) => {
    const seen: [string, number][] = [];
    const node = await startNode({
      tooLarge: (codec, record) => {
        seen.push([codec, record.length]);
        return record[0] === 9 ? 'far too large' : undefined;
      },
    });
    const client = await startClient({ port: node.port });
    await client.publish('cam?key=cam-key');
    const publisher = await node.nextPublisher();
    const sink = createSink();
    const abort = new AbortController();
    if (isPiped) {
      const piped = publisher.pipe(sink.target, { signal: abort.signal });
      await client.send(mediaMessage('video', 0, Uint8Array.of(0x17, 0, 0, 0, 0, 1)));
      await client.send(mediaMessage('video', 0, Uint8Array.of(0x17, 1, 0, 0, 0, 1)));
      await sink.holds(40);
      if (isBetween) abort.abort();
      if (isBetween) expect(await piped).toBe('aborted');
    }
    await client.send(mediaMessage('video', 40, Uint8Array.of(0x90, ...Buffer.from('hvc1'), 9)));
    await client.waitFor('NetStream.Failed');
    expect(await publisher.closed).toBe('picture-too-large');
    expect(publisher.tooLarge).toBe('far too large');
    expect(seen.at(-1)).toEqual(['hvc1', 1]);
    // No reader has seen them.
    expect(sink.bytes().includes('hvc1')).toBe(false);
    expect(node.events.map(({ reason }) => reason)).toContain('picture-too-large');
  });

  it('tells the codec at once where an earlier pipe has seen it', async () => {
    const node = await startNode();
    const client = await startClient({ port: node.port });
    await client.publish('cam?key=cam-key');
    const publisher = await node.nextPublisher();
    const sink = createSink();
    const abort = new AbortController();
    const piped = publisher.pipe(sink.target, { signal: abort.signal });
    // Not before: nobody had looked at it by then.
    await client.send(mediaMessage('video', 0, Uint8Array.of(0x17, 0, 0, 0, 0, 1)));
    await client.send(mediaMessage('video', 0, Uint8Array.of(0x17, 1, 0, 0, 0, 1)));
    await sink.holds(40);
    abort.abort();
    await piped;
    // Waits for as long as the test may take, if it waits.
    expect(await publisher.videoCodec(new AbortController().signal)).toBe('h264');
  });

  it('ends a publisher of an unreadable codec before anyone wants its media', async () => {
    const node = await startNode({ reads: (codec) => codec === 'h264' });
    const client = await startClient({ port: node.port });
    await client.publish('cam?key=cam-key');
    const publisher = await node.nextPublisher();
    await client.send(mediaMessage('video', 40, Uint8Array.of(0x90, ...Buffer.from('hvc1'), 9)));
    expect(await publisher.closed).toBe('source-unsupported');
    expect(publisher.codecs).toEqual({ video: 'hvc1' });
  });

  it.each([
    ['plain', undefined, false],
    ['digest scheme 0', 0, false],
    ['digest scheme 1', 1, false],
    ['TLS', undefined, true],
  ] as const)('takes a publisher in: %s', async (_, scheme, tls) => {
    const node = await startNode();
    const port = tls ? node.securePort : node.port;
    const client = await startClient({ port, tls, ...(scheme !== undefined && { scheme }) });
    expect(await client.publish('cam?key=cam-key')).toBe('NetStream.Publish.Start');
    const publisher = await node.nextPublisher();
    expect(publisher).toMatchObject({ stream: 'cam', address: '127.0.0.1', secure: tls });
    expect(node.server.publisher('cam')).toBe(publisher);
    const sink = createSink();
    const piped = publisher.pipe(sink.target);
    const media = fakeMedia({ frames: 30 });
    for (const message of media) await client.send(message);
    client.socket.end();
    expect(await publisher.closed).toBe('peer-closed');
    expect(await piped).toBe('publisher-ended');
    expect(sink.target.writableEnded).toBe(true);
    const tags = parseFlv(sink.bytes());
    expect(tags).toHaveLength(media.length);
    expect(tags.slice(1).map((tag) => tag.payload.length)).toEqual(media.slice(1).map((item) => item.payload.length));
    expect(publisher.codecs).toEqual({ video: 'h264', audio: 'aac' });
    expect(publisher.metadata?.get('width')).toBe(640);
    expect(node.server.publisher('cam')).toBeUndefined();
  });

  it.each([
    ['another app path', 'cam-key', { app: 'live/cam' }],
    ['the key alone', 'cam-key-2', {}],
    ['the key in the application', 'cam', { app: 'live?key=cam-key' }],
  ])('takes the key by %s', async (_, streamKey, properties) => {
    const node = await startNode();
    const client = await startClient({ port: node.port });
    expect(await client.publish(streamKey, properties)).toBe('NetStream.Publish.Start');
    expect((await node.nextPublisher()).stream).toBe('cam');
  });

  it.each([
    ['a wrong key', 'cam?key=wrong'],
    ["another stream's key", 'cam?key=door-key'],
    ['no key', 'cam'],
    ['an unknown stream', 'nowhere?key=cam-key'],
  ])('refuses %s and says so', async (_, streamKey) => {
    const node = await startNode();
    const client = await startClient({ port: node.port });
    expect(await client.publish(streamKey)).toBe('NetStream.Publish.BadName');
    await client.closed;
    expect(node.events).toMatchObject([{ type: 'ended', reason: 'bad-key', stream: undefined }]);
    expect(JSON.stringify([node.events, node.requests])).not.toMatch(/wrong|door-key|cam-key/);
  });

  it('refuses an unknown application', async () => {
    const node = await startNode();
    const client = await startClient({ port: node.port });
    expect(await client.publish('cam?key=cam-key', { app: 'vod' })).toBe('NetConnection.Connect.Rejected');
  });

  it('answers `unavailable` when the authoriser fails or takes too long, and tells who observes', async () => {
    const failing = await startNode({ authorise: () => Promise.reject(new Error('database down')) });
    const slow = await startNode({ authorise: () => new Promise(() => undefined), limits: { decisionTimeoutMs: 20 } });
    for (const node of [failing, slow]) {
      const client = await startClient({ port: node.port });
      expect(await client.publish('cam?key=cam-key')).toBe('NetStream.Failed');
    }
    expect(failing.events[0]).toMatchObject({ type: 'failed', cause: new Error('database down') });
  });

  it('refuses the publisher when nobody takes it', async () => {
    const node = await startNode({
      onPublish() {
        throw new Error('no room');
      },
    });
    const client = await startClient({ port: node.port });
    expect(await client.publish('cam?key=cam-key')).toBe('NetStream.Failed');
    await client.closed;
    expect(node.server.publisher('cam')).toBeUndefined();
  });

  it('lets the first publisher stay when the policy is reject', async () => {
    const node = await startNode({ whenBusy: 'reject' });
    const first = await startClient({ port: node.port });
    await first.publish('cam?key=cam-key');
    const publisher = await node.nextPublisher();
    const second = await startClient({ port: node.port });
    expect(await second.publish('cam?key=cam-key-2')).toBe('NetStream.Publish.BadName');
    expect(node.server.publisher('cam')).toBe(publisher);
    const other = await startClient({ port: node.port });
    expect(await other.publish('door-key')).toBe('NetStream.Publish.Start');
  });

  it('ends the first publisher when the policy is takeover, one at a time however many come', async () => {
    const node = await startNode({ whenBusy: 'takeover' });
    const first = await startClient({ port: node.port });
    await first.publish('cam?key=cam-key');
    const old = await node.nextPublisher();
    const comers = await Promise.all([1, 2, 3, 4].map(() => startClient({ port: node.port })));
    const answers = await Promise.all(comers.map((client) => client.publish('cam?key=cam-key')));
    expect(answers).toEqual(Array.from({ length: 4 }, () => expect.stringMatching(/^NetStream.Publish/)));
    expect(await old.closed).toBe('taken-over');
    expect(first.codes.at(-1)).toBe('NetStream.Publish.BadName');
    const publishers = await Promise.all([1, 2, 3, 4].map(() => node.nextPublisher()));
    const living = publishers.filter((publisher) => node.server.publisher('cam') === publisher);
    expect(living).toHaveLength(1);
    for (const publisher of publishers) {
      if (publisher !== living[0]) expect(await publisher.closed).toBe('taken-over');
    }
  });

  it('stops reading while the target is full, and loses nothing', async () => {
    const node = await startNode();
    const client = await startClient({ port: node.port });
    await client.publish('cam?key=cam-key');
    const publisher = await node.nextPublisher();
    const stuck = createStuckTarget();
    const piped = publisher.pipe(stuck.target);
    const frames = 400;
    const sent = (async () => {
      for (const message of fakeMedia({ frames, frameBytes: 60_000 })) await client.send(message);
    })();
    // 24 MB are on their way; the client stalls when the buffers between are full.
    await new Promise<void>((resolve) => {
      let last = -1;
      const timer = setInterval(() => {
        const now = client.socket.bytesWritten - client.socket.writableLength;
        if (now === last && client.socket.writableNeedDrain) {
          clearInterval(timer);
          resolve();
        }
        last = now;
      });
    });
    expect(stuck.target.writableLength).toBeLessThan(1_000_000);
    expect(publisher.receivedBytes).toBeLessThan(1_000_000);
    stuck.release();
    await sent;
    client.socket.end();
    expect(await piped).toBe('publisher-ended');
    expect(stuck.taken()).toBeGreaterThan(frames * 60_000);
  });

  it('waits for the first pipe, drops between pipes, and begins each with what a reader needs', async () => {
    const node = await startNode();
    const client = await startClient({ port: node.port });
    await client.publish('cam?key=cam-key');
    const publisher = await node.nextPublisher();
    const media = fakeMedia({ frames: 5 });
    for (const message of media) await client.send(message);
    const first = createSink();
    const abort = new AbortController();
    const piped = publisher.pipe(first.target, { signal: abort.signal });
    await first.holds(5 * 1200);
    expect(parseFlv(first.bytes()).length).toBeGreaterThan(3);
    expect(() => publisher.pipe(createSink().target)).toThrow(/one target at a time/);
    abort.abort();
    expect(await piped).toBe('aborted');
    expect(first.target.writableEnded).toBe(false);
    // A reader that dies after its pipe brings nothing down.
    first.target.destroy(new Error('EPIPE'));
    const header = Uint8Array.of(0x17, 0, 0, 0, 0, 2);
    const received = publisher.receivedBytes;
    await client.send(mediaMessage('video', 300, header));
    while (publisher.receivedBytes < received + header.length) await new Promise((resolve) => setImmediate(resolve));

    const dead = createSink();
    const second = publisher.pipe(dead.target);
    dead.target.destroy(new Error('EPIPE'));
    expect(await second).toBe('target-closed');

    const third = createSink();
    const last = publisher.pipe(third.target);
    await client.send(mediaMessage('video', 900, Uint8Array.of(0x27, 1, 0, 0, 0)));
    await client.send(mediaMessage('video', 940, Uint8Array.of(0x17, 1, 0, 0, 0)));
    client.socket.end();
    expect(await last).toBe('publisher-ended');
    const tags = parseFlv(third.bytes()).slice(0, 3);
    expect(tags.map((tag) => [tag.type, tag.timestamp])).toEqual([
      [18, 0],
      [9, 0],
      [8, 0],
    ]);
    expect(tags[1]?.payload).toEqual(Buffer.from(header));
    const frames = parseFlv(third.bytes()).filter((tag) => tag.type === 9 && tag.payload[1] === 1);
    expect(frames.map((tag) => tag.payload[0])).toEqual([0x17]);
  });

  it('ends handshakes that drip, and clients that never publish, at their deadlines', async () => {
    const node = await startNode({ limits: { handshakeTimeoutMs: 80, publishTimeoutMs: 160 } });
    const drip = await startClient({ port: node.port });
    const timer = setInterval(() => drip.socket.write(Uint8Array.of(3).subarray(0, 1)), 10);
    await drip.closed;
    clearInterval(timer);
    const silent = await startClient({ port: node.port });
    silent.socket.write(handshakeStart());
    silent.socket.write(new Uint8Array(1536));
    await silent.closed;
    const tlsSilent = connect({ host: '127.0.0.1', port: node.securePort });
    tlsSilent.on('error', () => undefined);
    await new Promise((resolve) => tlsSilent.once('close', resolve));
    expect(node.events.map((event) => event.reason)).toEqual([
      expect.stringMatching(/handshake/),
      'publish-timeout',
      'handshake-timeout',
    ]);
  });

  it('ends a publisher that falls silent', async () => {
    const node = await startNode({ limits: { idleTimeoutMs: 100 } });
    const client = await startClient({ port: node.port });
    await client.publish('cam?key=cam-key');
    const publisher = await node.nextPublisher();
    void publisher.pipe(createSink().target);
    expect(await publisher.closed).toBe('idle-timeout');
    await client.closed;
  });

  it('does not hold its own pause against a publisher', async () => {
    let now = 1_000_000;
    const node = await startNode({ limits: { idleTimeoutMs: 40 }, now: () => now });
    const client = await startClient({ port: node.port });
    await client.publish('cam?key=cam-key');
    const publisher = await node.nextPublisher();
    now += 1000;
    const sink = createSink();
    void publisher.pipe(sink.target);
    // Two rounds of the timer.
    await new Promise((resolve) => setTimeout(resolve, 90));
    expect(node.server.publisher('cam')).toBe(publisher);
    now += 41;
    expect(await publisher.closed).toBe('idle-timeout');
  });

  it('ends a publisher that asks and asks but does not read the answers', async () => {
    const node = await startNode({ limits: { unreadBytes: 1000 } });
    const client = await startClient({ port: node.port });
    await client.publish('cam?key=cam-key');
    const publisher = await node.nextPublisher();
    void publisher.pipe(createSink().target);
    client.socket.pause();
    const ping = { ...chunkSizeMessage(1), type: messageType.userControl, payload: Uint8Array.of(0, 6, 0, 0, 0, 1) };
    const pings = Buffer.concat(Array.from({ length: 10_000 }, () => createChunkWriter().write(ping)));
    let isClosed = false;
    void publisher.closed.then(() => {
      isClosed = true;
    });
    while (!isClosed) await new Promise((resolve) => client.socket.write(pings, resolve));
    expect(await publisher.closed).toBe('answers-unread');
  });

  it('refuses an address after its wrong keys, before it is heard', async () => {
    let now = 1_000_000;
    const node = await startNode({ limits: { failuresPerAddress: 3, failureWindowMs: 1000 }, now: () => now });
    for (let attempt = 0; attempt < 3; attempt++) {
      const client = await startClient({ port: node.port });
      expect(await client.publish('wrong')).toBe('NetStream.Publish.BadName');
    }
    await expectRefused(node);
    expect(node.events.at(-1)).toMatchObject({ type: 'refused', reason: 'too-many-failures' });
    now += 1000;
    const again = await startClient({ port: node.port });
    expect(await again.publish('cam?key=cam-key')).toBe('NetStream.Publish.Start');
  });

  it('makes room for a newcomer by dropping the oldest that has not published, never a publisher', async () => {
    const node = await startNode({ limits: { connections: 3, connectionsPerAddress: 100 } });
    const publishing = await startClient({ port: node.port });
    await publishing.publish('cam?key=cam-key');
    const idle = await startClient({ port: node.port });
    await startClient({ port: node.port });
    const newcomer = await startClient({ port: node.port });
    await idle.closed;
    expect(await newcomer.publish('door?key=door-key')).toBe('NetStream.Publish.Start');
    expect(node.server.publisher('cam')).toBeDefined();
    expect(node.server.connections).toBe(3);
    expect(node.events).toMatchObject([{ type: 'ended', reason: 'evicted' }]);
  });

  it('refuses newcomers when every place is taken by a publisher', async () => {
    const node = await startNode({ limits: { connectionsPerAddress: 1 } });
    const publishing = await startClient({ port: node.port });
    await publishing.publish('cam?key=cam-key');
    await expectRefused(node);
    expect(node.events.at(-1)).toMatchObject({ type: 'refused', reason: 'too-many-connections' });
    expect(node.server.publisher('cam')).toBeDefined();
  });

  it('makes room at the cost of those who have been refused and will not hang up', async () => {
    const node = await startNode({ limits: { connectionsPerAddress: 1, failuresPerAddress: 100 } });
    for (let attempt = 0; attempt < 3; attempt++) {
      const stubborn = connect({ host: '127.0.0.1', port: node.port, allowHalfOpen: true });
      stubborn.on('error', () => undefined).write(publisherBytes('wrong', []));
      await new Promise((resolve) => stubborn.once('data', resolve));
    }
    const client = await startClient({ port: node.port });
    expect(await client.publish('cam?key=cam-key')).toBe('NetStream.Publish.Start');
  });

  it('lives on when someone speaks plain RTMP to the TLS port, or TLS to the plain one', async () => {
    const node = await startNode();
    const plain = connect({ host: '127.0.0.1', port: node.securePort });
    plain.on('error', () => undefined).write(publisherBytes('cam-key', []));
    await new Promise((resolve) => plain.once('close', resolve));
    await expect(startClient({ port: node.port, tls: true })).rejects.toThrow();
    const client = await startClient({ port: node.securePort, tls: true });
    expect(await client.publish('cam-key')).toBe('NetStream.Publish.Start');
    expect(node.events.map((event) => event.reason)).toContain('handshake-version');
  });

  it('serves a publisher beside 500 connections that never authenticate', async () => {
    const node = await startNode({
      limits: { connectionsPerAddress: 600, publishTimeoutMs: 60_000, handshakeTimeoutMs: 60_000 },
    });
    const sockets = Array.from({ length: 500 }, () => connect({ host: '127.0.0.1', port: node.port }));
    for (const socket of sockets) socket.on('error', () => undefined).write(Uint8Array.of(3, 0, 0));
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    const client = await startClient({ port: node.port });
    expect(await client.publish('cam?key=cam-key')).toBe('NetStream.Publish.Start');
    expect(node.server.connections).toBe(501);
    const sink = createSink();
    const publisher = await node.nextPublisher();
    const piped = publisher.pipe(sink.target);
    const media = fakeMedia({ frames: 200 });
    for (const message of media) await client.send(message);
    client.socket.end();
    await piped;
    expect(parseFlv(sink.bytes())).toHaveLength(media.length);
    for (const socket of sockets) socket.destroy();
  });

  it('tells its publishers when it closes, and frees its ports', async () => {
    const node = await startNode();
    const client = await startClient({ port: node.port });
    await client.publish('cam?key=cam-key');
    const publisher = await node.nextPublisher();
    await Promise.all([node.server.close(), publisher.closed.then((end) => expect(end).toBe('shutdown'))]);
    expect(client.codes.at(-1)).toBe('NetConnection.Connect.AppShutdown');
    expect(node.server.connections).toBe(0);
    const next = await startNode({ port: node.port });
    expect(next.port).toBe(node.port);
  });

  it('names a port that is taken, and a certificate that cannot be used', async () => {
    const node = await startNode();
    await expect(startNode({ port: node.port })).rejects.toMatchObject({ code: 'port-unavailable' });
    await expect(startNode({ tls: { port: 0, cert: 'x', key: 'y' } })).rejects.toMatchObject({
      code: 'config-invalid',
    });
  });
});
