import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchBrowser, openPage } from '../support/browser.js';
import { makeClip, temporaryFolder } from '../support/clip.js';
import { startNode } from '../support/node.js';

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

it("hls.js changes between a real node's renditions, up and down, and plays on", async () => {
  // Small, so that the machine has time left for the browser.
  const path = join(await temporaryFolder(), 'clip.mp4');
  const source = await makeClip({ path, seconds: 30, size: '320x240', keyframes: [0] });
  const small = { preset: 'ultrafast', bitrate: 200_000 } as const;
  const node = await startNode({
    streams: [
      {
        name: 'cam',
        source,
        // Long, so that a browser without a graphics card keeps up.
        hls: { segmentSeconds: 4, windowSegments: 10 },
        thumbnail: { intervalSeconds: 1, width: 160 },
        renditions: [
          { name: 'high', height: 240, ...small },
          { name: 'low', height: 120, fps: 6.25, ...small },
        ],
      },
    ],
  });
  await expect
    .poll(async () => (await node.text('/live/cam/low/index.m3u8')).body.match(/#EXTINF/g)?.length ?? 0, {
      timeout: 30_000,
    })
    .toBeGreaterThanOrEqual(3);
  const { page, complaints, close } = await openPage(browser);
  try {
    await page.goto(`${node.url}/watch/cam`);
    const height = () => page.evaluate<number>("document.querySelector('video').videoHeight");
    const position = () => page.evaluate<number>("document.querySelector('video').currentTime");
    // The player has them in an order of its own.
    const select = (pixels: number) =>
      page.evaluate(`(() => {
        const { videoRenditions: all } = document.querySelector('video');
        all.selectedIndex = [...all].findIndex((each) => each.height === ${pixels});
      })()`);
    await expect.poll(height, { timeout: 45_000 }).toBeGreaterThan(0);
    for (const expected of [120, 240, 120]) {
      await select(expected);
      await expect.poll(height, { timeout: 60_000 }).toBe(expected);
      const before = await position();
      await expect.poll(position, { timeout: 20_000 }).toBeGreaterThan(before + 1.5);
    }
    expect(complaints).toEqual([]);
  } finally {
    await close();
  }
}, 240_000);
