import { setTimeout as delay } from 'node:timers/promises';
import { readClockPicture } from '../../test/support/clock-picture.js';
import { quantile } from './statistics.js';

/** What is known of the frames that a publisher sends. Times in milliseconds, of any one clock. */
export interface SentFrames {
  /** When each was sent, or will be. */
  readonly sentAtMs: readonly number[];
  /** Their numbers go from 0 to one less than this, again and again. */
  readonly numbers: number;
}

/**
 * When the frame of this number was sent that was seen at that time: the last such one before. So a frame seen when a
 * whole round of numbers has passed is taken for a younger one. Throws where none had been sent by then. Pure.
 */
export function sentAt({ sentAtMs, numbers }: SentFrames, number: number, seenAtMs: number): number {
  const at = sentAtMs.findLast((at, index) => at <= seenAtMs && index % numbers === number);
  if (at === undefined) throw new Error(`frame ${number} was seen before it was sent`);
  return at;
}

/** Gives the age in milliseconds of pictures that are read one after the other; the same one again is a copy that has aged. */
export function createAgeReader(frames: SentFrames): (picture: Uint8Array, seenAtMs: number) => Promise<number> {
  let known: { readonly picture: Uint8Array; readonly at: number } | undefined;
  return async (picture, seenAtMs) => {
    if (known === undefined || Buffer.compare(known.picture, picture) !== 0)
      known = { picture, at: sentAt(frames, await readClockPicture(picture), seenAtMs) };
    return seenAtMs - known.at;
  };
}

/** In seconds. */
export interface AgeSummary {
  readonly median: number;
  readonly p95: number;
  readonly oldest: number;
}

/** Of ages in milliseconds that were read at a fixed pace. Throws on none. Pure. */
export function summarizeAges(agesMs: readonly number[]): AgeSummary {
  const seconds = (share: number) => quantile(agesMs, share) / 1000;
  return { median: seconds(0.5), p95: seconds(0.95), oldest: seconds(1) };
}

/** One way to a stream's newest picture. */
export interface Way {
  readonly name: string;
  /** Looks at the newest picture; undefined while there is none. */
  ageMs(): Promise<number | undefined>;
}

/** Looks at all ways side by side, at a fixed pace. Throws when one has no picture. */
export async function watchAges(
  ways: readonly Way[],
  { lookEveryMs, seconds }: { readonly lookEveryMs: number; readonly seconds: number },
): Promise<Map<Way, number[]>> {
  const ages = new Map(ways.map((way) => [way, [] as number[]]));
  const look = async (way: Way) => {
    const age = await way.ageMs();
    if (age === undefined) throw new Error(`${way.name}: no picture`);
    ages.get(way)!.push(age);
  };
  const startedAt = performance.now();
  for (let lookAt = 0; lookAt < seconds * 1000; lookAt += lookEveryMs) {
    await delay(Math.max(0, startedAt + lookAt - performance.now()));
    await Promise.all(ways.map(look));
  }
  return ages;
}
