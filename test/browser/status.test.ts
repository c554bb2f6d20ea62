import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNode, type SidepipeNode } from '../../src/node/node.js';
import { launchBrowser, openPage } from '../support/browser.js';
import { runFfmpeg } from '../support/clip.js';

/** The page of the operators on a real node: signed in, live, and everything that can be done there. */

const screenshots = fileURLToPath(new URL('../../screenshots/', import.meta.url));
const token = 'the-token-of-this-test';
const patient = { timeout: 30_000 };
let browser: Browser;
let node: SidepipeNode;
let url: string;
let folder: string;
let axe: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sidepipe-status-'));
  await mkdir(screenshots, { recursive: true });
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  const dark = join(folder, 'dark.ts');
  const both = "testsrc2=size=640x360:rate=10,drawbox=color=black:t=fill:enable='gte(t,4)'";
  await runFfmpeg([
    '-f',
    'lavfi',
    '-t',
    '8',
    '-i',
    both,
    '-pix_fmt',
    'yuv420p',
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-g',
    '10',
    '-y',
    dark,
  ]);
  node = createNode(
    {
      http: { host: '127.0.0.1', port: 0 },
      rtmp: { host: '127.0.0.1', port: 0 },
      admin: { token },
      streams: [
        { name: 'front-door', source: 'test', thumbnail: { intervalSeconds: 1 } },
        { name: 'cellar', source: dark, thumbnail: { intervalSeconds: 1 } },
        { name: 'attic', source: 'http://127.0.0.1:9/none' },
      ],
    },
    { restart: { minDelayMs: 200, maxDelayMs: 2000 }, log: { write: () => {} } },
  );
  await node.start();
  url = `http://127.0.0.1:${node.address?.port}`;
  browser = await launchBrowser();
}, 90_000);
afterAll(async () => {
  await browser?.close();
  await node?.close();
  await rm(folder, { recursive: true, force: true });
}, 30_000);

/** The status page of one who has signed in by the form. */
async function signIn(options: BrowserContextOptions = {}, hash = '') {
  const opened = await openPage(browser, options);
  const { page } = opened;
  await page.goto(`${url}/status`);
  expect(new URL(page.url()).pathname).toBe('/login');
  await page.fill('#token', token);
  await page.click('button[type=submit]');
  await expect.poll(() => new URL(page.url()).pathname, patient).toBe('/status');
  if (hash !== '') await page.goto(`${url}/status${hash}`);
  await expect.poll(() => page.textContent('[data-link-words]'), patient).toBe('Live');
  return opened;
}

const number = (page: Page, stream: string, name: string) =>
  page.textContent(`[data-stream="${stream}"] [data-number="${name}"]`);
