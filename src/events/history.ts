import type { StreamStats } from './feed-schema.js';

const STEP_SECONDS = 10;
const SECONDS = 3600;
const POINTS = SECONDS / STEP_SECONDS;
const MOST_STREAMS = 2000;

export const historySeries = [
  'fps',
  'speed',
  'bitrate',
  'keyframeIntervalSeconds',
  'driftSeconds',
  'thumbnailAgeSeconds',
  'rejected',
  'uploadLagSeconds',
  'backlogBytes',
  'viewers',
  'restarts',
] as const;

export type HistorySeries = (typeof historySeries)[number];

/** The last hour of one stream: a list of times, and a list of the same length for each series. Null: not known then. */
interface StreamHistory {
  readonly stepSeconds: number;
  /** The beginnings of the steps, oldest first: seconds since the epoch. Steps without stats are left out. */
  readonly at: readonly number[];
  readonly series: Readonly<Record<HistorySeries, readonly (number | null)[]>>;
}

const readers: Readonly<Record<HistorySeries, (stats: StreamStats) => number | null>> = {
  fps: ({ fps }) => fps,
  speed: ({ speed }) => speed,
  bitrate: ({ bitrate }) => bitrate,
  keyframeIntervalSeconds: ({ keyframeIntervalSeconds }) => keyframeIntervalSeconds,
  driftSeconds: ({ driftSeconds }) => driftSeconds,
  thumbnailAgeSeconds: ({ thumbnail }) => thumbnail.ageSeconds,
  rejected: ({ thumbnail }) => thumbnail.rejected,
  uploadLagSeconds: ({ upload }) => upload.lagSeconds,
  backlogBytes: ({ upload }) => upload.backlogBytes,
  viewers: ({ viewers }) => viewers,
  restarts: ({ restarts }) => restarts,
};

interface Ring {
  /** Steps of steady time, oldest first in the order of writing; 0: never written. */
  readonly steps: Float64Array;
  /** `POINTS` values a series; NaN: not known. */
  readonly values: Float32Array;
  /** Where the newest step is; the others stand in the places before it, around the end. */
  place: number;
}

/** The last hour of every stream, in steps of ten seconds: 19 KB a stream. Pure: time is a parameter. */
export class Histories {
  readonly #rings = new Map<string, Ring>();

  /** The last stats of a step stand for it. `now`: steady time in milliseconds. */
  add(streams: readonly StreamStats[], now: number): void {
    const step = Math.floor(now / 1000 / STEP_SECONDS);
    for (const stats of streams) write(this.#ringOf(stats.stream), stats, step);
  }

  /** Empty for a stream of which nothing is known. `now`: steady time; `date`: the same in milliseconds since the epoch. */
  read(stream: string, now: number, date: number = now): StreamHistory {
    const ring = this.#rings.get(stream);
    const oldest = Math.floor(now / 1000 / STEP_SECONDS) - POINTS;
    const places = ring === undefined ? [] : placesOf(ring).filter((place) => (ring.steps[place] ?? 0) > oldest);
    const column = (index: number) =>
      places.map((place) => {
        const value = ring?.values[index * POINTS + place] ?? Number.NaN;
        // Seven digits are what a float of four bytes has.
        return Number.isNaN(value) ? null : Number(value.toPrecision(7));
      });
    const series = Object.fromEntries(historySeries.map((name, index) => [name, column(index)])) as Record<
      HistorySeries,
      (number | null)[]
    >;
    return {
      stepSeconds: STEP_SECONDS,
      at: places.map((place) => (ring?.steps[place] ?? 0) * STEP_SECONDS + Math.round((date - now) / 1000)),
      series,
    };
  }

  /** The stream is gone: another of its name begins with nothing. */
  forget(stream: string): void {
    this.#rings.delete(stream);
  }

  #ringOf(stream: string): Ring {
    const known = this.#rings.get(stream);
    if (known !== undefined) return known;
    const [first] = this.#rings.keys();
    if (first !== undefined && this.#rings.size >= MOST_STREAMS) this.#rings.delete(first);
    const values = new Float32Array(POINTS * historySeries.length).fill(Number.NaN);
    const ring = { steps: new Float64Array(POINTS), values, place: 0 };
    this.#rings.set(stream, ring);
    return ring;
  }
}

function write(ring: Ring, stats: StreamStats, step: number): void {
  // A clock that was set back goes on in the newest step.
  if (step > (ring.steps[ring.place] ?? 0)) {
    ring.place = (ring.place + 1) % POINTS;
    ring.steps[ring.place] = step;
  }
  historySeries.forEach((name, index) => {
    ring.values[index * POINTS + ring.place] = readers[name](stats) ?? Number.NaN;
  });
}

function placesOf({ place }: Ring): number[] {
  return Array.from({ length: POINTS }, (_, index) => (place + 1 + index) % POINTS);
}
