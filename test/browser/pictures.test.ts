import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { launchBrowser, openPage } from '../support/browser.js';
import { makeClip, temporaryFolder } from '../support/clip.js';
import { startNode } from '../support/node.js';

/** The pictures around the picture, of the real node, in a real browser. */

const screenshots = fileURLToPath(new URL('../../screenshots/', import.meta.url));
const viewport = { width: 1280, height: 800 };
let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
  await mkdir(screenshots, { recursive: true });
});
afterAll(() => browser.close());

const stream = {
  name: 'cam',
  thumbnail: { intervalSeconds: 1, width: 640 },
  hls: { segmentSeconds: 1, windowSegments: 12 },
  storyboard: { intervalSeconds: 1 },
};

/** Code for the page: the background that an element was given. */
const styleOf =
  '(selector) => { const { style } = document.querySelector(selector); return style.backgroundImage + style.backgroundPosition; }';

async function startLive() {
  // A small copied clip: the browser decodes on the processor that all else runs on.
  const path = join(await temporaryFolder(), 'clip.mp4');
  const keyframes = Array.from({ length: 30 }, (_, second) => second);
  const source = await makeClip({ path, seconds: 30, keyframes, size: '320x180', audio: false });
  const node = await startNode({ streams: [{ ...stream, source }] });
  await vi.waitFor(async () => expect((await node.stream('cam')).hls.segments).toBeGreaterThan(3), { timeout: 30_000 });
  return node;
}

it('shows small pictures of the window to the mouse and to the keyboard, and seeks', async () => {
  const node = await startLive();
  const { page, complaints, close } = await openPage(browser, { viewport });
  await page.goto(`${node.url}/watch/cam`);
  const strip = page.locator('[data-strip-range]');
  await strip.waitFor({ state: 'visible', timeout: 20_000 });
  const image = page.locator('[data-strip-image]');
  const words = () => page.locator('[data-strip-words]').textContent();
  const seen = new Set<string>();
  await vi.waitFor(
    async () => {
      for (const share of [0.5, 0.75, 0.95]) {
        const box = (await strip.boundingBox())!;
        await page.mouse.move(box.x + box.width * share, box.y + box.height / 2);
        expect(await image.isVisible()).toBe(true);
        const sheet = String(await page.evaluate(`(${styleOf})('[data-strip-image]')`));
        // Nothing before the first sheet is there.
        if (sheet.includes('storyboard-')) seen.add(sheet);
      }
      expect(seen.size).toBeGreaterThan(2);
    },
    { timeout: 120_000, interval: 500 },
  );
  expect([...seen][0]).toContain('/live/cam/storyboard-');
  expect(await words()).toMatch(/^(live|\d+ s ago)$/);
  await page.waitForTimeout(500);
  await page.screenshot({ path: join(screenshots, 'storyboard.png') });
  await page.mouse.move(5, 5);
  expect(await page.locator('[data-strip-picture]').isVisible()).toBe(false);

  await strip.focus();
  const before = Number(await page.evaluate('document.querySelector("video").currentTime'));
  for (let press = 0; press < 40; press += 1) await page.keyboard.press('ArrowLeft');
  expect(await page.locator('[data-strip-picture]').isVisible()).toBe(true);
  expect(await strip.getAttribute('aria-valuetext')).toMatch(/ s ago$/);
  expect(Number(await page.evaluate('document.querySelector("video").currentTime'))).toBeLessThan(before + 30);
  expect(complaints).toEqual([]);
  await close();
}, 240_000);

it('fills the place of a picture that is slow to come with its likeness', async () => {
  const node = await startLive();
  const { placeholder, dominantColour } = (await node.stream('cam')).thumbnail;
  expect(placeholder).toMatch(/^[A-Za-z0-9+/]{20,40}=*$/);
  expect(dominantColour).toMatch(/^#[0-9a-f]{6}$/);
  const { page, complaints, close } = await openPage(browser, { viewport });
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route('**/thumbnail.jpg', async (route) => {
    await released;
    await route.continue();
  });
  await page.goto(node.url, { waitUntil: 'domcontentloaded' });
  const background = () => page.evaluate(`(${styleOf})('[data-picture]')`);
  await expect.poll(background, { timeout: 10_000 }).toMatch(/^url\("data:image\/png;base64,/);
  await page.screenshot({ path: join(screenshots, 'placeholder.png') });
  release();
  await expect.poll(background, { timeout: 15_000 }).toBe('');
  expect(complaints).toEqual([]);
  await close();
}, 60_000);
