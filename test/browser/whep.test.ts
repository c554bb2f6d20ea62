import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser, openPage } from '../support/browser.js';
import { runFfmpeg, temporaryFolder } from '../support/clip.js';
import { clockPicture } from '../support/clock-picture.js';
import { startHttpSource } from '../support/http-source.js';
import { startNode, type TestNode } from '../support/node.js';
import { type PacedStream, paceTransportStream } from '../support/paced-transport-stream.js';
import { until } from '../support/wait.js';

const RATE = 25;
const GOP = 25;
let browser: Browser;
/** The same clock, encoded without and with B-frames. */
let clocks: { readonly plain: PacedStream; readonly reordered: PacedStream };

beforeAll(async () => {
  browser = await launchBrowser();
  const make = async (name: string, ...encoder: string[]) => {
    const path = join(await temporaryFolder(), name);
    await runFfmpeg([
      ...['-f', 'lavfi', '-i', clockPicture({ size: '640x360', rate: RATE }), '-f', 'lavfi', '-i', 'sine', '-t', '90'],
      ...[
        '-c:v',
        'libx264',
        '-preset',
        'veryfast',
        '-pix_fmt',
        'yuv420p',
        '-g',
        String(GOP),
        ...encoder,
        '-c:a',
        'aac',
      ],
      ...['-muxdelay', '0', '-muxpreload', '0', '-f', 'mpegts', path],
    ]);
    return paceTransportStream(await readFile(path));
  };
  const plain = await make('plain.ts', '-tune', 'zerolatency');
  clocks = { plain, reordered: await make('reordered.ts', '-bf', '2') };
}, 120_000);
afterAll(() => browser.close());

async function startClockNode(clock: PacedStream = clocks.plain): Promise<TestNode> {
  const source = await startHttpSource({ routes: { '/clock.ts': clock.route } });
  const node = await startNode({
    webrtc: { enabled: true, port: 0, host: '127.0.0.1', publicAddresses: ['127.0.0.1'] },
    streams: [{ name: 'cam', source: `${source.url}/clock.ts`, thumbnail: { width: 320 } }],
  });
  await until('a state', async () => {
    const { webrtc } = await node.stream('cam');
    const { status } = await node.text('/live/cam/index.m3u8');
    return webrtc?.state !== 'waiting' && status === 200;
  });
  return node;
}

/** The number in the video each time it changes, and when that was seen, in milliseconds since the epoch. */
const readChanges = (count: number) => `new Promise((resolve) => {
  const copy = document.createElement('canvas');
  copy.width = 640;
  copy.height = 1;
  const context = copy.getContext('2d', { willReadFrequently: true });
  const video = document.querySelector('video');
  const seen = [];
  let last;
  const look = () => {
    if (video.videoWidth > 0) {
      context.drawImage(video, 0, video.videoHeight / 2, video.videoWidth, 1, 0, 0, 640, 1);
      const { data } = context.getImageData(0, 0, 640, 1);
      let frame = 0;
      for (let bit = 0; bit < 16; bit++) if (data[(20 + bit * 40) * 4] > 127) frame += 2 ** bit;
      if (frame !== last) seen.push({ frame, at: Date.now() });
      last = frame;
    }
    if (seen.length >= ${count}) resolve(seen);
    else video.requestVideoFrameCallback(look);
  };
  look();
})`;

interface Seen {
  readonly frame: number;
  readonly at: number;
}

const transport = (page: Page) => page.getAttribute('[data-player]', 'data-transport');
const isPlaying = (page: Page) =>
  expect.poll(() => page.getAttribute('video', 'data-playing'), { timeout: 30_000 }).toBe('true');

describe('the player of the watch page', () => {
  it('plays over WebRTC, says how far behind live it is, and ends its session with the page', {
    timeout: 120_000,
  }, async () => {
    const node = await startClockNode();
    const { page, complaints, close } = await openPage(browser);
    await page.goto(`${node.url}/watch/cam`);
    await isPlaying(page);
    expect(await transport(page)).toBe('webrtc');
    const seen = await page.evaluate<Seen[]>(readChanges(100));
    const delays = seen.slice(20).map(({ frame, at }) => at - clocks.plain.takenAt(frame));
    delays.sort((one, other) => one - other);
    const summary = { least: delays[0]!, median: delays[40]!, most: delays.at(-1)! };
    process.stderr.write(`WHEP delay in ms: ${JSON.stringify(summary)}\n`);
    expect(summary.least).toBeGreaterThan(0);
    await expect.poll(() => page.textContent('[data-behind]'), { timeout: 30_000 }).toMatch(/^\d\.\d s behind live$/);
    expect((await node.stream('cam')).webrtc?.viewers).toBe(1);
    await page.goto('about:blank');
    await expect.poll(async () => (await node.stream('cam')).webrtc?.viewers, { timeout: 60_000 }).toBe(0);
    await close();
    expect(complaints).toEqual([]);
  });

  it('switches between WebRTC and HLS when the viewer asks', { timeout: 120_000 }, async () => {
    const node = await startClockNode();
    const { page, complaints, close } = await openPage(browser);
    await page.goto(`${node.url}/watch/cam`);
    await isPlaying(page);
    await page.selectOption('[data-transports]', 'hls');
    await expect.poll(() => transport(page)).toBe('hls');
    await expect
      .poll(() => page.evaluate(`document.querySelector('video').seekable.length`), { timeout: 30_000 })
      .toBe(1);
    await isPlaying(page);
    expect(await page.isVisible('[data-screen]')).toBe(false);
    await page.selectOption('[data-transports]', 'auto');
    await expect.poll(() => transport(page)).toBe('webrtc');
    await isPlaying(page);
    await page.evaluate<Seen[]>(readChanges(10));
    await close();
    expect(complaints).toEqual([]);
  });

  it('plays HLS if browsers cannot play the stream over WebRTC, or if the node refuses', {
    timeout: 120_000,
  }, async () => {
    const node = await startClockNode(clocks.reordered);
    const { page, complaints, close } = await openPage(browser);
    await page.goto(`${node.url}/watch/cam`);
    await isPlaying(page);
    expect(await transport(page)).toBe('hls');
    expect(complaints).toEqual([]);
    const plain = await startClockNode();
    await page.route('**/live/cam/whep', (route) => route.fulfill({ status: 406, body: '{}' }));
    await page.goto(`${plain.url}/watch/cam`);
    await isPlaying(page);
    expect(await transport(page)).toBe('hls');
    await close();
  });
});
