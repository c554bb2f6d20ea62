import { describe, expect, it, vi } from 'vitest';
import { signPlayback } from '../../src/http/access/playback-token.js';
import type { StreamDescription } from '../../src/stream/description.js';
import { readFeedback } from '../../src/webrtc/whep/feedback.js';
import { camera, startFfmpeg } from '../support/background-ffmpeg.js';
import { startNode, type TestNode } from '../support/node.js';
import { connectWhep, makeViewerOffer, type WhepClient } from '../support/whep-client.js';
import { connectWhip } from '../support/whip-client.js';

const webrtc = { enabled: true, port: 0, host: '127.0.0.1', publicAddresses: ['127.0.0.1'] };
const test = { name: 'cam', source: 'test', hls: { segmentSeconds: 1 }, thumbnail: { width: 320 } };

const start = (streams: object[] = [test], more: object = {}) =>
  startNode({ streams: streams as never, webrtc: { ...webrtc, ...more } });

async function untilPlayable(node: TestNode, name = 'cam'): Promise<NonNullable<StreamDescription['webrtc']>> {
  return vi.waitFor(
    async () => {
      const { webrtc: described } = await node.stream(name);
      expect(described?.state).toBe('playable');
      return described!;
    },
    { timeout: 60_000, interval: 50 },
  );
}

const watch = (node: TestNode, options: Partial<Parameters<typeof connectWhep>[0]> = {}) =>
  connectWhep({ url: `${node.url}/live/cam/whep`, ...options });

const untilSeen = (client: WhepClient, packets = 100) =>
  vi.waitFor(() => expect(client.packets.video.length).toBeGreaterThan(packets), { timeout: 60_000, interval: 20 });

/** The types of the NAL units whose start is in the packets (RFC 6184), in order. */
const unitTypes = ({ packets }: WhepClient) =>
  packets.video.flatMap(({ payload }) => {
    const type = payload[0]! & 31;
    if (type !== 28) return [type];
    return (payload[1]! & 0x80) === 0 ? [] : [payload[1]! & 31];
  });

