import { gzipSync } from 'node:zlib';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchBrowser, openPage, type WatchedPage } from '../support/browser.js';
import { LiveFixture, makeMedia, serve, type TestMedia } from './browser-fixture.js';

let browser: Browser;
let large: TestMedia;
let small: TestMedia;
let live: LiveFixture;
let url: string;
let watched: WatchedPage;
let page: Page;
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  browser = await launchBrowser();
  [large, small] = await Promise.all([makeMedia(30), makeMedia(30, { size: '320x180' })]);
}, 60_000);
afterAll(() => browser.close());

async function open(media: TestMedia | Record<string, TestMedia>): Promise<void> {
  live = new LiveFixture('door', media);
  live.start();
  const server = await serve(live.stream);
  url = server.url;
  closing.push(
    () => live.close(),
    () => server.close(),
  );
}

beforeEach(async () => {
  watched = await openPage(browser);
  page = watched.page;
  closing.push(() => watched.close());
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const video = <T>(expression: string) => page.evaluate<T>(`document.querySelector('video').${expression}`);
const hasControl = (attribute: string) =>
  page.evaluate<boolean>(`document.querySelector('media-controller').hasAttribute('${attribute}')`);
const patient = { timeout: 20_000 };

async function expectPlaying(): Promise<void> {
  await expect.poll(() => video<string>('dataset.playing'), patient).toBe('true');
  const before = await video<number>('currentTime');
  await expect.poll(() => video<number>('currentTime'), patient).toBeGreaterThan(before + 0.5);
}

describe('quality', () => {
  it('is chosen from a menu, kept, and given back to the player', async () => {
    await open({ '640x360': large, '320x180': small });
    await page.goto(`${url}/watch/door`);
    await expectPlaying();
    const button = page.locator('media-rendition-menu-button');
    const choose = async (name: RegExp) => {
      await page.locator('.player').hover();
      await button.click();
      await page.getByRole('menuitemradio', { name }).click();
    };
    await choose(/^180p/);
    await expect.poll(() => video<number>('videoHeight'), patient).toBe(180);
    await choose(/^360p/);
    await expect.poll(() => video<number>('videoHeight'), patient).toBe(360);
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await expect.poll(() => asked.filter((address) => address.endsWith('.ts')).length, patient).toBeGreaterThan(2);
    expect(asked.filter((address) => address.includes('320x180') && address.endsWith('.ts'))).toEqual([]);
    await choose(/^Auto/);
    await expect.poll(() => video<number>('videoRenditions.selectedIndex')).toBe(-1);
    expect(watched.complaints).toEqual([]);
  }, 90_000);

  it('is not offered where there is none to choose', async () => {
    await open(large);
    await page.goto(`${url}/watch/door`);
    await expectPlaying();
    expect(await page.locator('media-control-bar media-play-button').isVisible()).toBe(true);
    expect(await page.locator('media-rendition-menu-button').isVisible()).toBe(false);
    expect(await page.locator('media-captions-button').isVisible()).toBe(false);
    expect(await video<number>('textTracks.length')).toBe(0);
  });
});

describe('keys', () => {
  beforeEach(async () => {
    await open(large);
    await page.goto(`${url}/watch/door`);
    await expectPlaying();
  });

  it('play and pause, with space and k, wherever the focus needs them not', async () => {
    await page.keyboard.press('Space');
    await expect.poll(() => video('paused')).toBe(true);
    await page.keyboard.press('k');
    await expect.poll(() => video('paused')).toBe(false);
    // A field takes its letters itself, and a button its space.
    await page.locator('#link-hls').focus();
    await page.keyboard.press('k');
    await page.keyboard.press('m');
    expect([await video('paused'), await video('muted')]).toEqual([false, true]);
  });

  it('turn sound on and off, and change the volume in the player', async () => {
    await page.keyboard.press('m');
    await expect.poll(() => video('muted')).toBe(false);
    expect(await page.locator('[data-unmute]').isVisible()).toBe(false);
    await page.locator('media-controller').focus();
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => video<number>('volume')).toBeCloseTo(0.9);
    await page.keyboard.press('ArrowUp');
    await expect.poll(() => video<number>('volume')).toBeCloseTo(1);
    await page.keyboard.press('m');
    await expect.poll(() => video('muted')).toBe(true);
  });

  it('go back in the stream and to live again', async () => {
    const words = () => page.locator('[data-strip-range]').getAttribute('aria-valuetext');
    const isLive = () => hasControl('mediatimeislive');
    await page.keyboard.press('l');
    await expect.poll(isLive, patient).toBe(true);
    await expect.poll(words, patient).toBe('live');
    await page.keyboard.press('ArrowLeft');
    await expect.poll(words, patient).toMatch(/^\d+ s ago$/);
    expect(await page.locator('[data-behind]').textContent()).toMatch(/^\d+ s ago$/);
    await expect.poll(isLive, patient).toBe(false);
    await page.keyboard.press('l');
    await expect.poll(words, patient).toBe('live');
    await page.keyboard.press('ArrowLeft');
    await expect.poll(isLive, patient).toBe(false);
    // The button does the same.
    await page.locator('.player').hover();
    await page.locator('media-live-button').click();
    await expect.poll(isLive, patient).toBe(true);
    await expectPlaying();
  });

  it('make it fill the screen, screen for waiting and all', async () => {
    // A browser that has much to do takes its time to change the screen.
    const filling = () =>
      expect.poll(() => page.evaluate('document.fullscreenElement?.id ?? null'), { timeout: 10_000 });
    await page.evaluate('document.fullscreenElement && document.exitFullscreen()');
    await filling().toBeNull();
    await page.keyboard.press('f');
    await filling().toBe('player');
    // The player learns of it a moment later, and until then the key would ask for the same again.
    await page.waitForSelector('media-controller[mediaisfullscreen]', { state: 'attached' });
    await page.keyboard.press('f');
    await filling().toBeNull();
    expect(watched.complaints).toEqual([]);
  });
});

describe('sound', () => {
  it('is off until the viewer asks, is remembered, and off again where the browser refuses', async () => {
    await open(large);
    await page.goto(`${url}/watch/door`);
    await expectPlaying();
    expect(await video('muted')).toBe(true);
    const button = page.locator('[data-unmute]');
    await button.waitFor({ state: 'visible', timeout: 10_000 });
    await button.click();
    expect(await video('muted')).toBe(false);
    expect(await button.isVisible()).toBe(false);
    // A new page that nobody has touched may not be loud.
    await page.addInitScript(`
      const { play } = HTMLMediaElement.prototype;
      HTMLMediaElement.prototype.play = function () {
        (window.asked ??= []).push(this.muted);
        return this.muted ? play.call(this) : Promise.reject(new DOMException('no', 'NotAllowedError'));
      };
    `);
    await page.reload();
    await expectPlaying();
    expect(await page.evaluate('window.asked.slice(0, 2)')).toEqual([false, true]);
    expect(await video('muted')).toBe(true);
    await button.waitFor({ state: 'visible', timeout: 10_000 });
    // The refusal is not the viewer's wish.
    expect(await page.evaluate(`JSON.parse(localStorage.getItem('sidepipe-sound')).muted`)).toBe(false);
  });
});

it('lets a browser play HLS itself that tells the dates of its playlists, as Safari does', async () => {
  await open(large);
  await page.addInitScript(`
    HTMLVideoElement.prototype.getStartDate = () => new Date(NaN);
    HTMLVideoElement.prototype.canPlayType = () => 'maybe';
  `);
  const scripts: string[] = [];
  page.on('request', (request) => request.resourceType() === 'script' && scripts.push(request.url()));
  await page.goto(`${url}/watch/door`);
  await expect.poll(() => video<string>('getAttribute("src")'), patient).toBe('../live/door/index.m3u8');
  expect(await page.locator('media-rendition-menu-button').isVisible()).toBe(false);
  expect(watched.complaints.filter((complaint) => complaint.startsWith('policy'))).toEqual([]);
});

it('weighs less than 250 KB of script, compressed', async () => {
  await open(large);
  const weights = new Map<string, number>();
  page.on('response', async (response) => {
    if (response.request().resourceType() !== 'script') return;
    weights.set(response.url(), gzipSync(await response.body(), { level: 9 }).byteLength);
  });
  await page.goto(`${url}/watch/door`);
  await expectPlaying();
  await expect.poll(() => [...weights.keys()].join(' ')).toMatch(/hls\.light.*|player-elements.*/);
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  expect(weights.size).toBeGreaterThan(4);
  expect(total).toBeGreaterThan(100_000);
  expect(total).toBeLessThan(250_000);
});
