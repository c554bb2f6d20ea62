import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../src/errors.js';
import { until } from '../test/support/wait.js';
import { discontinuitiesOf } from './support/discontinuities.js';
import { freePort } from './support/free-port.js';
import { type LivePublisher, startLivePublisher } from './support/live-publisher.js';
import { currentLoad } from './support/machine.js';
import { type NodeProcess, startNodeProcess } from './support/node-process.js';
import { makeNumberedClip, NUMBERED_HEIGHT, NUMBERED_WIDTH, type NumberedClip } from './support/numbered-clip.js';
import { createAgeReader, type SentFrames } from './support/picture-age.js';
import { type Answer, atMost, type QuestionOptions, type Row } from './support/question.js';
import { quantile } from './support/statistics.js';

/** Thumbnails have to age first. */
export const isSlow = true;

/** How much older than the interval a thumbnail may be, from `FROM_SECONDS` after the first frame on. */
const SLACK_SECONDS = 1;
const FROM_SECONDS = 5;
/** No part of an interval or of a GOP: it would always be the same moments that are looked at. */
const LOOK_EVERY_MS = 97;
const LIST_EVERY_MS = 500;
/** A start takes more of the machine than a stream that runs. Keyframes of several streams do not meet either. */
const START_EVERY_MS = 730;

const lengths = {
  quick: { gops: [2, 10], intervals: [2], watchSeconds: 10, clipSeconds: 20 },
  whole: { gops: [1, 2, 4, 10, 30], intervals: [1, 2, 5, 20], watchSeconds: 70, clipSeconds: 80 },
} as const;

interface Stream {
  readonly name: string;
  readonly label: string;
  readonly clip: NumberedClip;
  readonly intervalSeconds: number;
}

/** What was seen of one stream. */
interface Seen {
  readonly label: string;
  readonly intervalSeconds: number;
  /** Of each look that found a thumbnail. */
  readonly agesMs: readonly number[];
  /** Looks that found none, or one whose number cannot be read. */
  readonly missing: number;
  /** In the playlist, from its first segment to the end. */
  readonly discontinuities: number;
  /** Of ffmpeg. */
  readonly restarts: number;
  /** Why it could not be watched to the end. */
  readonly failure?: string;
}

/** How old does a thumbnail become, by the distance of keyframes, the order of frames and the interval? */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  const { gops, intervals, watchSeconds, clipSeconds } = lengths[quick ? 'quick' : 'whole'];
  const streams: Stream[] = [];
  for (const gopSeconds of gops)
    for (const bFrames of [false, true]) {
      const clip = await makeNumberedClip({ seconds: clipSeconds, gopSeconds, bFrames });
      for (const intervalSeconds of intervals)
        streams.push({
          name: `gop-${gopSeconds}${bFrames ? '-b' : ''}-every-${intervalSeconds}`,
          label: `GOP ${gopSeconds} s${bFrames ? ' with B-frames' : ''}, every ${intervalSeconds} s`,
          ...{ clip, intervalSeconds },
        });
    }
  const port = await freePort();
  const node = await startNodeProcess({
    config: {
      rtmp: { host: '127.0.0.1', port },
      // Or a busy machine makes fewer thumbnails, and that is measured.
      guard: { enabled: false },
      streams: streams.map(({ name, intervalSeconds }) => ({
        ...{ name, source: 'push', keys: [keyOf(name)] },
        thumbnail: { intervalSeconds, width: NUMBERED_WIDTH, height: NUMBERED_HEIGHT },
      })),
    },
  });
  try {
    const seen = await Promise.all(
      streams.map(async (stream, index) => {
        await delay(index * START_EVERY_MS);
        return watch(stream, { node, port, watchSeconds });
      }),
    );
    return answerOf(seen, { watchSeconds, load: currentLoad() });
  } finally {
    await node.close();
  }
}

const keyOf = (stream: string) => `a-long-key-of-${stream}`;

interface WatchOptions {
  readonly node: NodeProcess;
  /** Of the RTMP receiver. */
  readonly port: number;
  readonly watchSeconds: number;
}

