import { setTimeout as delay } from 'node:timers/promises';

/** Thumbnails by a process each, made one after the other until it is closed. */
export interface ProcessThumbnails {
  /** Of the last process that made one; undefined before. */
  readonly newest: Buffer | undefined;
  readonly made: number;
  /** Processes that made none: the newest stays as it is. */
  readonly failed: number;
  /** Settles when the last process has ended. */
  close(): Promise<void>;
}

/** Makes a thumbnail of each of the segments that `segments` gives; it is not asked for another while one is made. */
export function startProcessThumbnails(
  segments: (signal: AbortSignal) => AsyncIterable<string>,
  make: (segment: string) => Promise<Buffer>,
): ProcessThumbnails {
  const ending = new AbortController();
  let newest: Buffer | undefined;
  let made = 0;
  let failed = 0;
  const making = (async () => {
    for await (const segment of segments(ending.signal)) {
      try {
        newest = await make(segment);
        made += 1;
      } catch {
        failed += 1;
      }
    }
  })();
  // Told by `close`.
  making.catch(() => {});
  return {
    get newest() {
      return newest;
    },
    get made() {
      return made;
    },
    get failed() {
      return failed;
    },
    async close() {
      ending.abort();
      await making;
    },
  };
}

/** How often the playlist is asked for, so by how much later than at once a process begins at most. */
const LOOK_EVERY_MS = 20;

/** The address of every `step`-th segment that a media playlist lists, as soon as it does. */
export async function* listedSegments(playlist: string, step: number, signal: AbortSignal): AsyncGenerator<string> {
  let newest: string | undefined;
  let count = 0;
  for (; !signal.aborted; await pause(LOOK_EVERY_MS, signal)) {
    const segment = await newestOf(playlist);
    if (segment === undefined || segment === newest) continue;
    newest = segment;
    if (count % step === 0) yield segment;
    count += 1;
  }
}

/**
 * The address of the newest listed segment, every `intervalSeconds`. A timer knows nothing of segments, and is on average half of one
 * late: this one ticks that much behind the first listing.
 */
export async function* timedSegments(
  playlist: string,
  timer: { readonly intervalSeconds: number; readonly segmentSeconds: number },
  signal: AbortSignal,
): AsyncGenerator<string> {
  for await (const _first of listedSegments(playlist, 1, signal)) break;
  const startedAt = performance.now() + (timer.segmentSeconds / 2) * 1000;
  for (let tick = 0; ; tick += 1) {
    await pause(startedAt + tick * timer.intervalSeconds * 1000 - performance.now(), signal);
    if (signal.aborted) return;
    const segment = await newestOf(playlist);
    if (segment !== undefined) yield segment;
  }
}

/** Undefined while there is no playlist, or none with a segment. */
async function newestOf(playlist: string): Promise<string | undefined> {
  const answer = await fetch(playlist, { signal: AbortSignal.timeout(10_000) });
  const text = await answer.text();
  return answer.ok ? newestListed(text, playlist) : undefined;
}

/** The address of the last segment of a media playlist; undefined when it has none. Pure. */
export function newestListed(text: string, address: string): string | undefined {
  const uri = text
    .split('\n')
    .map((line) => line.trim())
    .findLast((line) => line !== '' && !line.startsWith('#'));
  return uri === undefined ? undefined : new URL(uri, address).href;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(Math.max(0, ms), undefined, { signal }).catch(() => {});
}
