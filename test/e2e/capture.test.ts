import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type CaptureOptions, captureFrames } from '../../src/capture.js';
import type { SidepipeError } from '../../src/errors.js';
import { makeClip, temporaryFolder } from '../support/clip.js';
import { ffmpegs } from '../support/ffmpeg.js';
import { startHttpSource } from '../support/http-source.js';
import { makeOddHls } from '../support/odd-hls.js';
import { until } from '../support/wait.js';

const small = { width: 160, height: 90, intervalSeconds: 0.5 };

async function clip(options: Partial<Parameters<typeof makeClip>[0]> = {}): Promise<string> {
  return makeClip({ path: join(await temporaryFolder(), 'clip.mp4'), seconds: 4, ...options });
}

it('gives pictures of a source, dated and in order, and leaves nothing running', async () => {
  const startedAt = Date.now();
  const capture = captureFrames({ source: 'test', ...small, limit: 10 });
  const frames = [];
  for await (const frame of capture) {
    frames.push(frame);
    if (frames.length === 4) break;
  }
  expect(frames.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3]);
  for (const [index, { data, width, height, ptsSeconds, capturedAt }] of frames.entries()) {
    expect([width, height, data.byteLength]).toEqual([160, 90, 160 * 90 * 3]);
    expect(capturedAt).toBeGreaterThan(startedAt);
    expect(capturedAt).toBeLessThanOrEqual(Date.now());
    if (index > 0) expect(ptsSeconds - frames[index - 1]!.ptsSeconds).toBeCloseTo(0.5, 1);
  }
  // Each is the reader's own.
  expect(new Set(frames.map(({ data }) => data.buffer)).size).toBe(4);
  // Leaving the loop has ended the series.
  expect(await capture.next()).toEqual({ value: undefined, done: true });
  expect((await children()).filter((name) => name.startsWith('ffmpeg'))).toEqual([]);
});

it('ends with a file that is not looped', async () => {
  const sequence = [];
  for await (const frame of captureFrames({ source: await clip(), loop: false, ...small, limit: 100 }))
    sequence.push(frame.ptsSeconds);
  // A keyframe every 2 s, and the first ones are all taken.
  expect(sequence.length).toBeGreaterThanOrEqual(2);
});

it.each(ffmpegs)('gives pictures of HLS whose URL says nothing: ffmpeg $name', async ({ path }) => {
  const source = await startHttpSource({ ...(await makeOddHls(20)), host: '127.0.0.1' });
  const troubles: string[] = [];
  for (const file of ['live', 'stream.m3u8']) {
    const onTrouble = ({ message }: SidepipeError) => void troubles.push(message);
    const capture = captureFrames({ source: `${source.url}/${file}`, ...small, ffmpegPath: path, onTrouble });
    expect((await capture.next()).value).toMatchObject({ width: 160, height: 90 });
    await capture.close();
  }
  expect(troubles).toEqual([]);
});

it('keeps the newest picture for a slow reader, and counts the others', async () => {
  const capture = captureFrames({ source: 'test', ...small, intervalSeconds: 0.1 });
  await until('pictures that nobody reads', () => capture.dropped >= 5);
  const { value } = await capture.next();
  expect(value!.sequence).toBeGreaterThanOrEqual(5);
  await capture.close();
});

it('tries a lost source again and tells of it, until it is ended by its signal', async () => {
  const told: string[] = [];
  const ending = new AbortController();
  const options: CaptureOptions = { source: 'http://127.0.0.1:9/none.ts', signal: ending.signal, ...small };
  const capture = captureFrames({ ...options, onTrouble: ({ code }) => void told.push(code) });
  const next = capture.next();
  await until('two failures', () => told.length >= 2, { timeoutMs: 60_000 });
  ending.abort();
  expect(await next).toEqual({ value: undefined, done: true });
});

it('throws on reading what trying again would not mend', async () => {
  const capture = captureFrames({ source: 'gopher://a' });
  await expect(capture.next()).rejects.toMatchObject({ code: 'source-unsupported' });
  expect(await capture.next()).toEqual({ value: undefined, done: true });
});

it('names every option that is wrong', () => {
  expect(wrong({ source: 'test', width: -1, intervalSeconds: 0, limit: 0, colour: 'red' })).toEqual([
    'colour',
    'intervalSeconds',
    'limit',
    'width',
  ]);
  expect(wrong({ source: 'push' })).toContain('source');
  expect(wrong({})).toEqual(['source']);
});

function wrong(options: object): string[] {
  try {
    captureFrames(options as CaptureOptions);
  } catch (error) {
    const { problems } = (error as SidepipeError).details as { problems: { path: string }[] };
    return problems.map(({ path }) => path).sort();
  }
  throw new Error('nothing was wrong');
}

/** The programs that this process has started and that still run. */
async function children(): Promise<string[]> {
  const list = await readFile(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8');
  const pids = list.trim().split(' ').filter(Boolean);
  return Promise.all(pids.map((pid) => readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')));
}