/** Never rejects: one stream that fails must not cost the others. */
async function watch(stream: Stream, { node, port, watchSeconds }: WatchOptions): Promise<Seen> {
  const { name, label, clip, intervalSeconds } = stream;
  const agesMs: number[] = [];
  let missing = 0;
  const ending = new AbortController();
  const listed = watchDiscontinuities(`${node.url}/live/${name}/source/index.m3u8`, ending.signal);
  const sentAtMs = new Array<number>(clip.frames).fill(Number.POSITIVE_INFINITY);
  let publisher: LivePublisher | undefined;
  let failure: string | undefined;
  let restarts = 0;
  try {
    const started = await startLivePublisher({
      ...{ port, key: `${name}?key=${keyOf(name)}`, clip },
      onSend(message) {
        const number = clip.numberOf(message);
        if (number !== undefined) sentAtMs[number] = performance.now();
      },
    });
    publisher = started;
    const startedAt = await until('the first frame to be sent', () => started.keyframeSentAt);
    const ageMs = servedAge(`${node.url}/live/${name}/thumbnail.jpg`, { sentAtMs, numbers: clip.frames });
    const endsAt = startedAt + (FROM_SECONDS + watchSeconds) * 1000;
    for (let lookAt = startedAt + FROM_SECONDS * 1000; lookAt < endsAt; lookAt += LOOK_EVERY_MS) {
      await delay(Math.max(0, lookAt - performance.now()));
      const age = await ageMs().catch(() => undefined);
      if (age === undefined) missing += 1;
      else agesMs.push(age);
    }
    restarts = (await node.streams()).find((each) => each.name === name)!.ffmpeg.restarts;
  } catch (error) {
    failure = messageOf(error);
  } finally {
    ending.abort();
    publisher?.close();
  }
  const discontinuities = await listed;
  return {
    label,
    intervalSeconds,
    agesMs,
    missing,
    discontinuities,
    restarts,
    ...(failure === undefined ? {} : { failure }),
  };
}

/** Undefined while there is no thumbnail. It has aged until its last byte has arrived. */
function servedAge(url: string, frames: SentFrames): () => Promise<number | undefined> {
  const read = createAgeReader(frames);
  return async () => {
    const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    const image = new Uint8Array(await answer.arrayBuffer());
    const seenAt = performance.now();
    return answer.headers.get('sidepipe-image-state') === 'offline' ? undefined : read(image, seenAt);
  };
}

/** How many have been listed by the end. */
async function watchDiscontinuities(url: string, signal: AbortSignal): Promise<number> {
  let first: number | undefined;
  let last = 0;
  while (!signal.aborted) {
    const text = await fetch(url, { signal })
      .then((answer) => (answer.ok ? answer.text() : undefined))
      .catch(() => undefined);
    if (text !== undefined) {
      const { sequence, tags } = discontinuitiesOf(text);
      first ??= sequence;
      last = sequence + tags;
    }
    await delay(LIST_EVERY_MS, undefined, { signal }).catch(() => {});
  }
  return first === undefined ? 0 : last - first;
}

function answerOf(
  seen: readonly Seen[],
  { watchSeconds, load }: { readonly watchSeconds: number; readonly load: number },
): Answer {
  const found = seen.map((each) => {
    const beyond = each.agesMs.map((age) => age / 1000 - each.intervalSeconds);
    return { ...each, beyond, violations: beyond.filter((seconds) => seconds > SLACK_SECONDS).length };
  });
  type Found = (typeof found)[number];
  const row = (name: string, value: number, unit = ''): Row => ({ name, value, unit, better: 'less' });
  const counts: readonly (readonly [name: string, of: (each: Found) => number])[] = [
    [`looks at a thumbnail older than the interval and ${SLACK_SECONDS} s`, (each) => each.violations],
    ['looks without a readable thumbnail', (each) => each.missing],
    ['discontinuities', (each) => each.discontinuities],
    ['restarts of ffmpeg', (each) => each.restarts],
    ['not watched to the end', (each) => (each.failure === undefined ? 0 : 1)],
  ];
  for (const { label, failure } of found) if (failure !== undefined) process.stderr.write(`${label}: ${failure}\n`);
  const total = (of: (each: Found) => number) => found.reduce((sum, each) => sum + of(each), 0);
  const oldest = found.flatMap(({ beyond }) => (beyond.length === 0 ? [] : quantile(beyond, 1)));
  return {
    question: `Age of the thumbnail that a viewer gets, by the number in each frame: seconds beyond the interval, from ${FROM_SECONDS} s after a stream's first frame on for ${watchSeconds} s, looked at every ${LOOK_EVERY_MS} ms; ${found.length} copied ${NUMBERED_WIDTH}×${NUMBERED_HEIGHT} streams at 30 frames per second without audio, published by RTMP at the same time. Counts that are 0 are in the sums only`,
    rows: [
      ...found.flatMap((each) => [
        ...(each.beyond.length === 0
          ? []
          : [
              row(`${each.label}: oldest`, quantile(each.beyond, 1), 's'),
              row(`${each.label}: p95`, quantile(each.beyond, 0.95), 's'),
            ]),
        ...counts.flatMap(([name, of]) => (of(each) === 0 ? [] : row(`${each.label}: ${name}`, of(each)))),
      ]),
      { name: 'all: looks', value: total(({ beyond, missing }) => beyond.length + missing), unit: '' },
      { name: 'load of the machine at the end', value: load, unit: '' },
    ],
    ratios: [
      ...(oldest.length === 0
        ? []
        : [atMost('all: oldest, s beyond the interval', Math.max(...oldest), SLACK_SECONDS)]),
      ...counts.map(([name, of]) => atMost(`all: ${name}`, total(of), 0)),
    ],
  };
}
