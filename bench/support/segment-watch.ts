import { setTimeout as delay } from 'node:timers/promises';
import { createPlaylistChecker } from '../../test/support/playlist-check.js';
import { cutTransportStream } from './transport-stream.js';

/** A player that looks at what it gets: every playlist is checked, every segment fetched and counted through. */
export interface SegmentWatch {
  /** Segments that were fetched. */
  readonly segments: number;
  /** Empty: each playlist was right and followed the one before, each segment was there and whole. */
  readonly problems: readonly string[];
  stop(): Promise<void>;
}

export interface SegmentWatchOptions {
  /** Of a media playlist with MPEG-TS segments. */
  readonly url: string;
  readonly pollSeconds: number;
  readonly framesPerSecond: number;
}

export function watchSegments({ url, pollSeconds, framesPerSecond }: SegmentWatchOptions): SegmentWatch {
  const checker = createPlaylistChecker();
  const ending = new AbortController();
  const seen = new Set<string>();
  const problems: string[] = [];
  const poll = async () => {
    const { entries } = checker.check((await get(url)).toString());
    for (const { uri, durationSeconds } of entries) {
      if (seen.has(uri)) continue;
      seen.add(uri);
      const problem = problemOf(await get(new URL(uri, url).href), durationSeconds * framesPerSecond);
      if (problem !== undefined) problems.push(`${uri}: ${problem}`);
    }
  };
  const watching = (async () => {
    while (!ending.signal.aborted) {
      await poll().catch((error) => problems.push(String(error)));
      await delay(pollSeconds * 1000, undefined, { signal: ending.signal }).catch(() => {});
    }
  })();
  return {
    get segments() {
      return seen.size;
    },
    problems,
    async stop() {
      ending.abort();
      await watching;
    },
  };
}

/** Why a segment is not whole: undefined where it has whole packets, and as many pictures as its duration says. Pure. */
export function problemOf(segment: Uint8Array, pictures: number): string | undefined {
  if (segment.length % 188 !== 0) return `${segment.length} bytes are not whole packets`;
  const found = cutTransportStream(segment).length;
  return Math.abs(found - pictures) <= 1 ? undefined : `${found} pictures of ${pictures}`;
}

async function get(url: string): Promise<Buffer> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`${url}: status ${answer.status}`);
  return Buffer.from(await answer.arrayBuffer());
}
