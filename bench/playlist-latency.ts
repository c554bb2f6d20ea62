import { setTimeout as delay } from 'node:timers/promises';
import { type ReadySegment, SegmentAssembler } from '../src/hls/assembler.js';
import { createNode } from '../src/node.js';
import { HlsOutput } from '../src/stream/hls-output.js';
import { until } from '../test/support/wait.js';
import { makeClip } from './support/clip.js';
import { type Answer, atMost, type QuestionOptions, type Row } from './support/question.js';
import { quantile } from './support/statistics.js';

/** A 95th percentile takes many segments. */
export const isSlow = true;

const SEGMENT_SECONDS = 2;

/** How long after its last byte is a segment listed? */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  const clip = await makeClip({ seconds: 20 });
  const streams = quick ? 4 : 10;
  const rounds = quick ? 2 : 30;
  const spread = await listingDelays({ clip, streams, rounds, inStep: false });
  const inStep = quick ? undefined : await listingDelays({ clip, streams, rounds, inStep: true });
  return {
    question: `Time from a segment’s last byte to the playlist that lists it, ${streams} copied 1080p streams with thumbnails`,
    rows: [
      ...rowsOf('segments close evenly spread', spread),
      ...(inStep === undefined ? [] : rowsOf('all close in the same moment', inStep)),
    ],
    ratios: [
      atMost('evenly spread, p95: part of 20 ms', quantile(spread.later, 0.95) / 20, 1),
      ...(inStep === undefined
        ? []
        : [atMost('in the same moment, p95: part of 20 ms', quantile(inStep.later, 0.95) / 20, 1)]),
    ],
  };
}

function rowsOf(name: string, { first, later }: Delays): Row[] {
  return [
    { name: `${name}: segments`, value: later.length, unit: '' },
    { name: `${name}: median`, value: quantile(later, 0.5), unit: 'ms' },
    { name: `${name}: p95`, value: quantile(later, 0.95), unit: 'ms' },
    { name: `${name}: largest`, value: quantile(later, 1), unit: 'ms' },
    {
      name: `${name}: largest of the streams’ first segments, not counted above`,
      value: quantile(first, 1),
      unit: 'ms',
    },
  ];
}

interface Options {
  readonly clip: string;
  readonly streams: number;
  /** How many segments of each stream to wait for, after its first. */
  readonly rounds: number;
  /** True: all ffmpeg processes close a segment, and decode the next keyframe, in the same moment. */
  readonly inStep: boolean;
}

/** Milliseconds for each segment. */
interface Delays {
  /** Of the streams' first segments, which come before the compiler has seen the code. */
  readonly first: number[];
  readonly later: number[];
}

/** Real nodes in this process, one a stream. A segment waits for the playlist in which ffmpeg says how long it is. */
async function listingDelays({ clip, streams, rounds, inStep }: Options): Promise<Delays> {
  const completedAt = new WeakMap<object, number>();
  const delays: Delays = { first: [], later: [] };
  const stopWatching = [
    watchObjects((body) => completedAt.set(body, performance.now())),
    watchListings((output, { body, file, sequence }) => {
      // The newest segment's name in the rendered playlist: it is really listed.
      const listed = output.playlist(output.renditions[0]!)?.body.trimEnd().endsWith(`-${file}`);
      const completed = completedAt.get(body);
      if (!listed || completed === undefined) throw new Error(`${file} is not listed`);
      delays[sequence === 0 ? 'first' : 'later'].push(performance.now() - completed);
    }),
  ];
  const thumbnail = { intervalSeconds: 2, width: 640, height: 360 };
  const nodes = Array.from({ length: streams }, () =>
    createNode(
      { log: { level: 'silent' }, streams: [{ name: 'camera', source: clip, thumbnail }] },
      { listen: false, closeDeadlineMs: 0 },
    ),
  );
  try {
    for (const node of nodes) {
      await node.start();
      if (!inStep) await delay((SEGMENT_SECONDS * 1000) / streams);
    }
    await until('the segments', () => delays.later.length >= streams * rounds, { timeoutMs: 300_000, intervalMs: 100 });
    return delays;
  } finally {
    for (const node of nodes) await node.close();
    for (const stop of stopWatching) stop();
  }
}

/** Lets `note` see every object that ffmpeg completes, until the returned function is called. */
function watchObjects(note: (body: Uint8Array) => void): () => void {
  const original = SegmentAssembler.prototype.object;
  SegmentAssembler.prototype.object = function (file, body, completedAtMs) {
    note(body);
    return original.call(this, file, body, completedAtMs);
  };
  return () => {
    SegmentAssembler.prototype.object = original;
  };
}

/** Lets `note` see every segment once its stream has listed it, until the returned function is called. */
function watchListings(note: (output: HlsOutput, segment: ReadySegment) => void): () => void {
  const original = HlsOutput.prototype.add;
  HlsOutput.prototype.add = function (rendition, segment, clock) {
    original.call(this, rendition, segment, clock);
    note(this, segment);
  };
  return () => {
    HlsOutput.prototype.add = original;
  };
}
