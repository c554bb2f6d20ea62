import type { Browser, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createNode, type SidepipeNode } from '../../src/node/node.js';
import { launchBrowser, openPage } from '../support/browser.js';

/** The page of the operators where answers come late, many at once, or to an address that nobody meant. */

const token = 'the-token-of-this-test';
const patient = { timeout: 30_000 };
let browser: Browser;
let node: SidepipeNode;
let url: string;

beforeAll(async () => {
  node = createNode(
    { http: { host: '127.0.0.1', port: 0 }, rtmp: { host: '127.0.0.1', port: 0 }, admin: { token } },
    { log: { write: () => {} } },
  );
  await node.start();
  url = `http://127.0.0.1:${node.address?.port}`;
  await Promise.all(['east', 'west'].map(create));
  browser = await launchBrowser();
}, 60_000);
afterAll(async () => {
  await browser?.close();
  await node?.close();
}, 30_000);

/** A stream that waits for its publisher. */
async function create(name: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ name, source: 'push' });
  const response = await fetch(`${url}/api/v1/streams`, { method: 'POST', headers, body });
  expect(response.status).toBe(201);
}

async function signIn() {
  const opened = await openPage(browser);
  const { page } = opened;
  await page.goto(`${url}/status`);
  await page.fill('#token', token);
  await page.click('button[type=submit]');
  await live(page);
  return opened;
}

const live = (page: Page) => expect.poll(() => page.textContent('[data-link-words]'), patient).toBe('Live');

it('works whatever its address says', async () => {
  const { page, complaints, close } = await signIn();
  await page.goto(`${url}/status#100%`);
  await page.reload();
  await live(page);
  await page.click('[data-stream="east"] .row-link');
  await expect.poll(() => page.getAttribute('[data-stream="east"] .row-link', 'aria-expanded')).toBe('true');
  expect(complaints).toEqual([]);
  await close();
}, 60_000);

it('keeps what is typed for one stream when the answer for another comes', async () => {
  const { page, complaints, close } = await signIn();
  const held: Route[] = [];
  await page.route('**/api/v1/streams/east', (route) =>
    route.request().method() === 'PATCH' ? void held.push(route) : route.continue(),
  );
  const edit = async (name: string, segmentSeconds: string) => {
    await page.click(`[data-stream="${name}"] .row-link`);
    await page.click('.detail [data-do="edit"]:enabled');
    await expect.poll(() => page.textContent('[data-dialog="stream"] [data-title]'), patient).toBe(`Change ${name}`);
    await page.fill('[name="hls.segmentSeconds"]', segmentSeconds);
  };
  await edit('east', '3');
  await page.click('[data-dialog="stream"] [data-submit]');
  await expect.poll(() => held.length, patient).toBe(1);
  await page.keyboard.press('Escape');
  await edit('west', '7');
  await held[0]?.continue();
  await expect.poll(() => page.textContent('[data-said]'), patient).toBe('east updated.');
  expect(await page.isVisible('[data-dialog="stream"]')).toBe(true);
  expect(await page.inputValue('[name="hls.segmentSeconds"]')).toBe('7');
  await page.click('[data-dialog="stream"] [data-submit]');
  await expect.poll(() => page.textContent('[data-said]'), patient).toBe('west updated.');
  expect(complaints).toEqual([]);
  await close();
}, 60_000);

it('reads the page one at a time, however many streams come', async () => {
  const { page, complaints, close } = await signIn();
  let [underWay, most, all] = [0, 0, 0];
  await page.route('**/status', async (route) => {
    underWay += 1;
    all += 1;
    most = Math.max(most, underWay);
    const response = await route.fetch();
    underWay -= 1;
    await route.fulfill({ response });
  });
  await Promise.all(Array.from({ length: 20 }, (_, index) => create(`many-${index}`)));
  await expect.poll(() => page.locator('[data-stream^="many-"]').count(), patient).toBe(20);
  // What is still read ends before the page does.
  await page.unrouteAll({ behavior: 'wait' });
  expect(most).toBe(1);
  expect(all).toBeLessThan(20);
  expect(complaints).toEqual([]);
  await close();
}, 60_000);
