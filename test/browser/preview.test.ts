import type { Browser, Route } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { launchBrowser, openPage } from '../support/browser.js';
import { FakeStream, pictureOf } from '../support/fake-streams.js';
import { makeMedia, serve } from './browser-fixture.js';

/** The animated picture over a card of the home page. */

const patient = { timeout: 15_000 };
let browser: Browser;
let still: Uint8Array;

beforeAll(async () => {
  const [launched, { pictures }] = await Promise.all([launchBrowser(), makeMedia(4)]);
  browser = launched;
  still = pictures[0] as Uint8Array;
});
afterAll(() => browser.close());

/** The home page with one stream, whose previews can be held back. */
async function openHome() {
  const stream = new FakeStream('front-door');
  stream.state = 'live';
  stream.pictures.set('jpg', pictureOf(still));
  stream.previewPicture = pictureOf(still);
  const server = await serve(stream);
  const { page, complaints, close } = await openPage(browser);
  onTestFinished(async () => {
    await close();
    await server.close();
  });
  await page.addInitScript(`
    const { createObjectURL, revokeObjectURL } = URL;
    window.held = new Set();
    window.made = 0;
    URL.createObjectURL = (blob) => { window.made += 1; const url = createObjectURL.call(URL, blob); window.held.add(url); return url; };
    URL.revokeObjectURL = (url) => { window.held.delete(url); revokeObjectURL.call(URL, url); };
  `);
  const asked: Route[] = [];
  await page.route('**/preview.*', (route) =>
    route.request().method() === 'GET' ? void asked.push(route) : route.continue(),
  );
  await page.goto(server.url);
  const leave = () => page.mouse.move(0, 0);
  const previews = () => page.locator('img.preview').count();
  const blobs = () => page.evaluate('window.held.size');
  const made = () => page.evaluate<number>('window.made');
  await expect.poll(blobs, patient).toBe(1);
  return { page, complaints, asked, leave, previews, blobs, made };
}

it('is shown while the card has the pointer, and let go behind it', async () => {
  const { page, complaints, asked, leave, previews, blobs } = await openHome();
  await page.hover('[data-stream="front-door"] a');
  await expect.poll(() => asked.length, patient).toBe(1);
  await asked[0]?.continue();
  await expect.poll(previews, patient).toBe(1);
  await leave();
  await expect.poll(previews, patient).toBe(0);
  expect(await blobs()).toBe(1);
  expect(complaints).toEqual([]);
}, 60_000);

it('comes too late for a pointer that is gone, even where another visit has begun', async () => {
  const { page, complaints, asked, leave, previews, blobs, made } = await openHome();
  for (const visit of [1, 2]) {
    await leave();
    await page.hover('[data-stream="front-door"] a');
    await expect.poll(() => asked.length, patient).toBe(visit);
  }
  const before = await made();
  await asked[0]?.continue();
  await expect.poll(made, patient).toBe(before + 1);
  await expect.poll(blobs, patient).toBe(1);
  expect(await previews()).toBe(0);
  await asked[1]?.continue();
  await expect.poll(previews, patient).toBe(1);
  await leave();
  await expect.poll(blobs, patient).toBe(1);
  expect(complaints).toEqual([]);
}, 60_000);