describe('a WHEP viewer', () => {
  it('of an encoded stream gets video from a keyframe on, and audio with it', async () => {
    const node = await start();
    expect(await untilPlayable(node)).toMatchObject({
      url: '/live/cam/whep',
      video: 'h264',
      audio: 'opus',
      viewers: 0,
    });
    const client = await watch(node);
    expect(client.response.status, client.body).toBe(201);
    expect(client.response.headers.get('content-type')).toBe('application/sdp');
    expect(client.response.headers.get('etag')).toMatch(/^"[0-9a-f]{16}"$/);
    expect(client.body.match(/a=mid:\w/g)).toEqual(['a=mid:0', 'a=mid:1']);
    expect(client.body).toMatch(/a=rtpmap:102 H264\/90000/);
    await untilSeen(client);
    // Parameter sets come first; the first picture is a keyframe.
    const types = unitTypes(client);
    expect(types.slice(0, 2)).toEqual([7, 8]);
    expect(types.find((type) => type === 1 || type === 5)).toBe(5);
    const sequences = client.packets.video.map(({ sequence }) => sequence);
    expect(sequences.every((each, index) => index === 0 || each === ((sequences[index - 1]! + 1) & 0xffff))).toBe(true);
    expect(new Set(client.packets.video.map(({ payloadType }) => payloadType))).toEqual(new Set([102]));
    await vi.waitFor(() => expect(client.packets.audio.length).toBeGreaterThan(20), { timeout: 60_000 });
    const steps = client.packets.audio
      .slice(1)
      .map(({ timestamp }, at) => timestamp - client.packets.audio[at]!.timestamp);
    expect(steps.filter((step) => step === 960).length).toBeGreaterThan(steps.length / 2);
    expect((await node.stream('cam')).viewers).toBe(1);
    expect((await node.text('/metrics')).body).toContain('sidepipe_webrtc_viewers{stream="cam"} 1');
    expect((await fetch(client.resource, { method: 'DELETE' })).status).toBe(200);
    await vi.waitFor(async () => expect((await node.stream('cam')).webrtc?.viewers).toBe(0), { timeout: 60_000 });
    expect((await fetch(client.resource, { method: 'DELETE' })).status).toBe(404);
  });

  it('of a copied stream gets the publisher’s own video, and keeps it over a new ffmpeg', async () => {
    const node = await start([{ ...test, source: 'push', keys: ['first-key-1'] }]);
    const { port } = node.node.rtmpAddresses.rtmp!;
    startFfmpeg([...camera, '-bf', '0', '-f', 'flv', `rtmp://127.0.0.1:${port}/live/cam?key=first-key-1`]);
    await untilPlayable(node);
    const client = await watch(node);
    await untilSeen(client);
    const { pid, restarts } = (await node.stream('cam')).ffmpeg;
    process.kill(pid!, 'SIGKILL');
    await vi.waitFor(async () => expect((await node.stream('cam')).ffmpeg.restarts).toBe(restarts + 1), {
      timeout: 60_000,
    });
    const before = client.packets.video.length;
    await untilSeen(client, before + 100);
    const later = client.packets.video.slice(before - 1);
    const steps = later.slice(1).map(({ timestamp }, at) => (timestamp - later[at]!.timestamp) | 0);
    // Time goes on, and never by more than the node was without ffmpeg.
    expect(Math.min(...steps)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...steps)).toBeLessThan(20 * 90_000);
    expect(client.state()).toBe('connected');
  });

  it('of a WHIP publisher gets its Opus unchanged, and its requests for keyframes reach the publisher', async () => {
    const node = await start([{ ...test, source: 'push', keys: ['first-key-1'], hls: { segmentSeconds: 8 } }]);
    const publisher = await connectWhip({ url: `${node.url}/live/cam/whip`, key: 'first-key-1' });
    publisher.send();
    expect(await untilPlayable(node)).toMatchObject({ video: 'h264', audio: 'opus' });
    const client = await watch(node);
    await untilSeen(client);
    await vi.waitFor(() => expect(client.packets.audio.length).toBeGreaterThan(20), { timeout: 60_000 });
    const requests = () => publisher.feedback.filter((bytes) => readFeedback(bytes).wantsKeyframe).length;
    const before = requests();
    await vi.waitFor(
      () => {
        // A keyframe that comes anyway makes the request unnecessary.
        client.feedback(pictureLoss(client.packets.video[0]!.ssrc));
        expect(requests()).toBeGreaterThan(before);
      },
      { timeout: 60_000, interval: 130 },
    );
  });

  it('gets the reason if the source has B-frames or the offer lacks the codec', async () => {
    const node = await start([
      { ...test, source: 'push', keys: ['first-key-1'] },
      { ...test, name: 'plain' },
    ]);
    const { port } = node.node.rtmpAddresses.rtmp!;
    startFfmpeg([...camera, '-bf', '2', '-f', 'flv', `rtmp://127.0.0.1:${port}/live/cam?key=first-key-1`]);
    await vi.waitFor(async () => expect((await node.stream('cam')).webrtc?.state).toBe('unplayable'), {
      timeout: 60_000,
    });
    const refused = await watch(node);
    expect(refused.response.status).toBe(406);
    expect(refused.response.headers.get('content-type')).toBe('application/problem+json');
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'webrtc-offer-unacceptable', detail: /B-frames/ });
    await untilPlayable(node, 'plain');
    const { offer } = await makeViewerOffer();
    const post = (body: string, type = 'application/sdp') =>
      fetch(`${node.url}/live/plain/whep`, { method: 'POST', headers: { 'content-type': type }, body });
    const other = await post(offer.replaceAll('H264/90000', 'VP8/90000'));
    expect([other.status, ((await other.json()) as { detail: string }).detail]).toEqual([
      406,
      expect.stringMatching(/H\.264/),
    ]);
    expect((await post('x'.repeat(2 ** 20))).status).toBe(413);
    expect((await post('hello')).status).toBe(400);
    expect((await post(offer, 'text/plain')).status).toBe(415);
    expect((await fetch(`${node.url}/live/nobody/whep`, { method: 'POST', body: offer })).status).toBe(404);
  });

  it('of a signed stream needs a token, and is disconnected when it expires', async () => {
    const keys = [{ id: 'k1', secret: 'a-secret-of-at-least-32-characters' }];
    const node = await start([{ ...test, playback: { access: 'signed', keys } }]);
    await untilPlayable(node);
    const sign = (seconds: number) =>
      signPlayback({ key: keys[0]!, stream: 'cam', expiresAt: Date.now() + seconds * 1000 });
    expect((await watch(node)).response.status).toBe(403);
    expect((await watch(node, { headers: { authorization: `Bearer ${sign(-5)}` } })).response.status).toBe(403);
    const bearer = await watch(node, { headers: { authorization: `Bearer ${sign(600)}` } });
    expect(bearer.response.status).toBe(201);
    const short = await watch(node, { url: `${node.url}/live/cam/whep?token=${sign(3)}` });
    expect(short.response.status).toBe(201);
    await vi.waitFor(async () => expect((await fetch(short.resource, { method: 'DELETE' })).status).toBe(404), {
      timeout: 60_000,
      interval: 200,
    });
    await untilSeen(bearer);
    expect(JSON.stringify(node.log)).not.toContain('k1.');
  });

  it('is limited in number, and is disconnected with its stream', async () => {
    const node = await start([test], { maxConnectionsPerStream: 1 });
    await untilPlayable(node);
    const client = await watch(node, { audio: 'none' });
    await untilSeen(client);
    const second = await watch(node);
    expect([second.response.status, second.response.headers.get('retry-after')]).toEqual([503, '5']);
    await node.node.close();
    const ended = node.log.filter(({ msg }) => msg === 'WebRTC session ended');
    expect(ended).toMatchObject([{ kind: 'viewer', stream: 'cam', reason: 'stopped' }]);
  });

  it('that reports heavy loss loses frames up to the next keyframe, and nobody else does', async () => {
    const node = await start();
    await untilPlayable(node);
    const [slow, other] = [await watch(node), await watch(node)];
    await Promise.all([untilSeen(slow), untilSeen(other)]);
    const ssrc = slow.packets.video[0]!.ssrc;
    slow.feedback(receiverReport(ssrc, 200));
    await vi.waitFor(async () => expect((await node.stream('cam')).webrtc?.dropped).toBeGreaterThan(0), {
      timeout: 60_000,
    });
    const at = other.packets.video.length;
    await untilSeen(other, at + 200);
    const sequences = other.packets.video.map(({ sequence }) => sequence);
    expect(sequences.every((each, index) => index === 0 || each === ((sequences[index - 1]! + 1) & 0xffff))).toBe(true);
    await untilSeen(slow, slow.packets.video.length + 50);
  });
});

/** RFC 3550, 6.4.2. `lost`: in 256ths. */
function receiverReport(ssrc: number, lost: number): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x81;
  bytes[1] = 201;
  view.setUint16(2, 7);
  view.setUint32(4, 1);
  view.setUint32(8, ssrc);
  bytes[12] = lost;
  return bytes;
}

/** RFC 4585, 6.3.1. */
function pictureLoss(ssrc: number): Uint8Array {
  const bytes = Uint8Array.of(0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0);
  new DataView(bytes.buffer).setUint32(8, ssrc);
  return bytes;
}
