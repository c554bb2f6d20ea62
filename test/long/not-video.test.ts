import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { StreamDescription } from '../../src/stream/description.js';
import { makeClip, runFfmpeg, temporaryFolder } from '../support/clip.js';
import { ffmpegs } from '../support/ffmpeg.js';
import { fileRoute, startHttpSource } from '../support/http-source.js';
import { startNode, type TestNode } from '../support/node.js';

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  const at = (name: string) => join(folder, name);
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=160x90:rate=10'];
  await Promise.all([
    runFfmpeg([...picture, '-t', '3', '-y', at('moving.gif')]),
    runFfmpeg([...picture, '-frames:v', '1', '-y', at('still.jpg')]),
    runFfmpeg([...picture, '-frames:v', '1', '-y', at('still.png')]),
    runFfmpeg(['-f', 'lavfi', '-i', 'sine', '-t', '3', '-c:a', 'aac', '-y', at('audio.m4a')]),
    makeClip({ path: at('whole.mp4'), seconds: 4 }),
    writeFile(at('text.txt'), 'hello\n'),
    writeFile(at('page.html'), '<!doctype html><title>Sign in</title>'),
    writeFile(at('empty.mp4'), ''),
  ]);
  const whole = await readFile(at('whole.mp4'));
  await writeFile(at('truncated.mp4'), whole.subarray(0, whole.length / 2));
});

/** Waits until a stream has failed so often that it is tried less often. */
async function failed(node: TestNode, name: string): Promise<StreamDescription> {
  return vi.waitFor(
    async () => {
      const stream = await node.stream(name);
      expect(stream, JSON.stringify(stream.reason)).toMatchObject({ state: 'failed' });
      expect(stream.ffmpeg.restarts).toBeGreaterThanOrEqual(2);
      return stream;
    },
    { timeout: 60_000, interval: 200 },
  );
}

const wasLive = ({ log }: TestNode, name: string) =>
  log.some(({ stream, msg }) => stream === name && msg === 'stream live');

describe.each(ffmpegs)('with the $name ffmpeg', ({ path, name: build }) => {
  it.each([
    ['empty.mp4', 'source-not-media', /^The source file is empty/],
    ['text.txt', 'source-not-media', /^The source is text, not video\. Choose/],
    ['page.html', 'source-not-media', /^The source is a web page \(HTML\), not video\. Choose/],
    ['truncated.mp4', 'source-not-media', /an MP4 without its index .* Copy it again/],
    ['still.jpg', 'source-not-media', /^The source is a still image \(JPEG\), not video\. Make a video clip/],
    ['still.png', 'source-not-media', /^The source is a still image \(PNG\), not video\. Make a video clip/],
    ['audio.m4a', 'source-without-video', /^The source has no video.*Choose a source with video|no video\.$/],
    ['moving.gif', 'source-unsupported', /is gif, which HLS cannot carry\. Encode it by setting renditions/],
  ] as const)(
    'a file that is no video is never live, says what it is, and is left alone: %s',
    async (file, code, words) => {
      const node = await startNode({ ffmpeg: { path }, streams: [{ name: 'cam', source: join(folder, file) }] });
      const { reason, nextAttemptAt, ffmpeg } = await failed(node, 'cam');
      expect(reason).toMatchObject({ code, message: expect.stringMatching(words) });
      // At once, then a minute later.
      expect(ffmpeg.restarts).toBe(2);
      expect(Date.parse(nextAttemptAt!) - Date.now()).toBeGreaterThan(20_000);
      expect(wasLive(node, 'cam')).toBe(false);
    },
  );

  it('a GIF that is encoded plays in a loop', async () => {
    const renditions = [{ name: 'low', height: 90, bitrate: 100_000, preset: 'ultrafast' as const }];
    const hls = { segmentSeconds: 1 };
    const source = join(folder, 'moving.gif');
    const node = await startNode({ ffmpeg: { path }, streams: [{ name: 'cam', source, renditions, hls }] });
    const total = async () =>
      Number(/segments_total\{[^}]*\} (\d+)/.exec((await node.text('/metrics')).body)?.[1] ?? 0);
    // Three rounds.
    await vi.waitFor(async () => expect(await total()).toBeGreaterThanOrEqual(9), { timeout: 60_000, interval: 200 });
    const { state, ffmpeg } = await node.stream('cam');
    expect([state, ffmpeg.restarts]).toEqual(['live', 0]);
  });

  it("a camera's snapshot URL is never live, and says what it is, however it is opened", async () => {
    const routes = { '/snapshot': fileRoute(join(folder, 'still.jpg'), 'image/jpeg') };
    const source = await startHttpSource({ routes });
    const streams = (['auto', 'mjpeg'] as const).map((format) => {
      return { name: format, source: `${source.url}/snapshot`, input: { format } };
    });
    const node = await startNode({ ffmpeg: { path }, streams });
    const words = async (name: string) => (await failed(node, name)).reason?.message;
    expect(await words('mjpeg')).toMatch(
      /sends a single image and ends, like a camera's snapshot URL\. Use the URL of its video/,
    );
    expect(await words('auto'), build).toMatch(/still image|single image|input\.format to mjpeg/);
    for (const { name } of streams) expect(wasLive(node, name)).toBe(false);
  });
});
