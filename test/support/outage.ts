import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { listedFiles } from './bucket.js';
import { createPlaylistChecker } from './playlist-check.js';
import type { S3Server } from './s3/server.js';
import { until } from './wait.js';

export interface OutageOptions {
  /** Of the node, a process of its own that publishes the stream `cam`. */
  readonly url: string;
  readonly pid: number;
  /** Its store: the bucket `live`, no prefix. */
  readonly server: S3Server;
  /** What it does without an outage, for so long after it has settled. */
  readonly beforeSeconds: number;
  readonly settleSeconds: number;
  readonly outageSeconds: number;
  /** Which requests fail. Default: all. */
  readonly method?: 'PUT';
}

export interface OutageFacts {
  /** What of the node is in memory: the most in the time before, and from the beginning of the outage until all was well again. */
  readonly residentBefore: number;
  readonly residentOutage: number;
  /**
   * Bytes outside the JavaScript heap, by the node's own count, less those of the window that it serves: the most before,
   * and in the last third of the outage. Garbage counts until it is collected.
   */
  readonly externalBefore: number;
  readonly externalOutage: number;
  /** The most that its API called waiting. */
  readonly backlogBytes: number;
  /** Of segments that were begun and ended while the store was away. */
  readonly producedBytes: number;
  /** Of those, what reached the store afterwards. */
  readonly keptBytes: number;
  readonly largestSegmentBytes: number;
  /** Segments that a playlist on the store called a gap. */
  readonly gaps: number;
  /** Segments that were kept, and those of them that are older than one that was not: they were being sent. */
  readonly kept: number;
  readonly keptOutOfTurn: number;
  /** From the return of the store until its playlist listed what was the newest then. */
  readonly recoverySeconds: number;
  readonly remotePolls: number;
  readonly remoteProblems: readonly string[];
  readonly localPolls: number;
  readonly localProblems: readonly string[];
}

const playlistKey = 'cam/source/index.m3u8';
const patience = { timeoutMs: 60_000, intervalMs: 100 };

/** Takes a node's store away for a while, and looks at the node, its playlists and its memory all the time. */
export async function measureOutage(options: OutageOptions): Promise<OutageFacts> {
  const { url, pid, server, beforeSeconds, settleSeconds, outageSeconds, method } = options;
  const remoteText = () => server.objects('live').get(playlistKey)?.body.toString();
  await until('a playlist on the store', () => remoteText() !== undefined, patience);
  const remote = watchBucket(server);
  const local = watchNode(url);
  await delay(settleSeconds * 1000);
  const before = sampleMemory(pid);
  const usual = sampleExternal(url);
  await delay(beforeSeconds * 1000);
  const residentBefore = await before.stop();
  const externalBefore = await usual.stop();

  const during = sampleMemory(pid);
  local.mark();
  server.faults.add({ fault: { kind: 'reset', when: 'before-commit' }, ...(method && { method }) });
  await delay((outageSeconds * 1000 * 2) / 3);
  const full = sampleExternal(url);
  await delay((outageSeconds * 1000) / 3);
  const externalOutage = await full.stop();
  const segments = local.marked();
  const newest = [...segments.keys()].at(-1)!;
  server.faults.clear();
  const backAt = performance.now();
  await until('the newest of the outage on the store', () => remoteText()?.includes(newest), patience);
  const recoverySeconds = (performance.now() - backAt) / 1000;
  const polls = remote.facts.polls;
  await until('some more polls', () => remote.facts.polls > polls + 50, patience);
  const residentOutage = await during.stop();
  const [localFacts, remoteFacts] = [await local.stop(), await remote.stop()];

  const sizes = [...segments.values()];
  const kept = [...segments].filter(([file]) => remoteFacts.listed.has(file));
  const files = [...segments.keys()];
  const lost = files.filter((file) => !remoteFacts.listed.has(file));
  const afterLost = files.slice(files.lastIndexOf(lost.at(-1) ?? '') + 1);
  return {
    residentBefore,
    residentOutage,
    externalBefore,
    externalOutage,
    backlogBytes: localFacts.backlogBytes,
    producedBytes: sum(sizes),
    keptBytes: sum(kept.map(([, bytes]) => bytes)),
    largestSegmentBytes: Math.max(...sizes),
    gaps: lost.length,
    kept: kept.length,
    keptOutOfTurn: kept.length - afterLost.length,
    recoverySeconds,
    remotePolls: remoteFacts.polls,
    remoteProblems: remoteFacts.problems,
    localPolls: localFacts.polls,
    localProblems: localFacts.problems,
  };
}

