import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { launchBrowser, openPage } from '../support/browser.js';
import { LiveFixture, makeMedia, serveWith, type TestMedia } from './browser-fixture.js';

let browser: Browser;
let media: TestMedia;
const closing: (() => unknown)[] = [];
beforeAll(async () => {
  [browser, media] = await Promise.all([launchBrowser(), makeMedia(30)]);
}, 60_000);
afterAll(() => browser.close());
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A page of another site with a frame, by what oEmbed says. */
async function otherSite(html: () => string): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html', 'cross-origin-embedder-policy': 'require-corp' });
    response.end(`<!doctype html><title>Other</title>${html()}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function open(embedOrigins?: readonly string[]) {
  const live = new LiveFixture('door', media);
  live.start();
  const server = await serveWith(embedOrigins === undefined ? {} : { embedOrigins }, live.stream);
  const watched = await openPage(browser);
  closing.push(
    () => live.close(),
    () => server.close(),
    () => watched.close(),
  );
  return { live, server, ...watched };
}

it('plays in a frame of another site, found by the link that the watch page has for it', async () => {
  const { page, server, live, complaints } = await open();
  live.stream.thumbnailFacts = { width: 640, height: 360 };
  await page.goto(`${server.url}/watch/door`);
  const discovered = await page.getAttribute('link[type="application/json+oembed"]', 'href');
  const described = (await (await fetch(discovered ?? '')).json()) as { html: string; thumbnail_url: string };
  expect((await fetch(described.thumbnail_url)).headers.get('content-type')).toBe('image/jpeg');
  const site = await otherSite(() => described.html);
  await page.goto(site);
  const frame = page.frameLocator('iframe');
  const playing = () => frame.locator('video').getAttribute('data-playing');
  await expect.poll(playing, { timeout: 20_000 }).toBe('true');
  expect(await frame.locator('media-control-bar media-play-button').isVisible()).toBe(true);
  expect(await frame.locator('.embed-name').getAttribute('href')).toBe('../watch/door');
  expect(complaints).toEqual([]);
}, 60_000);

it('waits for the viewer where it is told not to play by itself', async () => {
  const { page, server, complaints } = await open();
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(`${server.url}/embed/door?autoplay=0`);
  const play = page.locator('media-play-button.big-play');
  await play.waitFor({ state: 'visible', timeout: 10_000 });
  expect(asked.filter((path) => path.endsWith('.ts') || path.endsWith('.m3u8'))).toEqual([]);
  await play.click();
  await expect.poll(() => page.getAttribute('video', 'data-playing'), { timeout: 20_000 }).toBe('true');
  expect(await play.isVisible()).toBe(false);
  expect(complaints).toEqual([]);
}, 60_000);

it.each(['watch', 'embed'])('is refused to a site that may not: /%s', async (path) => {
  const { page, server } = await open(['https://example.org']);
  const site = await otherSite(() => `<iframe src="${server.url}/${path}/door"></iframe>`);
  await page.goto(site);
  await page.waitForLoadState('networkidle');
  const frame = page.frames().find((each) => each !== page.mainFrame());
  expect(
    await frame
      ?.locator('video')
      .count()
      .catch(() => 0),
  ).toBe(0);
});