const fact = (page: Page, name: string) => page.textContent(`.detail [data-fact="${name}"]`);
const action = (page: Page, what: string) => page.click(`.detail [data-do="${what}"]`);
const dialog = (page: Page, name: string) => page.locator(`[data-dialog="${name}"]`);
const settings = async (name: string) => {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${url}/api/v1/streams/${name}/settings`, { headers });
  return ((await response.json()) as { settings: { thumbnail: { intervalSeconds: number }; audio: string } }).settings;
};

it('shows live numbers, pictures, rejected frames, restarts and the hour, by events and never by asking again and again', async () => {
  const { page, complaints, close } = await signIn();
  const weights = new Map<string, number>();
  page.on('response', async (response) => {
    if (response.request().resourceType() !== 'script') return;
    weights.set(response.url(), gzipSync(await response.body(), { level: 9 }).byteLength);
  });
  await page.reload();
  await expect.poll(() => number(page, 'front-door', 'bitrate'), patient).toMatch(/bit\/s$/);
  await page.click('[data-stream="front-door"] .row-link');
  expect(new URL(page.url()).hash).toBe('#front-door');
  await expect.poll(() => page.locator('.chart canvas').count(), patient).toBe(9);
  await expect.poll(() => fact(page, 'speed'), patient).toMatch(/^[01]\.\d\d × real time$/);
  const taken = Number((await fact(page, 'captured'))?.replaceAll(',', ''));
  await expect
    .poll(async () => Number((await fact(page, 'captured'))?.replaceAll(',', '')), patient)
    .toBeGreaterThan(taken);
  const picture = () => page.getAttribute('[data-stream="front-door"] img.still', 'src');
  await expect.poll(picture, patient).toMatch(/^blob:/);
  await expect
    .poll(() => page.getAttribute('.chart-canvas', 'aria-label'), patient)
    .toMatch(/^Frame rate in the last hour: now \d+\.\d, from \d/);
  // Configured streams are changed in the configuration.
  await expect.poll(() => page.isDisabled('.detail [data-do="delete"]'), patient).toBe(true);

  const asked: string[] = [];
  page.on('request', (request) => {
    if (!/thumbnail|^blob:/.test(request.url())) asked.push(request.url());
  });
  const before = await picture();
  await expect.poll(picture, patient).not.toBe(before);
  expect(asked).toEqual([]);

  await page.click('[data-stream="cellar"] .row-link');
  await expect.poll(() => page.locator('.rejected img').count(), patient).toBeGreaterThan(0);
  await expect.poll(() => page.textContent('.rejected .verdict'), patient).toMatch(/black|flat|frozen/);
  const sizes = 'document.querySelector(".rejected img").naturalWidth';
  await expect.poll(() => page.evaluate(sizes), patient).toBe(320);
  await page.click('[data-stream="attic"] .row-link');
  await expect.poll(() => page.locator('.restarts > li').count(), patient).toBeGreaterThan(0);
  await expect.poll(() => page.locator('.detail').count()).toBe(1);
  await page.goBack();
  await expect.poll(() => page.getAttribute('[data-stream="cellar"] .row-link', 'aria-expanded')).toBe('true');

  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  expect(total).toBeGreaterThan(10_000);
  expect(total).toBeLessThan(250_000);
  expect(complaints).toEqual([]);
  await close();
}, 120_000);

it('makes, changes, restarts and deletes a stream; what is wrong is said at its field, and nothing typed is lost', async () => {
  const { page, complaints, close } = await signIn();
  await page.click('[data-do="create"]');
  await page.fill('#field-name', 'Not A Name');
  await page.check('input[value=test]');
  await page.fill('#field-thumbnail-intervalSeconds', 'soon');
  await page.click('[data-dialog="stream"] [data-submit]');
  await expect.poll(() => page.textContent('#error-name'), patient).not.toBe('');
  expect(await page.textContent('#error-thumbnail-intervalSeconds')).toMatch(/number/);
  expect(await page.getAttribute('#field-name', 'aria-invalid')).toBe('true');
  expect(await page.evaluate('document.activeElement.id')).toBe('field-name');
  // Closed and opened again it has what was typed.
  await page.keyboard.press('Escape');
  await page.click('[data-do="create"]');
  expect(await page.inputValue('#field-thumbnail-intervalSeconds')).toBe('soon');
  await page.fill('#field-name', 'front-door');
  await page.fill('#field-thumbnail-intervalSeconds', '2');
  await page.click('[data-dialog="stream"] [data-submit]');
  await expect.poll(() => page.textContent('#error-name'), patient).toMatch(/front-door/);
  await page.fill('#field-name', 'garden');
  await page.click('[data-more] summary');
  await page.fill('#field-more', '{"preview": {"frames": "many"}}');
  await page.click('[data-dialog="stream"] [data-submit]');
  await expect.poll(() => page.textContent('#error-more'), patient).toMatch(/preview\.frames: /);
  await page.fill('#field-more', '');
  await page.click('[data-dialog="stream"] [data-submit]');
  await expect.poll(() => page.getAttribute('[data-stream="garden"] .row-link', 'aria-expanded'), patient).toBe('true');
  await expect.poll(() => page.getAttribute('[data-stream="garden"]', 'data-state'), patient).toBe('live');

  await action(page, 'edit');
  await expect.poll(() => page.inputValue('#field-thumbnail-intervalSeconds'), patient).toBe('2');
  await page.fill('#field-thumbnail-intervalSeconds', '3');
  await page.selectOption('#field-audio', 'none');
  await page.click('[data-dialog="stream"] [data-submit]');
  await expect.poll(() => dialog(page, 'stream').isVisible(), patient).toBe(false);
  expect(await settings('garden')).toMatchObject({ audio: 'none', thumbnail: { intervalSeconds: 3 } });

  await action(page, 'restart');
  await expect.poll(() => page.textContent('[data-said]'), patient).toMatch(/^garden is restarting/);
  await action(page, 'delete');
  expect(await page.evaluate('document.activeElement.textContent')).toBe('Cancel');
  await page.keyboard.press('Enter');
  expect(await page.locator('[data-stream="garden"]').count()).toBe(1);
  await action(page, 'delete');
  await page.click('[data-dialog="delete"] [data-submit]');
  await expect.poll(() => page.locator('[data-stream="garden"]').count(), patient).toBe(0);
  expect(complaints.filter((complaint) => !/status of 4(?:00|04|09)/.test(complaint))).toEqual([]);
  await close();
}, 120_000);

it('shows a stream key once, with what OBS needs', async () => {
  const { page, complaints, close } = await signIn();
  await page.click('[data-do="create"]');
  await page.fill('#field-name', 'studio');
  await page.check('input[value=push]');
  await page.click('[data-dialog="stream"] [data-submit]');
  const key = page.locator('[data-text="key"]');
  await expect.poll(() => dialog(page, 'key').isVisible(), patient).toBe(true);
  const first = await key.inputValue();
  expect(first).toMatch(/^[\w-]{24}$/);
  expect(await page.inputValue('[data-text="key-server"]')).toMatch(/^rtmp:\/\/127\.0\.0\.1:\d+\/live$/);
  await page.click('[data-dialog="key"] [data-do="close"]');
  await expect.poll(() => key.inputValue(), patient).toBe('');
  await expect.poll(() => page.isVisible('[data-obs]'), patient).toBe(true);
  expect(await page.inputValue('[data-text="obs-server"]')).toMatch(/^rtmp:/);
  expect(await page.textContent('[data-obs]')).toMatch(/keyframe interval\s+2 s/);
  await action(page, 'rotate');
  await page.click('[data-dialog="rotate"] [data-submit]');
  await expect.poll(() => dialog(page, 'key').isVisible(), patient).toBe(true);
  const second = await key.inputValue();
  expect(second).toMatch(/^[\w-]{24}$/);
  expect(second).not.toBe(first);
  await page.click('[data-dialog="key"] [data-do="close"]');
  expect(await page.content()).not.toContain(second);
  expect(complaints).toEqual([]);
  await close();
}, 90_000);

it('tells who was signed out, and takes nothing from them any more', async () => {
  const { page, close } = await signIn();
  await page.click('[data-stream="front-door"] .row-link');
  await page.context().clearCookies();
  await action(page, 'restart');
  await expect.poll(() => page.textContent('[data-notice-words]'), patient).toMatch(/^You are signed out/);
  await close();
}, 60_000);

describe.each(['light', 'dark'] as const)('in the %s theme', (colorScheme) => {
  it('keeps nobody out and fits at every width', async () => {
    for (const width of [390, 768, 1440]) {
      const height = width < 500 ? 844 : width < 1000 ? 1024 : 900;
      const { page, complaints, close } = await signIn({ colorScheme, viewport: { width, height } }, '#cellar');
      await expect.poll(() => page.locator('.rejected img').count(), patient).toBeGreaterThan(0);
      await expect.poll(() => number(page, 'front-door', 'bitrate'), patient).toMatch(/bit\/s$/);
      await page.evaluate(axe);
      const check = async () =>
        expect(
          await page.evaluate(`
        axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
          .then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html, failureSummary }) => html.slice(0, 160) + ' ' + failureSummary).join(' | ')))
      `),
        ).toEqual([]);
      await check();
      const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
      expect(await page.evaluate(overflow)).toBe(0);
      await page.screenshot({ path: join(screenshots, `status-${colorScheme}-${width}.png`), fullPage: true });
      await page.click('[data-do="create"]');
      await check();
      await page.screenshot({ path: join(screenshots, `status-form-${colorScheme}-${width}.png`) });
      expect(complaints).toEqual([]);
      await close();
    }
  }, 180_000);
});
