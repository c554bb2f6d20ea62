import { readdir } from 'node:fs/promises';
import { describe, expect, it, vi } from 'vitest';
import { camera, startFfmpeg } from '../support/background-ffmpeg.js';
import { startNode, type TestNode } from '../support/node.js';
import { createPlaylistChecker } from '../support/playlist-check.js';
import { connectWhip, makeOffer } from '../support/whip-client.js';

const stream = {
  name: 'stage',
  source: 'push',
  keys: ['first-key-1', 'second-key-2'],
  hls: { segmentSeconds: 1 },
  thumbnail: { intervalSeconds: 1, width: 320 },
};

const start = (more: object = {}, webrtc: object = {}) =>
  startNode({
    webrtc: { enabled: true, port: 0, host: '127.0.0.1', publicAddresses: ['127.0.0.1'], ...webrtc },
    streams: [
      { ...stream, ...more },
      { name: 'test', source: 'test' },
      { ...stream, name: 'other', keys: ['other-key-3'] },
    ],
  });

const publish = (node: TestNode, options: Partial<Parameters<typeof connectWhip>[0]> = {}) =>
  connectWhip({ url: `${node.url}/live/stage/whip`, key: 'first-key-1', ...options });

const untilLive = (node: TestNode) =>
  vi.waitFor(
    async () => {
      const { state, hls, thumbnail } = await node.stream('stage');
      expect([state, hls.segments > 1, thumbnail.state]).toEqual(['live', true, 'fresh']);
    },
    { timeout: 60_000, interval: 50 },
  );

const logged = (node: TestNode, message: string) => node.log.filter(({ msg }) => msg === message);

