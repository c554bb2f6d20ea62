import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signPlayback } from '../../src/http/access/playback-token.js';
import { launchBrowser, openPage } from '../support/browser.js';
import { runFfmpeg, temporaryFolder } from '../support/clip.js';
import { clockPicture } from '../support/clock-picture.js';
import { startHttpSource } from '../support/http-source.js';
import { startNode, type TestNode } from '../support/node.js';
import { type PacedStream, paceTransportStream } from '../support/paced-transport-stream.js';
import { until } from '../support/wait.js';

const RATE = 25;
let browser: Browser;
let clock: PacedStream;

beforeAll(async () => {
  browser = await launchBrowser();
  const path = join(await temporaryFolder(), 'clock.ts');
  await runFfmpeg([
    ...['-f', 'lavfi', '-i', clockPicture({ size: '640x360', rate: RATE }), '-t', '60'],
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p', '-g', '50'],
    ...['-muxdelay', '0', '-muxpreload', '0', '-f', 'mpegts', path],
  ]);
  clock = paceTransportStream(await readFile(path));
}, 60_000);
afterAll(() => browser.close());

async function startClockNode(more: object = {}): Promise<TestNode> {
  const source = await startHttpSource({ routes: { '/clock.ts': clock.route } });
  const node = await startNode({
    streams: [
      {
        name: 'cam',
        source: `${source.url}/clock.ts`,
        hls: { segmentSeconds: 2 },
        thumbnail: { intervalSeconds: 1, width: 320 },
        monitor: true,
        ...more,
      },
      { name: 'plain', source: 'test', thumbnail: { width: 320 } },
    ],
  });
  await until('a playlist', async () => (await node.stream('cam')).hls.bandwidth !== null, { timeoutMs: 20_000 });
  return node;
}

/** The number in the canvas each time it changes, and when that was seen, in milliseconds since the epoch. */
const readChanges = (count: number) => `new Promise((resolve) => {
  const copy = document.createElement('canvas');
  copy.width = 640;
  copy.height = 1;
  const context = copy.getContext('2d', { willReadFrequently: true });
  const seen = [];
  let last;
  const look = () => {
    context.drawImage(document.querySelector('[data-monitor] canvas'), 0, 180, 640, 1, 0, 0, 640, 1);
    const { data } = context.getImageData(0, 0, 640, 1);
    let frame = 0;
    for (let bit = 0; bit < 16; bit++) if (data[(20 + bit * 40) * 4] > 127) frame += 2 ** bit;
    if (frame !== last) seen.push({ frame, at: Date.now() });
    last = frame;
    if (seen.length >= ${count}) resolve(seen);
    else requestAnimationFrame(look);
  };
  look();
})`;

interface Seen {
  readonly frame: number;
  readonly at: number;
}

const isPlaying = (page: Page) =>
  expect.poll(() => page.getAttribute('[data-monitor]', 'data-monitor-state'), { timeout: 10_000 }).toBe('playing');

describe('the monitor of the watch page', () => {
  it('shows the picture within half a second of its being taken', { retry: 2, timeout: 120_000 }, async () => {
    const node = await startClockNode();
    const { page, complaints, close } = await openPage(browser);
    await page.goto(`${node.url}/watch/cam`);
    await page.click('[data-monitor] button');
    await isPlaying(page);
    const seen = await page.evaluate<Seen[]>(readChanges(60));
    const delays = seen.slice(10).map(({ frame, at }) => at - clock.takenAt(frame));
    delays.sort((one, other) => one - other);
    const summary = { least: delays[0]!, median: delays[25]!, most: delays.at(-1)! };
    process.stderr.write(`monitor delay in ms: ${JSON.stringify(summary)}\n`);
    // The least too: a picture cannot be seen before it was taken, so the clock is read rightly.
    expect(summary.least).toBeGreaterThan(0);
    expect(summary.median).toBeLessThan(500);
    const steps = seen.slice(1).map(({ frame }, index) => frame - seen[index]!.frame);
    expect(Math.min(...steps)).toBeGreaterThan(0);
    await close();
    expect(complaints).toEqual([]);
  });

  it('shows a signed stream to who has its token, and is not even offered to others', {
    timeout: 120_000,
  }, async () => {
    const keys = [{ id: 'k1', secret: 'a-secret-of-at-least-32-characters' }];
    const node = await startClockNode({ playback: { access: 'signed', keys } });
    const token = signPlayback({ key: keys[0]!, stream: 'cam', expiresAt: Date.now() + 600_000 });
    const { page, complaints, close } = await openPage(browser);
    await page.goto(`${node.url}/watch/cam?token=${token}`);
    await page.click('[data-monitor] button');
    await isPlaying(page);
    const seen = await page.evaluate<Seen[]>(readChanges(5));
    expect(seen).toHaveLength(5);
    expect(complaints).toEqual([]);
    await page.goto(`${node.url}/watch/cam`);
    expect(await page.locator('h1').textContent()).toBeTruthy();
    expect(await page.locator('[data-monitor]').count()).toBe(0);
    await close();
  });

  it('is started by hand, rests when stopped, goes on over a new ffmpeg', { timeout: 120_000 }, async () => {
    const node = await startClockNode();
    const { page, complaints, close } = await openPage(browser);
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname.split('/').at(-1)!));
    const viewers = async () => (await node.stream('cam')).monitor?.viewers;
    await page.goto(`${node.url}/watch/plain`);
    expect(await page.locator('[data-monitor]').count()).toBe(0);
    expect(asked.filter((file) => file.startsWith('monitor'))).toEqual([]);
    await page.goto(`${node.url}/watch/cam`);
    await page.waitForSelector('[data-monitor] button:not([hidden])');
    expect(asked).not.toContain('monitor-worker.js');
    expect(await viewers()).toBe(0);
    await page.click('[data-monitor] button');
    await isPlaying(page);
    expect(await viewers()).toBe(1);
    await page.click('[data-monitor] button');
    await expect.poll(viewers).toBe(0);
    await page.click('[data-monitor] button');
    await isPlaying(page);
    const { pid } = (await node.stream('cam')).ffmpeg;
    process.kill(pid!, 'SIGKILL');
    await expect.poll(async () => (await node.stream('cam')).ffmpeg.restarts, { timeout: 10_000 }).toBe(1);
    const seen = await page.evaluate<Seen[]>(readChanges(10));
    expect(seen).toHaveLength(10);
    await close();
    expect(complaints.filter((text) => !text.includes('/live/plain/'))).toEqual([]);
  });

  it('says that it could not be loaded, and can be started again', { timeout: 60_000 }, async () => {
    const node = await startClockNode();
    const { page, close } = await openPage(browser);
    const worker = '**/monitor-worker.js';
    await page.route(worker, (route) => route.abort());
    await page.goto(`${node.url}/watch/cam`);
    const [button, status] = [page.locator('[data-monitor] button'), page.locator('[data-monitor-status]')];
    await button.click();
    await expect.poll(() => status.textContent()).toBe('The monitor could not be loaded.');
    expect(await button.textContent()).toBe('Start');
    await page.unroute(worker);
    await button.click();
    await isPlaying(page);
    expect(await page.evaluate<Seen[]>(readChanges(5))).toHaveLength(5);
    await close();
  });
});