/** The bucket as a player finds it, also while nobody may write: each playlist that is there, and all that it lists. */
function watchBucket(server: S3Server) {
  const checker = createPlaylistChecker();
  const facts = { polls: 0, problems: [] as string[], listed: new Set<string>() };
  let stopped = false;
  const watching = (async () => {
    while (!stopped) {
      await delay(50);
      const objects = server.objects('live');
      const text = objects.get(playlistKey)?.body.toString();
      if (text === undefined) continue;
      facts.polls += 1;
      try {
        checker.check(text);
      } catch (error) {
        facts.problems.push(`${String(error)}\n${text}`);
      }
      for (const file of listedFiles(text).files) {
        facts.listed.add(file);
        if (!objects.get(`cam/source/${file}`)?.body.length) facts.problems.push(`${file} is listed and not there`);
      }
    }
  })();
  return {
    facts,
    async stop() {
      stopped = true;
      await watching;
      return facts;
    },
  };
}

/** What the node itself serves: its playlist, the newest segment whole, a thumbnail that is fresh. */
function watchNode(url: string) {
  const checker = createPlaylistChecker();
  const facts = { polls: 0, problems: [] as string[], backlogBytes: 0 };
  const segments = new Map<string, number>();
  let marked = new Set<string>();
  let stopped = false;
  const ask = (path: string) => fetch(`${url}${path}`, { signal: AbortSignal.timeout(10_000) });
  const poll = async (): Promise<void> => {
    const { entries } = checker.check(await (await ask('/live/cam/source/index.m3u8')).text());
    for (const { uri } of entries) {
      if (segments.has(uri)) continue;
      const answer = await ask(`/live/cam/source/${uri}`);
      const { byteLength } = await answer.arrayBuffer();
      if (answer.status !== 200) facts.problems.push(`${uri} answers ${answer.status}`);
      segments.set(uri, byteLength);
    }
    const thumbnail = await ask('/live/cam/thumbnail.jpg');
    await thumbnail.arrayBuffer();
    const state = thumbnail.headers.get('sidepipe-image-state');
    if (state !== 'fresh') facts.problems.push(`the thumbnail is ${state}`);
    const { storage } = (await (await ask('/api/v1/streams/cam')).json()) as { storage: { backlogBytes: number } };
    facts.backlogBytes = Math.max(facts.backlogBytes, storage.backlogBytes);
    facts.polls += 1;
  };
  const watching = (async () => {
    while (!stopped) {
      await poll().catch((error) => facts.problems.push(String(error)));
      await delay(100);
    }
  })();
  return {
    mark: () => {
      marked = new Set(segments.keys());
    },
    /** The segments that have come since, with their bytes; the oldest first. */
    marked: () => new Map([...segments].filter(([uri]) => !marked.has(uri))),
    async stop() {
      stopped = true;
      await watching;
      return facts;
    },
  };
}

/** The most memory that a process has while it is watched. Linux only. */
function sampleMemory(pid: number) {
  let [most, stopped] = [0, false];
  const sampling = (async () => {
    while (!stopped) {
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      most = Math.max(most, Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024);
      await delay(100);
    }
  })();
  return {
    async stop() {
      stopped = true;
      await sampling;
      return most;
    },
  };
}

/** The most that a node has outside the JavaScript heap and does not serve itself. */
function sampleExternal(url: string) {
  let [most, stopped] = [0, false];
  const look = async (): Promise<void> => {
    const [metrics, stream] = await Promise.all([fetch(`${url}/metrics`), fetch(`${url}/api/v1/streams/cam`)]);
    const { hls } = (await stream.json()) as { hls: { windowBytes: number } };
    const external = Number(/^nodejs_external_memory_bytes (.+)$/m.exec(await metrics.text())?.[1]);
    most = Math.max(most, external - hls.windowBytes);
  };
  const sampling = (async () => {
    do {
      await look();
      await delay(100);
    } while (!stopped);
  })();
  return {
    async stop() {
      stopped = true;
      await sampling;
      return most;
    },
  };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
