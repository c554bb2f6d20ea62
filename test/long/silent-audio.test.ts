import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ConfigInput } from '../../src/config/schema/schema.js';
import type { StreamDescription } from '../../src/stream/description.js';
import { startFfmpeg } from '../support/background-ffmpeg.js';
import { runFfmpeg, temporaryFolder } from '../support/clip.js';
import { ffmpegs } from '../support/ffmpeg.js';
import { startHttpSource } from '../support/http-source.js';
import { live } from '../support/live.js';
import { startNode, type TestNode } from '../support/node.js';
import { createRtmpClient } from '../support/rtmp-client.js';
import { type FlvTag, parseFlv } from '../support/rtmp-flv.js';
import { startRtspServer } from '../support/rtsp-server.js';
import { until } from '../support/wait.js';

// Audio that is announced and does not come: the stream plays without it, and with it once it comes.

const key = 'a-key-of-the-stage';
const picture = [
  ...['-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25'],
  ...['-re', '-f', 'lavfi', '-i', 'sine=sample_rate=48000'],
  ...['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p', '-g', '10'],
];
const pcma = ['-c:a', 'pcm_alaw', '-ar', '8000', '-ac', '1'];
const aac = ['-c:a', 'aac', '-b:a', '64k'];
const short = { hls: { segmentSeconds: 1 }, thumbnail: { intervalSeconds: 1, width: 160 } } as const;

/** What each stream is set to: both containers, with audio as it comes and encoded, and one that is encoded throughout. */
const settings: Readonly<Record<string, Omit<NonNullable<ConfigInput['streams']>[number], 'name' | 'source'>>> = {
  auto: { ...short },
  fmp4: { ...short, hls: { segmentSeconds: 1, container: 'fmp4' } },
  aac: { ...short, audio: 'aac' },
  'aac-fmp4': { ...short, audio: 'aac', hls: { segmentSeconds: 1, container: 'fmp4' } },
  encoded: { ...short, renditions: [{ name: 'small', height: 90, bitrate: 100_000, preset: 'ultrafast' }] },
};
const names = Object.keys(settings);
const streams = (source: string) => names.map((name) => ({ ...settings[name], name, source }));

