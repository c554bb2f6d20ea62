import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawOffline } from '../../src/images/offline/offline.js';
import { launchBrowser, openPage } from '../support/browser.js';
import { FakeStream, pictureOf } from '../support/fake-streams.js';
import { LiveFixture, makeMedia, serve, type TestServer } from './browser-fixture.js';

/** How the pages look: accessible, without overflow, and as pictures for people in a folder that git ignores. */

const screenshots = fileURLToPath(new URL('../../screenshots/', import.meta.url));
const closing: (() => unknown)[] = [];
let browser: Browser;
let server: TestServer;
let empty: TestServer;
let axe: string;

beforeAll(async () => {
  await mkdir(screenshots, { recursive: true });
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  browser = await launchBrowser();
  const [door, yard, low] = await Promise.all([
    makeMedia(20, { picture: 'mandelbrot' }),
    makeMedia(20, { picture: 'cellauto=rule=110' }).catch(() => makeMedia(20)),
    makeMedia(20, { picture: 'mandelbrot', size: '320x180' }),
  ]);
  const lives = [
    new LiveFixture('front-door', { '640x360': door, '320x180': low }),
    new LiveFixture('a-yard-with-a-name-that-is-longer-than-any-card-is-wide-so-it-ends', yard),
  ];
  for (const live of lives) live.start();
  const failed = new FakeStream('attic');
  failed.state = 'failed';
  failed.reason = { code: 'source-not-media', message: 'What the source sends is not video.' };
  failed.pictures.set(
    'jpg',
    pictureOf(door.pictures[0] as Uint8Array, { state: 'stale', capturedAt: Date.now() - 130_000 }),
  );
  const waiting = new FakeStream('studio');
  waiting.state = 'idle';
  const offline = await drawOffline({ name: 'studio', width: 1280, height: 720, format: 'jpg', quality: 80 });
  const nothing = { state: 'offline', capturedAt: undefined } as const;
  waiting.pictures.set('jpg', pictureOf(offline.body, nothing));
  server = await serve(...lives.map(({ stream }) => stream), failed, waiting);
  empty = await serve();
  closing.push(
    () => browser.close(),
    () => server.close(),
    () => empty.close(),
    ...lives.map((live) => () => live.close()),
  );
}, 90_000);
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

const pages = [
  ['home', '/'],
  ['watch', '/watch/front-door'],
  ['offline', '/watch/attic'],
  ['embed', '/embed/front-door'],
  ['unknown', '/watch/nobody'],
  ['empty', undefined],
] as const;

async function openAt(name: string, path: string | undefined, colorScheme: 'light' | 'dark', width: number) {
  const height = width < 500 ? 844 : width < 1000 ? 1024 : 900;
  const opened = await openPage(browser, { colorScheme, viewport: { width, height } });
  const { page } = opened;
  await page.goto(path === undefined ? empty.url : `${server.url}${path}`, { waitUntil: 'load' });
  if (name === 'watch' || name === 'embed') {
    await expect.poll(() => page.getAttribute('video', 'data-playing'), { timeout: 30_000 }).toBe('true');
    await expect.poll(() => page.locator('media-live-button').isVisible(), { timeout: 10_000 }).toBe(true);
  }
  if (name === 'home') {
    await expect
      .poll(() => page.getAttribute('[data-stream="front-door"] img', 'src'), { timeout: 20_000 })
      .toMatch(/^blob:/);
  }
  return opened;
}

/** Nothing is wider than the window. */
async function expectToFit(page: Page): Promise<void> {
  const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
  expect(await page.evaluate(overflow)).toBe(0);
}

describe.each(['light', 'dark'] as const)('in the %s theme', (theme) => {
  it.each(pages)(
    '%s has nothing that keeps people out',
    async (name, path) => {
      const { page, close } = await openAt(name, path, theme, 1440);
      // Controls that hide themselves are looked at while they are there.
      if (name === 'watch' || name === 'embed') await page.locator('.player').hover();
      await page.evaluate(axe);
      const violations = await page.evaluate(`
      axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
        .then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html, failureSummary }) => html.slice(0, 160) + ' ' + failureSummary).join(' | ')))
    `);
      expect(violations).toEqual([]);
      await close();
    },
    60_000,
  );

  it.each(pages)(
    '%s fits at every width',
    async (name, path) => {
      for (const width of [390, 768, 1440]) {
        const { page, complaints, close } = await openAt(name, path, theme, width);
        await expectToFit(page);
        if (name === 'watch' || name === 'embed') await page.locator('.player').hover();
        await page.screenshot({ path: join(screenshots, `${name}-${theme}-${width}.png`), fullPage: name !== 'embed' });
        expect(complaints.filter((complaint) => !complaint.includes('/watch/nobody'))).toEqual([]);
        await close();
      }
    },
    120_000,
  );
});
