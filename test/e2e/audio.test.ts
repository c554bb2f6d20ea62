import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { ConfigInput } from '../../src/config/schema/schema.js';
import { runFfmpeg, temporaryFolder } from '../support/clip.js';
import { embedded, ffmpegs } from '../support/ffmpeg.js';
import { live } from '../support/live.js';
import { startNode, type TestNode } from '../support/node.js';
import { createRtmpClient, type RtmpClient } from '../support/rtmp-client.js';
import { parseFlv } from '../support/rtmp-flv.js';
import { until } from '../support/wait.js';

// `audio: auto` is the default: what browsers play is copied, the rest becomes AAC.

const key = 'a-key-of-the-stage';
const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=160x90:rate=10', '-f', 'lavfi', '-i', 'sine=sample_rate=48000'];
const h264 = ['-t', '4', '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '10'];
const g711 = ['-c:a', 'pcm_alaw', '-ar', '8000', '-ac', '1'];

/** By name: how it is made, what becomes of its audio, and the codec that players are told. */
const kinds = {
  'pcm_alaw.mkv': { how: g711, mode: 'encode', codec: 'mp4a.40.2' },
  'mp2.ts': { how: ['-c:a', 'mp2'], mode: 'encode', codec: 'mp4a.40.2' },
  'opus.mkv': { how: ['-c:a', 'libopus'], mode: 'encode', codec: 'mp4a.40.2' },
  'ac3.ts': { how: ['-c:a', 'ac3'], mode: 'encode', codec: 'mp4a.40.2' },
  'mp3.ts': { how: ['-c:a', 'libmp3lame'], mode: 'copy', codec: 'mp4a.40.34' },
  'mp3.mkv': { how: ['-c:a', 'libmp3lame'], mode: 'copy', codec: 'mp4a.40.34' },
  // With ADTS headers, which fMP4 has not and which ffmpeg does not take off where a file begins again, and without.
  'aac.ts': { how: ['-c:a', 'aac'], mode: 'copy', codec: 'mp4a.40.2' },
  'aac.mp4': { how: ['-c:a', 'aac'], mode: 'copy', codec: 'mp4a.40.2' },
} as const;
const names = Object.keys(kinds) as (keyof typeof kinds)[];
let folder: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  for (const name of names) await runFfmpeg([...picture, ...h264, ...kinds[name].how, join(folder, name)]);
  await runFfmpeg([...picture, ...h264, ...g711, join(folder, 'g711.flv')]);
  await runFfmpeg([
    ...picture,
    '-t',
    '2',
    '-c:v',
    'flv',
    '-c:a',
    'libmp3lame',
    '-ar',
    '44100',
    join(folder, 'h263.flv'),
  ]);
});

/** What ffmpeg says of a rendition's newest segment when it decodes its audio. */
async function decoded(node: TestNode, name: string): Promise<number> {
  const { body } = await node.text(`/live/${name}/source/index.m3u8`);
  const init = /URI="([^"]+-init\.mp4)"/.exec(body)?.[1];
  const segments = body.split('\n').filter((line) => /^\w+-\d+\.(?:ts|m4s)$/.test(line));
  const files = [...(init === undefined ? [] : [init]), segments.at(-1)!];
  const pieces = await Promise.all(files.map(async (file) => (await node.bytes(`/live/${name}/source/${file}`)).body));
  const path = join(folder, `${name}.${init === undefined ? 'ts' : 'mp4'}`);
  await writeFile(path, Buffer.concat(pieces));
  const { stdout } = await runFfmpeg(['-i', path, '-map', '0:a:0', '-ac', '1', '-ar', '8000', '-f', 's16le', 'pipe:1']);
  return stdout.length / 2 / 8000;
}

describe.each(ffmpegs)('audio: auto, with the $name ffmpeg', ({ path }) => {
  it.each(['mpegts', 'fmp4'] as const)(
    'copies AAC and MP3 into %s and encodes other codecs, also when the file begins again',
    async (container) => {
      const node = await startNode({
        ffmpeg: { path },
        streams: names.map((name) => ({
          ...{ name: name.replace(/\W|_/g, '-'), source: join(folder, name) },
          ...{ hls: { container, segmentSeconds: 1 }, thumbnail: { intervalSeconds: 1, width: 160 } },
        })),
      });
      for (const name of names) {
        const stream = name.replace(/\W|_/g, '-');
        const { hls, ffmpeg } = await live(node, stream);
        const { mode, codec } =
          container === 'fmp4' && name === 'aac.ts' ? { ...kinds[name], mode: 'encode' } : kinds[name];
        expect([name, hls.audio?.mode, hls.codecs?.split(',')[1]]).toEqual([name, mode, codec]);
        expect(hls.audio?.sourceCodec).toBe(name.slice(0, name.indexOf('.')));
        const troubles = node.log.filter(({ level, stream: of }) => of === stream && level === 'warn');
        expect(ffmpeg.restarts, JSON.stringify(troubles)).toBe(0);
        // The file is 4 s long.
        await until(`${name} has begun again`, async () => (await node.stream(stream)).hls.segments >= 6);
        expect(await decoded(node, stream), name).toBeGreaterThan(0.8);
        const told = node.log.filter(({ msg, stream: of }) => of === stream && /audio encoded/.test(String(msg)));
        expect(told.length, name).toBe(mode === 'encode' ? 1 : 0);
      }
    },
  );
});

