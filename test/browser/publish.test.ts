import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openPage } from '../support/browser.js';
import { startNode } from '../support/node.js';

/** The page that publishes, in a browser whose camera is a test picture. */

let browser: Browser;

beforeAll(async () => {
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      ...['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
      ...['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
    ],
  });
});
afterAll(() => browser.close());

it('publishes the camera of a browser, which plays as HLS', async () => {
  const node = await startNode({
    webrtc: { enabled: true, port: 0, host: '127.0.0.1', publicAddresses: ['127.0.0.1'] },
    streams: [{ name: 'stage', source: 'push', keys: ['first-key-1'], hls: { segmentSeconds: 1 } }],
  });
  const { page, complaints, close } = await openPage(browser, { permissions: ['camera', 'microphone'] });
  await page.goto(`${node.url}/publish/stage`);
  await page.getByLabel('Stream key').fill('wrong-key');
  await page.getByRole('button', { name: 'Start' }).click();
  await expect.poll(() => page.getByRole('alert').textContent()).toContain('Wrong stream key');
  // The browser logs every response with an error status.
  complaints.length = 0;
  await page.getByLabel('Stream key').fill('first-key-1');
  await page.getByRole('button', { name: 'Start' }).click();
  await expect.poll(() => page.getByRole('status').textContent(), { timeout: 30_000 }).toContain('Live');
  await vi.waitFor(
    async () => {
      const { state, hls, thumbnail } = await node.stream('stage');
      expect([state, hls.segments > 2, thumbnail.state]).toEqual(['live', true, 'fresh']);
    },
    { timeout: 60_000, interval: 100 },
  );
  expect((await node.text('/live/stage/index.m3u8')).body).toMatch(/CODECS="avc1\.[0-9A-Fa-f]{6},mp4a\.40\.2"/);
  await page.getByRole('button', { name: 'Stop' }).click();
  await vi.waitFor(
    () =>
      expect(node.log).toContainEqual(expect.objectContaining({ msg: 'publisher disconnected', reason: 'deleted' })),
    {
      timeout: 30_000,
    },
  );
  expect(complaints).toEqual([]);
  await close();
});