describe('a WHIP publisher', () => {
  it('is answered, plays as HLS with AAC, and ends with DELETE', async () => {
    const node = await start({ publish: { graceSeconds: 0.2 } });
    const client = await publish(node);
    expect(client.response.status, client.body).toBe(201);
    expect(client.response.headers.get('content-type')).toBe('application/sdp');
    expect(client.response.headers.get('accept-patch')).toBe('application/trickle-ice-sdpfrag');
    expect(client.response.headers.get('etag')).toMatch(/^"[0-9a-f]{16}"$/);
    expect(client.body).toContain('a=recvonly');
    expect(client.body).toMatch(/a=candidate:.* 127\.0\.0\.1 \d+ typ host/);
    client.send();
    await untilLive(node);
    const { body } = await node.text('/live/stage/index.m3u8');
    expect(body).toMatch(/CODECS="avc1\.[0-9A-Fa-f]{6},mp4a\.40\.2"/);
    const removed = await fetch(client.resource, { method: 'DELETE' });
    expect(removed.status).toBe(200);
    expect((await fetch(client.resource, { method: 'DELETE' })).status).toBe(404);
    await vi.waitFor(async () => expect((await node.stream('stage')).state).toBe('idle'), { timeout: 60_000 });
    expect(logged(node, 'publisher disconnected')).toMatchObject([
      { stream: 'stage', reason: 'deleted', protocol: 'whip' },
    ]);
    expect(JSON.stringify(node.log)).not.toContain('first-key-1');
  });

  it('without audio plays as well', async () => {
    const node = await start();
    const client = await publish(node, { audio: false });
    client.send();
    await untilLive(node);
    expect((await node.text('/live/stage/index.m3u8')).body).toMatch(/CODECS="avc1\.[0-9A-Fa-f]{6}"/);
  });

  it('is asked for keyframes when it sends none, and for lost packets', async () => {
    const node = await start();
    let count = 0;
    const client = await publish(node, {
      encoder: ['-g', '1000'],
      passes: (_, kind) => kind === 'audio' || count++ % 50 !== 49,
    });
    client.send();
    const kinds = () => new Set(client.feedback.flatMap((bytes) => feedbackKinds(bytes)));
    await vi.waitFor(() => expect([...kinds()].sort()).toEqual(['bitrate', 'nack', 'picture loss', 'report']), {
      timeout: 60_000,
      interval: 50,
    });
  });

  it('takes over from RTMP, and RTMP from it, if the stream allows it', async () => {
    const node = await start({ publish: { whenBusy: 'takeover' } });
    const { port } = node.node.rtmpAddresses.rtmp!;
    const rtmp = () => startFfmpeg([...camera, '-f', 'flv', `rtmp://127.0.0.1:${port}/live/stage?key=first-key-1`]);
    const first = rtmp();
    await untilLive(node);
    const client = await publish(node);
    client.send();
    await first.exited;
    await untilLive(node);
    rtmp();
    await vi.waitFor(
      () =>
        expect(logged(node, 'publisher disconnected')).toMatchObject([
          { reason: 'taken-over' },
          { reason: 'taken-over' },
        ]),
      {
        timeout: 60_000,
        interval: 50,
      },
    );
    await untilLive(node);
  });

  it('is rejected while another one publishes, unless the stream allows a takeover', async () => {
    const node = await start();
    const first = await publish(node);
    first.send();
    await untilLive(node);
    const second = await publish(node);
    expect([second.response.status, JSON.parse(second.body).code]).toEqual([409, 'stream-busy']);
  });

  it('that closes its connection and comes back in time continues in the same window, after a discontinuity', async () => {
    const node = await start();
    const checker = createPlaylistChecker();
    const playlist = async () => checker.check((await node.text('/live/stage/source/index.m3u8')).body);
    const first = await publish(node);
    first.send();
    await untilLive(node);
    const before = await playlist();
    first.close();
    // Nothing tells the node that the publisher is gone; the same one again is let in as soon as the first is silent.
    const second = await vi.waitFor(
      async () => {
        const client = await publish(node);
        expect(client.response.status).toBe(201);
        return client;
      },
      { timeout: 60_000, interval: 200 },
    );
    second.send();
    await vi.waitFor(
      async () => {
        const number = (await playlist()).entries.at(-1)!.discontinuityNumber;
        expect(number).toBe(before.entries.at(-1)!.discontinuityNumber + 1);
      },
      { timeout: 60_000, interval: 100 },
    );
  });

  it('that changes its frame size loses nothing but starts another window entry', async () => {
    const node = await start();
    const client = await publish(node);
    client.send();
    await untilLive(node);
    client.send(['-vf', 'scale=160:90']);
    await vi.waitFor(async () => expect((await node.stream('stage')).hls.resolution).toBe('160x90'), {
      timeout: 60_000,
      interval: 100,
    });
    expect((await node.stream('stage')).ffmpeg.restarts).toBe(0);
    expect(logged(node, 'publisher disconnected')).toEqual([]);
  });

  it('that never completes its connection is dropped', async () => {
    const node = await start({}, { connectTimeoutSeconds: 0.3 });
    const { offer } = await makeOffer();
    const response = await post(node, 'stage', { offer });
    expect(response.status).toBe(201);
    await vi.waitFor(() => expect(logged(node, 'WebRTC session ended')).toMatchObject([{ reason: 'not-connected' }]), {
      timeout: 60_000,
    });
    const resource = new URL(response.headers.get('location')!, node.url);
    expect((await fetch(resource, { method: 'DELETE' })).status).toBe(404);
    expect((await node.stream('stage')).state).toBe('idle');
  });

  it('may add candidates, with the ETag of its session', async () => {
    const node = await start();
    const { offer } = await makeOffer();
    const response = await post(node, 'stage', { offer });
    const resource = new URL(response.headers.get('location')!, node.url);
    const etag = response.headers.get('etag')!;
    const ufrag = /a=ice-ufrag:(\S+)/.exec(offer)![1]!;
    const fragment = `a=ice-ufrag:${ufrag}\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=candidate:1 1 UDP 2122317823 127.0.0.1 9 typ host\r\na=end-of-candidates\r\n`;
    const patch = (headers: Record<string, string>, body = fragment) =>
      fetch(resource, {
        method: 'PATCH',
        headers: { 'content-type': 'application/trickle-ice-sdpfrag', ...headers },
        body,
      }).then(({ status }) => status);
    expect(await patch({ 'if-match': etag })).toBe(204);
    expect(await patch({})).toBe(428);
    expect(await patch({ 'if-match': '"other"' })).toBe(412);
    expect(await patch({ 'if-match': etag, 'content-type': 'text/plain' })).toBe(415);
    expect(await patch({ 'if-match': etag }, 'nonsense')).toBe(400);
    expect(await patch({ 'if-match': '*' }, fragment.replace(ufrag, 'restarted'))).toBe(422);
    expect((await fetch(resource)).status).toBe(405);
  });
});

