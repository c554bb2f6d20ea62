import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchBrowser, openPage, type WatchedPage } from '../support/browser.js';
import { FakeStream, pictureOf } from '../support/fake-streams.js';
import { LiveFixture, makeMedia, serve, type TestMedia, type TestServer } from './browser-fixture.js';

let browser: Browser;
let media: TestMedia;
let live: LiveFixture;
let server: TestServer;
let url: string;
let watched: WatchedPage;
let page: Page;
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  [browser, media] = await Promise.all([launchBrowser(), makeMedia(30)]);
});
afterAll(() => browser.close());

beforeEach(async () => {
  live = new LiveFixture('front-door', media);
  live.start();
  const dark = new FakeStream('attic');
  dark.state = 'failed';
  dark.reason = { code: 'source-not-media', message: 'What the source sends is not video.' };
  const picture = media.pictures[0] as Uint8Array;
  dark.pictures.set('jpg', pictureOf(picture, { state: 'stale', capturedAt: Date.now() - 130_000 }));
  const served = await serve(live.stream, dark);
  server = served;
  url = server.url;
  watched = await openPage(browser);
  page = watched.page;
  closing.push(
    () => live.close(),
    () => served.close(),
    () => watched.close(),
  );
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const text = (selector: string) => page.locator(selector).first().textContent();
const position = () => page.evaluate<number>('document.querySelector("video").currentTime');
const playing = () => page.getAttribute('video', 'data-playing');

async function expectMoving(): Promise<void> {
  await expect.poll(playing, { timeout: 15_000 }).toBe('true');
  const before = await position();
  await expect.poll(position, { timeout: 15_000 }).toBeGreaterThan(before + 1);
}

describe('home page', () => {
  it('shows every stream with its picture, its state and its age, without a complaint', async () => {
    await page.goto(url);
    await expect.poll(() => text('[data-stream="front-door"] [data-state-words]')).toBe('Live');
    await expect.poll(() => text('[data-stream="attic"] [data-age]')).toBe('Stale, 2 min ago');
    expect(await text('[data-stream="attic"] [data-reason]')).toBe('');
    expect(await text('[data-summary]')).toBe('1 of 2 live');
    const width = 'document.querySelector(\'[data-stream="front-door"] img\').naturalWidth';
    await expect.poll(() => page.evaluate<number>(width)).toBe(640);
    expect(watched.complaints).toEqual([]);
  });

  it('shows the age that the header tells', async () => {
    await page.goto(url);
    const age = page.locator('[data-stream="front-door"] [data-age]');
    live.close();
    const shown = async () => {
      const response = await fetch(`${url}/live/front-door/thumbnail.jpg`);
      const capturedAt = response.headers.get('sidepipe-captured-at');
      const words = await age.textContent();
      const seconds = (Date.now() - Date.parse(capturedAt ?? '')) / 1000;
      return { same: (await age.getAttribute('title')) === capturedAt, words, seconds };
    };
    await expect.poll(async () => (await shown()).same).toBe(true);
    await expect.poll(async () => (await shown()).seconds, { timeout: 10_000 }).toBeGreaterThan(3);
    const { words, seconds } = await shown();
    expect(words).toMatch(/^\d+ s ago$/);
    expect(Math.abs(Number.parseInt(words ?? '', 10) - seconds)).toBeLessThan(1.5);
  });

  it('swaps pictures without reloading, each once decoded, asking with the entity tag', async () => {
    const answers: number[] = [];
    page.on('response', (response) => {
      if (response.url().endsWith('/live/attic/thumbnail.jpg')) answers.push(response.status());
    });
    await page.goto(url);
    await page.evaluate('window.sameDocument = true');
    // The old image may leave only when the new one has its pixels.
    await page.evaluate(`
      window.blanks = 0;
      new MutationObserver(() => {
        for (const image of document.querySelectorAll('[data-stream="front-door"] img'))
          if (!image.complete || image.naturalWidth === 0) window.blanks++;
      }).observe(document.querySelector('[data-stream="front-door"] figure'), { childList: true });
    `);
    const source = () => page.getAttribute('[data-stream="front-door"] img', 'src');
    const sources = new Set<string | null>();
    await expect.poll(async () => sources.add(await source()).size, { timeout: 15_000 }).toBeGreaterThan(3);
    await expect.poll(() => answers, { timeout: 15_000 }).toContain(304);
    expect(await page.evaluate('[window.sameDocument, window.blanks]')).toEqual([true, 0]);
  });

  it('says so when the node is gone, and goes on when it is back', async () => {
    await page.goto(url);
    const notice = page.locator('[data-unreachable]');
    expect(await notice.isVisible()).toBe(false);
    await page.context().setOffline(true);
    await expect.poll(() => notice.isVisible(), { timeout: 10_000 }).toBe(true);
    await page.context().setOffline(false);
    await expect.poll(() => notice.isVisible(), { timeout: 10_000 }).toBe(false);
  });

  it('takes streams in and lets them go without a reload, and asks no more for those that went', async () => {
    await page.goto(url);
    await page.evaluate('window.sameDocument = true');
    const asked: string[] = [];
    const added = new LiveFixture('garden', media);
    server.streams[1] = added.stream;
    const names = () => page.locator('[data-stream] h2').allTextContents();
    await expect.poll(names, { timeout: 15_000 }).toEqual(['front-door', 'garden']);
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await expect
      .poll(() => asked.filter((path) => path.includes('/garden/')).length, { timeout: 15_000 })
      .toBeGreaterThan(3);
    expect(asked.filter((path) => path.includes('/attic/'))).toEqual([]);
    expect(asked.filter((path) => path.includes('/front-door/')).length).toBeLessThan(12);
    expect(await page.evaluate('window.sameDocument')).toBe(true);
  });

  it('tells how to add a stream when there is none', async () => {
    const empty = await serve();
    closing.push(() => empty.close());
    await page.goto(empty.url);
    expect(await text('.empty')).toContain('sidepipe serve --stream');
    expect(watched.complaints).toEqual([]);
  });
});

describe('watch page', () => {
  it('plays by itself, without a complaint, and shows the facts', async () => {
    await page.goto(url);
    await page.click('[data-stream="front-door"] a');
    await page.waitForURL('**/watch/front-door');
    await expectMoving();
    expect(await page.locator('[data-screen]').isVisible()).toBe(false);
    expect(await text('[data-facts]')).toContain('640 × 360');
    expect(await page.inputValue('#link-hls')).toBe(`${url}/live/front-door/index.m3u8`);
    expect(await page.inputValue('#link-thumbnail')).toBe(`${url}/live/front-door/thumbnail.jpg`);
    await expect.poll(() => text('[data-age]')).toMatch(/^(Now|\d s ago)$/);
    expect(watched.complaints).toEqual([]);
    await page.click('.back');
    await page.waitForURL(`${url}/`);
  });

  it('plays fMP4', async () => {
    const fmp4 = new LiveFixture('fmp4', await makeMedia(10, { container: 'fmp4' }));
    fmp4.start();
    closing.push(() => fmp4.close());
    const server = await serve(fmp4.stream);
    closing.push(() => server.close());
    await page.goto(`${server.url}/watch/fmp4`);
    await expectMoving();
    expect(watched.complaints).toEqual([]);
  });

  it('copies an address', async () => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.goto(`${url}/watch/front-door`);
    await page.click('[data-link]:has(#link-hls) button');
    await expect.poll(() => text('[data-link]:has(#link-hls) [data-copied]')).toBe('Copied');
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(`${url}/live/front-door/index.m3u8`);
  });

  it('says that the stream is offline, and plays on by itself when it is back', async () => {
    await page.goto(`${url}/watch/front-door`);
    await page.evaluate('window.sameDocument = true');
    await expectMoving();
    live.goOffline();
    await expect.poll(() => page.locator('[data-screen]').isVisible(), { timeout: 25_000 }).toBe(true);
    expect(await text('[data-screen-title]')).toBe('Offline');
    expect(await text('[data-state-words]')).toBe('Reconnecting');
    expect(await text('[data-reason]')).toBe('');
    live.start();
    await expectMoving();
    expect(await page.locator('[data-screen]').isVisible()).toBe(false);
    expect(await page.evaluate('window.sameDocument')).toBe(true);
  }, 90_000);

  it('waits for a stream that is not there yet, and outlives a node that starts anew', async () => {
    const { multivariant } = live.stream;
    live.goOffline();
    live.stream.multivariant = undefined;
    live.stream.playlists.clear();
    await page.goto(`${url}/watch/front-door`);
    await expect.poll(() => text('[data-screen-title]')).toBe('Offline');
    live.stream.multivariant = multivariant;
    live.start();
    await expectMoving();
    // Every address of the stream answers with an error for a while, and then with another session.
    live.goOffline();
    live.stream.state = 'live';
    live.stream.multivariant = undefined;
    live.stream.playlists.clear();
    live.stream.media.clear();
    await expect.poll(() => page.locator('[data-screen]').isVisible(), { timeout: 30_000 }).toBe(true);
    live.close();
    const next = new LiveFixture('front-door', media);
    closing.push(() => next.close());
    next.start();
    live.stream.multivariant = next.stream.multivariant;
    for (const part of ['playlists', 'media'] as const) {
      Object.defineProperty(live.stream, part, { value: next.stream[part] });
    }
    await expectMoving();
  }, 120_000);
});