interface Stage {
  readonly node: TestNode;
  readonly client: RtmpClient;
  /** How often ffmpeg was started for the publisher. */
  readonly runs: () => Promise<number>;
}

/** A publisher that sends a whole file as fast as it is taken. */
async function publish(
  file: string,
  stream: Partial<NonNullable<ConfigInput['streams']>[number]> = {},
): Promise<Stage> {
  const [binary, runs] = [join(folder, `${file}.sh`), join(folder, `${file}.runs`)];
  const script = `#!/bin/sh\necho "$@" >> ${runs}\nexec ${embedded.path} "$@"\n`;
  await writeFile(binary, script, { mode: 0o755 });
  const node = await startNode({
    ffmpeg: { path: binary },
    streams: [{ name: 'stage', source: 'push', keys: [key], hls: { segmentSeconds: 1 }, ...stream }],
  });
  const client = await createRtmpClient({ port: node.node.rtmpAddresses.rtmp!.port });
  onTestFinished(() => client.close());
  expect(await client.publish(`stage?key=${key}`)).toBe('NetStream.Publish.Start');
  const send = async () => {
    for (const { type, timestamp, payload } of parseFlv(await readFile(join(folder, file)))) {
      await client.send({ chunkStreamId: type === 9 ? 6 : 4, type, streamId: 1, timestamp, payload });
    }
  };
  void send().catch(() => {});
  return {
    ...{ node, client },
    runs: async () => (await readFile(runs, 'utf8')).split('\n').filter((line) => line.includes('-f flv')).length,
  };
}

it("encodes a publisher's G.711 from the first start of ffmpeg on", async () => {
  const { node, runs } = await publish('g711.flv');
  const described = () => node.node.streams.get('stage')!.describe();
  await until('segments', () => described().hls.codecs !== null);
  expect(described().hls.audio).toEqual({ mode: 'encode', sourceCodec: 'pcm_alaw', isSilent: false });
  expect(described().hls.codecs).toMatch(/,mp4a\.40\.2$/);
  expect(await runs()).toBe(1);
});

it('rejects a publisher of H.263 with the reason, which stays', async () => {
  const { node, client, runs } = await publish('h263.flv', { publish: { graceSeconds: 60 } });
  const described = () => node.node.streams.get('stage')!.describe();
  await client.waitFor('NetStream.Failed');
  await client.closed;
  const told = client.messages.map(({ payload }) => Buffer.from(payload).toString('latin1'));
  expect(told.some((text) => text.includes('flv1, which HLS cannot carry. Encode it by setting renditions.'))).toBe(
    true,
  );
  await until('the reason', () => described().reason !== null);
  const again = await createRtmpClient({ port: node.node.rtmpAddresses.rtmp!.port });
  onTestFinished(() => again.close());
  await again.publish(`stage?key=${key}`);
  for (const { type, timestamp, payload } of parseFlv(await readFile(join(folder, 'h263.flv'))).slice(0, 8))
    await again.send({ chunkStreamId: type === 9 ? 6 : 4, type, streamId: 1, timestamp, payload }).catch(() => {});
  await again.closed;
  await until('the second loss', () => described().ffmpeg.restarts === 2);
  expect(described().reason).toMatchObject({
    code: 'source-unsupported',
    message: "The source's video is flv1, which HLS cannot carry. Encode it by setting renditions.",
  });
  await expect(runs()).resolves.toBe(0);
});

it('replans a source whose media cannot be read with the first plan, although the media come before the log', async () => {
  const [binary, once] = [join(folder, 'hasty.sh'), join(folder, 'hasty')];
  // Bytes that are no MP4 stand for what some versions write before they give up: the first run's media, at once.
  const script = `#!/bin/sh
case "$*" in *pipe:8*) if mkdir ${once} 2> /dev/null; then printf '\\000\\000\\000\\000none' >&8; fi ;; esac
exec ${embedded.path} "$@"
`;
  await writeFile(binary, script, { mode: 0o755 });
  const node = await startNode({
    ffmpeg: { path: binary },
    streams: [
      {
        ...{ name: 'law', source: join(folder, 'pcm_alaw.mkv') },
        ...{ hls: { container: 'fmp4', segmentSeconds: 1 }, thumbnail: { intervalSeconds: 1, width: 160 } },
      },
    ],
  });
  const { hls, ffmpeg } = await live(node, 'law');
  expect([hls.audio?.mode, ffmpeg.restarts]).toEqual(['encode', 0]);
});

it('blames the media where the log has told what the source is', async () => {
  const binary = join(folder, 'odd.sh');
  const script = `#!/bin/sh
case "$*" in *pipe:8*) printf '\\000\\000\\000\\000none' >&8 ;; esac
exec ${embedded.path} "$@"
`;
  await writeFile(binary, script, { mode: 0o755 });
  const source = join(folder, 'aac.mp4');
  const node = await startNode({
    ffmpeg: { path: binary },
    streams: [{ name: 'odd', source, hls: { container: 'fmp4', segmentSeconds: 1 } }],
  });
  const reason = await until('a reason', async () => (await node.stream('odd')).reason ?? undefined);
  expect(reason.message).toContain('The media from ffmpeg cannot be parsed');
});