describe('an offer', () => {
  it('is rejected with a problem document that says why', async () => {
    const node = await start({}, { maxConnectionsPerStream: 1 });
    const { offer } = await makeOffer();
    const outcome = async (response: Response) => [response.status, ((await response.json()) as { code: string }).code];
    expect(await outcome(await post(node, 'stage', { offer, key: undefined }))).toEqual([401, 'unauthorised']);
    expect(await outcome(await post(node, 'stage', { offer, key: 'wrong' }))).toEqual([401, 'unauthorised']);
    expect(await outcome(await post(node, 'stage', { offer, key: 'other-key-3' }))).toEqual([401, 'unauthorised']);
    expect(await outcome(await post(node, 'nobody', { offer }))).toEqual([404, 'stream-unknown']);
    expect(await outcome(await post(node, 'test', { offer }))).toEqual([409, 'stream-not-push']);
    expect(await outcome(await post(node, 'stage', { offer, type: 'text/plain' }))).toEqual([
      415,
      'unsupported-media-type',
    ]);
    expect(await outcome(await post(node, 'stage', { offer: 'x'.repeat(1024 ** 2) }))).toEqual([
      413,
      'payload-too-large',
    ]);
    expect(await outcome(await post(node, 'stage', { offer: 'v=0\r\n' }))).toEqual([400, 'webrtc-offer-invalid']);
    const vp8 = offer.replaceAll('H264', 'VP8');
    expect(await outcome(await post(node, 'stage', { offer: vp8 }))).toEqual([406, 'webrtc-offer-unacceptable']);
    expect((await post(node, 'stage', { offer })).status).toBe(201);
    expect(await outcome(await post(node, 'stage', { offer }))).toEqual([503, 'webrtc-limit-reached']);
    const preflight = await fetch(`${node.url}/live/stage/whip`, { method: 'OPTIONS' });
    expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([204, 'POST, OPTIONS']);
    expect((await fetch(`${node.url}/live/stage/whip`)).status).toBe(405);
    for (let attempt = 0; attempt < 20; attempt++) await post(node, 'stage', { offer, key: 'wrong' });
    expect(await outcome(await post(node, 'stage', { offer }))).toEqual([429, 'too-many-attempts']);
  });

  it('and its deletion, 300 times, leave no session and no descriptor behind', async () => {
    const node = await start();
    const { offer } = await makeOffer();
    const once = async () => {
      const response = await post(node, 'stage', { offer });
      expect(response.status, await response.text()).toBe(201);
      const resource = new URL(response.headers.get('location')!, node.url);
      expect((await fetch(resource, { method: 'DELETE' })).status).toBe(200);
    };
    const descriptors = async () => (await readdir('/proc/self/fd')).length;
    await once();
    const before = await descriptors();
    for (let count = 0; count < 300; count++) await once();
    expect(logged(node, 'WebRTC session ended').length).toBe(301);
    expect(await descriptors()).toBeLessThan(before + 20);
  });

  it('finds nothing while WebRTC is disabled', async () => {
    const node = await start({}, { enabled: false });
    expect((await post(node, 'stage', { offer: 'v=0' })).status).toBe(405);
  });
});

interface Posted {
  readonly offer: string;
  readonly key?: string | undefined;
  readonly type?: string;
}

function post(node: TestNode, name: string, { offer, type = 'application/sdp', ...rest }: Posted): Promise<Response> {
  const key = 'key' in rest ? rest.key : 'first-key-1';
  return fetch(`${node.url}/live/${name}/whip`, {
    method: 'POST',
    headers: { 'content-type': type, ...(key !== undefined && { authorization: `Bearer ${key}` }) },
    body: offer,
  });
}

function feedbackKinds(bytes: Buffer): string[] {
  const count = bytes[0]! & 0x1f;
  if (bytes[1] === 201) return ['report'];
  if (bytes[1] === 205 && count === 1) return ['nack'];
  if (bytes[1] === 206) return [count === 15 ? 'bitrate' : 'picture loss'];
  return [];
}
