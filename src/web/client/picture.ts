import { fetchTimed, repeat } from './fetching.js';
import type { ServerClock } from './server-clock.js';
import { forgetStill, showStill } from './still.js';
import { pictureInWords } from './words.js';

const soonestMs = 1000;
const latestMs = 10_000;

/** Keeps one `<figure data-picture>` at the newest thumbnail, and its age up to date, until it leaves the page. */
export function followPicture(figure: HTMLElement, clock: ServerClock): void {
  const { pictureUrl = '' } = figure.dataset;
  let etag: string | null = null;

  const refresh = async (): Promise<number | undefined> => {
    if (!figure.isConnected) {
      forgetStill(figure);
      return undefined;
    }
    try {
      const response = await fetchTimed(pictureUrl, clock, etag === null ? {} : { headers: { 'If-None-Match': etag } });
      if (response.status === 200) {
        await showStill(figure, await response.blob());
        etag = response.headers.get('etag');
      } else if (response.status !== 304) {
        throw new Error(`status ${response.status}`);
      }
      // Only now: the age must match the thumbnail on screen.
      figure.dataset['capturedAt'] = response.headers.get('sidepipe-captured-at') ?? '';
      figure.dataset['imageState'] = response.headers.get('sidepipe-image-state') ?? 'offline';
      showAge(figure, clock);
      return untilNext(response, figure, clock);
    } catch {
      // The age keeps counting, so an old thumbnail is never passed off as a new one.
      return latestMs / 2;
    }
  };

  repeat(refresh);
  const ticking = setInterval(() => {
    if (figure.isConnected) showAge(figure, clock);
    else clearInterval(ticking);
  }, 250);
}

function showAge(figure: HTMLElement, clock: ServerClock): void {
  const age = ageSeconds(figure, clock);
  const label = figure.querySelector<HTMLElement>('[data-age]');
  const text = pictureInWords(figure.dataset['imageState'] ?? 'offline', age);
  if (label !== null && label.textContent !== text) label.textContent = text;
  const time = figure.dataset['capturedAt'] ?? '';
  if (label !== null && label.title !== time) label.title = time;
}

function ageSeconds(figure: HTMLElement, clock: ServerClock): number | undefined {
  const capturedAt = Date.parse(figure.dataset['capturedAt'] ?? '');
  return Number.isNaN(capturedAt) ? undefined : Math.max(0, (clock.at(Date.now()) - capturedAt) / 1000);
}

/** Delay until the next thumbnail is due: `max-age` is at most the thumbnail interval. */
function untilNext(response: Response, figure: HTMLElement, clock: ServerClock): number {
  const maxAge = Number(/max-age=(\d+)/.exec(response.headers.get('cache-control') ?? '')?.[1] ?? Number.NaN);
  const dueMs = (maxAge - (ageSeconds(figure, clock) ?? 0)) * 1000 + 200;
  return Number.isNaN(dueMs) ? 2 * soonestMs : Math.min(Math.max(dueMs, soonestMs), latestMs);
}
