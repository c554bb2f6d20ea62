import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { runFfmpeg, temporaryFolder } from '../support/clip.js';
import { ffmpegs } from '../support/ffmpeg.js';
import { startNode, type TestNode } from '../support/node.js';
import { createRtmpClient } from '../support/rtmp-client.js';
import { type FlvTag, parseFlv } from '../support/rtmp-flv.js';
import { until } from '../support/wait.js';

// A publisher may change picture size, profile and audio rate within one connection, as OBS does when its scene is switched to another
// canvas. ffmpeg sets decoders and muxers up once, and most versions never notice.

const key = 'a-key-of-the-stage';
const RATE = 10;
const SECONDS = 3;
let folder: string;
let before: FlvTag[];
let after: FlvTag[];

beforeAll(async () => {
  folder = await temporaryFolder();
  const clip = async (name: string, size: string, sampleRate: number, how: string[]) => {
    const path = join(folder, name);
    await runFfmpeg([
      ...[
        '-f',
        'lavfi',
        '-i',
        `testsrc2=size=${size}:rate=${RATE}`,
        '-f',
        'lavfi',
        '-i',
        `sine=sample_rate=${sampleRate}`,
      ],
      ...['-t', String(SECONDS), '-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-g', String(RATE), '-bf', '0', ...how],
      ...['-c:a', 'aac', '-ar', String(sampleRate), path],
    ]);
    return parseFlv(await readFile(path));
  };
  before = await clip('before.flv', '320x180', 48_000, ['-profile:v', 'baseline']);
  after = await clip('after.flv', '160x90', 44_100, ['-profile:v', 'main']);
});

/** The segments of a playlist between its discontinuities, joined, as what ffmpeg decodes of them: pictures, their size, and the rate of the audio. */
async function decodedGroups(node: TestNode): Promise<{ pictures: number; size: string; hertz: string }[]> {
  const base = '/live/stage/source/';
  const { body } = await node.text(`${base}index.m3u8`);
  const groups = body.split('#EXT-X-DISCONTINUITY\n').map((text) => {
    const init = /EXT-X-MAP:URI="([^"]+)"/.exec(text)?.[1];
    return [
      ...(init === undefined ? [] : [init]),
      ...text.split('\n').filter((line) => /^\w+-\d+\.(?:ts|m4s)$/.test(line)),
    ];
  });
  return Promise.all(
    groups.map(async (files, index) => {
      const bodies = await Promise.all(files.map(async (file) => (await node.bytes(base + file)).body));
      const path = join(folder, `group-${index}`);
      await writeFile(path, Buffer.concat(bodies));
      const video = await runFfmpeg(['-i', path, '-map', '0:v', '-f', 'framecrc', 'pipe:1']);
      const audio = await runFfmpeg(['-i', path, '-map', '0:a', '-f', 'framecrc', 'pipe:1']);
      const said = video.stdout.toString();
      return {
        pictures: said.split('\n').filter((line) => line.startsWith('0,')).length,
        size: /#dimensions 0: (\S+)/.exec(said)?.[1] ?? '',
        hertz: /#sample_rate 0: (\d+)/.exec(audio.stdout.toString())?.[1] ?? '',
      };
    }),
  );
}

describe.each(ffmpegs)('a publisher that changes its codec configuration, with the $name ffmpeg', ({ path }) => {
  it.each(['mpegts', 'fmp4'] as const)('loses no picture, behind a discontinuity in %s', async (container) => {
    const node = await startNode({
      ffmpeg: { path },
      streams: [
        {
          ...{ name: 'stage', source: 'push', keys: [key], publish: { graceSeconds: 60 } },
          ...{ hls: { segmentSeconds: 1, windowSegments: 20, container }, thumbnail: { intervalSeconds: 1 } },
        },
      ],
    });
    const described = () => node.node.streams.get('stage')!.describe();
    const client = await createRtmpClient({ port: node.node.rtmpAddresses.rtmp!.port });
    onTestFinished(() => client.close());
    expect(await client.publish(`stage?key=${key}`)).toBe('NetStream.Publish.Start');
    const send = async (tags: readonly FlvTag[], startMs: number) => {
      for (const { type, timestamp, payload } of tags) {
        // Encoders send metadata once.
        if (type === 18 && startMs > 0) continue;
        const message = {
          chunkStreamId: type === 9 ? 6 : 4,
          type,
          streamId: 1,
          timestamp: startMs + timestamp,
          payload,
        };
        await client.send(message);
      }
    };
    await send(before, 0);
    await send(after, SECONDS * 1000);
    await until('the second size', () => described().hls.resolution === '160x90');
    expect(described().hls.codecs).toMatch(/^avc1\.4d40\w\w,mp4a\.40\.2$/);
    // What is left in ffmpeg comes when the publisher is gone.
    client.close();
    await until('the end of the run', () => described().hls.segments >= 2 * SECONDS);
    const groups = await decodedGroups(node);
    expect(groups).toEqual([
      { pictures: SECONDS * RATE, size: '320x180', hertz: '48000' },
      { pictures: SECONDS * RATE, size: '160x90', hertz: '44100' },
    ]);
    // No failure: the stream was never lost.
    expect(described().ffmpeg.restarts).toBeLessThanOrEqual(1);
    expect(node.log.filter(({ msg }) => /codec configuration/.test(String(msg))).length).toBe(1);
  });
});
