import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { runFfmpeg, temporaryFolder } from '../support/clip.js';
import { startHttpSource } from '../support/http-source.js';
import { startNode } from '../support/node.js';
import { paceTransportStream } from '../support/paced-transport-stream.js';
import { until } from '../support/wait.js';

// Debian's ffmpeg: the embedded one stretches such pictures into their first shape, and nothing tells of it.
it('a picture that gets another shape in mid-stream is followed, and counts as no failure', async () => {
  const folder = await temporaryFolder();
  const part = async (size: string, seconds: number, at: number) => {
    const path = join(folder, `${size}.ts`);
    await runFfmpeg([
      ...['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25`, '-t', String(seconds), '-c:v', 'libx264', '-bf', '0'],
      ...['-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '25', '-output_ts_offset', String(at)],
      ...['-muxdelay', '0', '-muxpreload', '0', '-f', 'mpegts', path],
    ]);
    return readFile(path);
  };
  const [wide, narrow] = [await part('320x180', 5, 0), await part('240x180', 30, 5)];
  const both = await paceTransportStream(Buffer.concat([wide, narrow]));
  const after = await paceTransportStream(narrow);
  // A camera does not begin anew because someone looks again.
  const source = await startHttpSource({
    routes: { '/cam.ts': (...call) => (both.requests === 0 ? both : after).route(...call) },
  });
  const node = await startNode({
    ffmpeg: { path: '/usr/bin/ffmpeg' },
    streams: [
      {
        ...{ name: 'cam', source: `${source.url}/cam.ts`, hls: { segmentSeconds: 1 } },
        thumbnail: { intervalSeconds: 1, width: 320, staleAfterSeconds: 10 },
      },
    ],
  });
  const sizeNow = async () => {
    const { status, headers, body } = await node.bytes('/live/cam/thumbnail.jpg');
    if (status !== 200 || headers.get('sidepipe-image-state') !== 'fresh') return undefined;
    const { width, height } = await sharp(body).metadata();
    return `${width}x${height}`;
  };
  await until('a wide picture', async () => (await sizeNow()) === '320x180', { timeoutMs: 60_000 });
  const sizes = new Set<string | undefined>();
  await until(
    'a narrow picture',
    async () => {
      const size = await sizeNow();
      sizes.add(size);
      return size === '240x180';
    },
    { timeoutMs: 20_000 },
  );
  // The last good picture until then, never anything torn.
  expect([...sizes]).toEqual(['320x180', '240x180']);
  const { state, ffmpeg } = await node.stream('cam');
  expect([state, ffmpeg.restarts]).toEqual(['live', 0]);
  const metrics = (await node.bytes('/metrics')).body.toString();
  expect(metrics).toMatch(/sidepipe_frames_dropped_total\{[^}]*reason="frame-resized"[^}]*\} 1\n/);
});