/** The discontinuities in a stream's first playlist, and whether its codecs have audio. */
async function playlistOf(node: TestNode, { name, hls }: StreamDescription) {
  const { body } = await node.text(`/live/${name}/${hls.renditions[0]!.name}/index.m3u8`);
  const before = Number(/#EXT-X-DISCONTINUITY-SEQUENCE:(\d+)/.exec(body)?.[1] ?? 0);
  return { discontinuities: before + body.split('#EXT-X-DISCONTINUITY\n').length - 1 };
}

const described = (node: TestNode, name: string) => node.node.streams.get(name)!.describe();
/** Why ffmpeg was restarted. */
const losses = (node: TestNode, name: string) =>
  node.log.filter(({ msg, stream }) => stream === name && /^stream (?:recovering|failed)/.test(String(msg)));
const warnings = (node: TestNode, name: string) =>
  node.log.filter(
    ({ msg, stream }) => stream === name && msg === 'announced audio missing: stream continues without audio',
  );

/** Each stream is live without audio, says so once, and has needed no restart. */
async function playsSilently(node: TestNode, codec: string): Promise<Map<string, number>> {
  const discontinuities = new Map<string, number>();
  for (const name of names) {
    const stream = await live(node, name);
    expect([name, stream.hls.audio]).toEqual([name, { mode: 'none', sourceCodec: codec, isSilent: true }]);
    expect([name, stream.hls.codecs?.includes('mp4a')]).toEqual([name, false]);
    expect([name, losses(node, name), warnings(node, name).length]).toEqual([name, [], 1]);
    discontinuities.set(name, (await playlistOf(node, stream)).discontinuities);
  }
  return discontinuities;
}

/** Each stream has audio now, with one discontinuity more than before and no restart. */
async function playsAudibly(node: TestNode, codec: string, before: ReadonlyMap<string, number>): Promise<void> {
  for (const name of names) {
    await until(`audio of ${name}`, () => {
      const { hls, state } = described(node, name);
      return state === 'live' && hls.audio?.isSilent === false && hls.codecs?.includes('mp4a');
    });
    const mode = codec === 'aac' && !name.startsWith('aac') ? 'copy' : 'encode';
    expect([name, described(node, name).hls.audio]).toEqual([name, { mode, sourceCodec: codec, isSilent: false }]);
    const { discontinuities } = await playlistOf(node, described(node, name));
    expect([name, discontinuities - before.get(name)!]).toEqual([name, 1]);
    expect([name, losses(node, name)]).toEqual([name, []]);
  }
}

/** Whether a transport stream's packet is of ffmpeg's second track. */
const isAudio = (packet: Buffer) => (packet.readUInt16BE(1) & 0x1fff) === 0x101;

const AUDIO = 8;
const METADATA = 18;
/** What describes a codec, which comes once. */
const isHeader = ({ type, payload }: FlvTag) => type !== METADATA && payload[1] === 0;

/** A publisher that plays a file's tags in their own time, round after round, as far as `isSent`. */
async function publish(node: TestNode, name: string, tags: readonly FlvTag[], isSent: (tag: FlvTag) => boolean) {
  const client = await createRtmpClient({ port: node.node.rtmpAddresses.rtmp!.port });
  onTestFinished(() => client.close());
  expect(await client.publish(`${name}?key=${key}-${name}`)).toBe('NetStream.Publish.Start');
  const send = ({ type, payload }: FlvTag, timestamp: number) =>
    void client.send({ chunkStreamId: type === AUDIO ? 4 : 6, type, streamId: 1, timestamp, payload });
  const media = tags.filter((tag) => tag.type !== METADATA && !isHeader(tag));
  const audioHeader = tags.find((tag) => tag.type === AUDIO && isHeader(tag))!;
  const startedAt = Date.now();
  const roundMs = media.at(-1)!.timestamp + 40;
  let hasAudio = isSent(audioHeader);
  for (const tag of tags) if (tag.type === METADATA || (isHeader(tag) && isSent(tag))) send(tag, 0);
  let next = 0;
  const timer = setInterval(() => {
    for (;;) {
      const tag = media[next % media.length]!;
      const timestamp = tag.timestamp + Math.floor(next / media.length) * roundMs;
      if (timestamp > Date.now() - startedAt) return;
      next += 1;
      if (!isSent(tag)) continue;
      if (tag.type === AUDIO && !hasAudio) send(audioHeader, timestamp);
      hasAudio ||= tag.type === AUDIO;
      send(tag, timestamp);
    }
  }, 20);
  onTestFinished(() => clearInterval(timer));
}

describe.each(ffmpegs)('audio that is announced and silent, with the $name ffmpeg', ({ path }) => {
  // AAC, whose timestamps jump here when the camera's first report comes, is tried from the other kinds of source.
  it.each([['pcm_alaw', pcma]])(
    'of an RTSP camera (%s) is left out, added when it comes, and left out again when it stops',
    async (codec, how) => {
      const camera = await startRtspServer();
      camera.mute(true);
      startFfmpeg([
        ...[...picture, ...how, '-f', 'rtsp', '-rtsp_transport', 'tcp'],
        `rtsp://${camera.address}:${camera.port}/cam`,
      ]);
      await camera.published;
      const source = `rtsp://localhost:${camera.port}/cam`;
      const node = await startNode({ ffmpeg: { path }, streams: streams(source) });
      const before = await playsSilently(node, codec);
      camera.mute(false);
      await playsAudibly(node, codec, before);
      camera.mute(true);
      for (const name of names)
        await until(`${name} without audio`, () => described(node, name).hls.audio?.isSilent === true);
      // Audio that comes and goes is not followed at once.
      camera.mute(false);
      const { mediaSequence } = (await live(node, 'auto')).hls;
      await until('more segments', async () => (await node.stream('auto')).hls.mediaSequence > mediaSequence + 3);
      expect((await node.stream('auto')).hls.audio).toMatchObject({ mode: 'none', isSilent: true });
      expect((await node.stream('auto')).ffmpeg.restarts).toBe(0);
    },
  );

  it('of a transport stream, with nothing to tell its rate, is left out and added when it comes', async () => {
    let isMuted = true;
    const source = await startHttpSource({
      routes: {
        '/cam.ts': (_, response) => {
          response.writeHead(200, { 'content-type': 'video/mp2t' });
          let rest: Buffer = Buffer.alloc(0);
          const encoder = startFfmpeg(
            [...picture, ...aac, '-f', 'mpegts', '-flush_packets', '1', 'pipe:1'],
            (piece) => {
              const bytes = Buffer.concat([rest, piece]);
              const whole = bytes.length - (bytes.length % 188);
              rest = bytes.subarray(whole);
              for (let at = 0; at < whole; at += 188) {
                const isAudio = (bytes.readUInt16BE(at + 1) & 0x1fff) === 0x101;
                if (!isAudio || !isMuted) response.write(bytes.subarray(at, at + 188));
              }
            },
          );
          response.on('close', () => encoder.kill());
        },
      },
    });
    const node = await startNode({ ffmpeg: { path }, streams: streams(`${source.url}/cam.ts`) });
    const before = await playsSilently(node, 'aac');
    isMuted = false;
    await playsAudibly(node, 'aac', before);
  });

  it('of a recording and of HLS is left out, and a recording plays on', async () => {
    const folder = await temporaryFolder();
    const loud = join(folder, 'loud.ts');
    await runFfmpeg([...picture.filter((each) => each !== '-re'), ...aac, '-t', '12', loud]);
    const bytes = await readFile(loud);
    const packets = Array.from({ length: bytes.length / 188 }, (_, at) => bytes.subarray(at * 188, at * 188 + 188));
    const muted = join(folder, 'muted.ts');
    await writeFile(muted, Buffer.concat(packets.filter((packet) => !isAudio(packet))));
    const playlist = '#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:12\n#EXTINF:12,\nmuted.ts\n#EXT-X-ENDLIST\n';
    const source = await startHttpSource({
      routes: {
        '/index.m3u8': (_, response) => void response.writeHead(200).end(playlist),
        '/muted.ts': (_, response) => void response.writeHead(200).end(readFileSync(muted)),
      },
    });
    const node = await startNode({
      ffmpeg: { path },
      streams: [
        { ...short, name: 'file', source: muted },
        { ...short, name: 'hls', source: `${source.url}/index.m3u8` },
      ],
    });
    for (const name of ['file', 'hls']) {
      const { hls } = await live(node, name, 4);
      const audio = { mode: 'none', sourceCodec: 'aac', isSilent: true };
      expect([name, hls.audio, losses(node, name)]).toEqual([name, audio, []]);
    }
  });

  it.each([
    ['its sequence header', isHeader],
    ['its metadata', () => false],
  ])('of a publisher that announces it by %s alone is left out, and added when it comes', async (_, announces) => {
    const file = join(await temporaryFolder(), 'stage.flv');
    await runFfmpeg([...picture.filter((each) => each !== '-re'), ...aac, '-t', '4', file]);
    const tags = parseFlv(await readFile(file));
    const node = await startNode({
      ffmpeg: { path },
      streams: (['mpegts', 'fmp4'] as const).map((container) => ({
        ...{ name: container, source: 'push', keys: [`${key}-${container}`], ...short },
        hls: { segmentSeconds: 1, container },
      })),
    });
    let isMuted = true;
    for (const name of ['mpegts', 'fmp4'])
      await publish(node, name, tags, (tag) => tag.type !== AUDIO || !isMuted || announces(tag));
    for (const name of ['mpegts', 'fmp4']) {
      const { hls } = await live(node, name);
      expect([name, hls.codecs?.includes('mp4a'), hls.audio?.mode]).toEqual([name, false, 'none']);
      expect([name, losses(node, name)]).toEqual([name, []]);
    }
    isMuted = false;
    for (const name of ['mpegts', 'fmp4']) {
      await until(`audio of ${name}`, () => described(node, name).hls.codecs?.includes('mp4a'));
      const audio = { mode: 'copy', sourceCodec: 'aac', isSilent: false };
      expect([name, described(node, name).hls.audio, losses(node, name)]).toEqual([name, audio, []]);
    }
  });
});
