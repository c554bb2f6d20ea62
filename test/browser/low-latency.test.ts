import { join } from 'node:path';
import type { Browser, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { launchBrowser, openPage } from '../support/browser.js';
import { makeClip, temporaryFolder } from '../support/clip.js';
import { Firefox } from '../support/firefox.js';
import { startNode, type TestNode } from '../support/node.js';
import { until } from '../support/wait.js';

let browser: Browser;
let clip: string;

beforeAll(async () => {
  browser = await launchBrowser();
  const keyframes = Array.from({ length: 8 }, (_, second) => second);
  const path = join(await temporaryFolder(), 'clip.mp4');
  clip = await makeClip({ path, seconds: 8, fps: 25, size: '320x180', keyframes });
}, 120_000);
afterAll(() => browser?.close());

/** With a stream that is live. */
async function start(hls: object): Promise<TestNode> {
  const thumbnail = { intervalSeconds: 2, width: 160 };
  const settings = { segmentSeconds: 1, windowSegments: 20, ...hls };
  const node = await startNode({ streams: [{ name: 'cam', source: clip, hls: settings, thumbnail }] });
  await until('segments', async () => (await node.segments('cam')).length > 2);
  return node;
}

/** The pages of two browsers, as far as these tests need them. */
interface Player {
  goto(url: string): Promise<unknown>;
  evaluate(expression: string): Promise<unknown>;
  readonly complaints: readonly string[];
}

async function openChromium(): Promise<Player & { readonly page: Page }> {
  const { page, complaints, close } = await openPage(browser);
  onTestFinished(close);
  const evaluate = (expression: string) => page.evaluate<unknown>(expression);
  return { page, complaints, evaluate, goto: (url) => page.goto(url) };
}

async function openFirefox(): Promise<Player> {
  const firefox = await Firefox.start();
  onTestFinished(() => firefox.close());
  const { complaints } = firefox;
  return { complaints, goto: (url) => firefox.goto(url), evaluate: (expression) => firefox.evaluate(expression) };
}

const patient = { timeout: 120_000 };

async function expectPlaying({ evaluate }: Player): Promise<void> {
  await expect.poll(() => evaluate(`document.querySelector('video').dataset.playing`), patient).toBe('true');
  const place = async () => Number(await evaluate(`document.querySelector('video').currentTime`));
  const before = await place();
  await expect.poll(place, patient).toBeGreaterThan(before + 1);
}

/** The requests of the page so far whose URL has this. */
async function requests({ evaluate }: Player, text: string): Promise<number> {
  return Number(
    await evaluate(
      `performance.getEntriesByType('resource').filter(({ name }) => name.includes(${JSON.stringify(text)})).length`,
    ),
  );
}

const behindWords = (player: Player) => player.evaluate(`document.querySelector('[data-behind]').textContent`);

/** In seconds, as the page shows it at live; not a number away from there. */
async function secondsBehind(player: Player): Promise<number> {
  return Number(/^([\d.]+) s behind live$/.exec(String(await behindWords(player)))?.[1]);
}

/** More than playback needs, on a machine that is busy, and less than a player has that is not held at live. */
const closeSeconds = 3;

async function watch(player: Player, node: TestNode): Promise<void> {
  await player.goto(`${node.url}/watch/cam`);
  await player.evaluate('void performance.setResourceTimingBufferSize(100_000)');
  await expectPlaying(player);
}

describe.each([
  ['Chromium', 'fmp4', openChromium],
  ['Chromium', 'mpegts', openChromium],
  ['Firefox', 'fmp4', openFirefox],
  ['Firefox', 'mpegts', openFirefox],
] as const)('%s, %s', (_, container, open) => {
  it('the watch page plays parts as they come, says how far behind it is, and is back at live after ffmpeg was killed', async () => {
    const node = await start({ container });
    const player: Player = await open();
    await watch(player, node);
    await expect.poll(() => requests(player, '_HLS_msn='), patient).toBeGreaterThan(5);
    await expect.poll(() => requests(player, '_HLS_part='), patient).toBeGreaterThan(5);
    await expect.poll(() => secondsBehind(player), patient).toBeLessThan(closeSeconds);
    const { ffmpeg } = await node.stream('cam');
    process.kill(ffmpeg.pid!, 'SIGKILL');
    const playlist = async () => (await node.text('/live/cam/source/index.m3u8')).body;
    await until('a segment of another ffmpeg', async () => (await playlist()).includes('#EXT-X-DISCONTINUITY\n'));
    const before = await requests(player, '_HLS_part=');
    await expect.poll(() => requests(player, '_HLS_part='), patient).toBeGreaterThan(before + 5);
    await expectPlaying(player);
    await expect.poll(() => secondsBehind(player), patient).toBeLessThan(closeSeconds);
    expect(player.complaints.filter((complaint) => complaint.startsWith('policy'))).toEqual([]);
  }, 400_000);
});

describe('the player', () => {
  it('is back at live after its requests were stuck', async () => {
    const node = await start({ container: 'fmp4' });
    const player = await openChromium();
    await watch(player, node);
    await expect.poll(() => secondsBehind(player), patient).toBeLessThan(closeSeconds);
    const held: Route[] = [];
    await player.page.route('**/live/cam/source/**', (route) => void held.push(route));
    const newest = (await node.segments('cam')).at(-1)!;
    await until('six more segments', async () => {
      const urls = await node.segments('cam');
      return urls.length - urls.indexOf(newest) > 6;
    });
    await player.page.unroute('**/live/cam/source/**');
    await Promise.all(held.map((route) => route.continue().catch(() => undefined)));
    await expectPlaying(player);
    await expect.poll(() => secondsBehind(player), patient).toBeLessThan(closeSeconds);
  }, 400_000);

  it('leaves a viewer who went back where they are, and goes to live when asked', async () => {
    const node = await start({ container: 'mpegts' });
    const player = await openChromium();
    await watch(player, node);
    const isAgo = async () => / s ago$/.test(String(await behindWords(player)));
    // Only so far as there is something to go back to.
    await until('a window to go back in', async () => (await node.segments('cam')).length > 10);
    await player.page.keyboard.press('ArrowLeft');
    await expect.poll(isAgo, patient).toBe(true);
    const place = async () => Number(await player.evaluate(`document.querySelector('video').currentTime`));
    const before = await place();
    await expect.poll(place, patient).toBeGreaterThan(before + 3);
    expect(await isAgo()).toBe(true);
    expect(await player.evaluate(`document.querySelector('video').playbackRate`)).toBe(1);
    await player.page.keyboard.press('l');
    await expect.poll(() => secondsBehind(player), patient).toBeLessThan(closeSeconds);
  }, 400_000);

  it('plays a stream without parts as plain HLS, and says how far behind that is', async () => {
    const node = await start({ container: 'mpegts', lowLatency: false });
    const player = await openChromium();
    await watch(player, node);
    await expect.poll(() => secondsBehind(player), patient).toBeGreaterThan(0);
    expect(await requests(player, '_HLS_msn=')).toBe(0);
    expect(player.complaints).toEqual([]);
  }, 400_000);
});

it('the embed page plays low latency too', async () => {
  const node = await start({ container: 'fmp4' });
  const player = await openChromium();
  await player.goto(`${node.url}/embed/cam`);
  await expectPlaying(player);
  await expect.poll(() => requests(player, '_HLS_part='), patient).toBeGreaterThan(5);
  await expect.poll(() => secondsBehind(player), patient).toBeLessThan(closeSeconds);
}, 400_000);
