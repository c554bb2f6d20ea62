import { setTimeout as delay } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { until } from '../../test/support/wait.js';

/** A frame that a player showed. */
interface ShownFrame {
  /** Which of the clip's frames it is. */
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly shownAtMs: number;
}

/** How a page's video played. */
export interface WatchedPlayer {
  readonly frames: readonly ShownFrame[];
  /** How often playback ran out of media. */
  readonly stalls: number;
  /** The longest time without a new frame; milliseconds. */
  readonly longestGapMs: number;
  /** How often the player jumped. */
  readonly seeks: number;
}

export interface WatchOptions {
  readonly url: string;
  readonly settleSeconds: number;
  readonly seconds: number;
}

const LOOK_EVERY_MS = 70;

/** Opens a page with a `<video>` and watches what it shows, with the number in the middle of each picture. Throws when it does not play. */
export async function watchPlayer(
  browser: Browser,
  { url, settleSeconds, seconds }: WatchOptions,
): Promise<WatchedPlayer> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 } });
  try {
    const page = await context.newPage();
    await page.goto(url);
    const plays = () => page.evaluate<boolean>('document.querySelector("video")?.readyState >= 3');
    await until(`${url} to play`, plays);
    await delay(settleSeconds * 1000);
    await page.evaluate(watching(LOOK_EVERY_MS));
    await delay(seconds * 1000);
    return await page.evaluate<WatchedPlayer>('window.watchedPlayer');
  } finally {
    await context.close();
  }
}

/** In the page: 16 columns, the leftmost is the lowest bit, as `clockPicture` draws them. */
function watching(lookEveryMs: number): string {
  return `(() => {
    const video = document.querySelector('video');
    const canvas = new OffscreenCanvas(16 * 4, 1).getContext('2d', { willReadFrequently: true });
    canvas.imageSmoothingEnabled = false;
    const seen = (window.watchedPlayer = { frames: [], stalls: 0, longestGapMs: 0, seeks: 0 });
    video.addEventListener('waiting', () => (seen.stalls += video.seeking ? 0 : 1));
    video.addEventListener('seeking', () => (seen.seeks += 1));
    let lookedAt = 0;
    let before = performance.now();
    const look = (now, { presentationTime }) => {
      video.requestVideoFrameCallback(look);
      seen.longestGapMs = Math.max(seen.longestGapMs, now - before);
      before = now;
      if (now - lookedAt < ${lookEveryMs}) return;
      lookedAt = now;
      canvas.drawImage(video, 0, video.videoHeight / 2 - 2, video.videoWidth, 4, 0, 0, 64, 1);
      const { data } = canvas.getImageData(0, 0, 64, 1);
      let number = 0;
      for (let bit = 0; bit < 16; bit += 1) if (data[(bit * 4 + 2) * 4] >= 128) number += 2 ** bit;
      seen.frames.push({ number, shownAtMs: Date.now() - performance.now() + presentationTime });
    };
    video.requestVideoFrameCallback(look);
  })()`;
}
