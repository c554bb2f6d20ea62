import { type ReadySegment, SegmentAssembler } from '../src/hls/assembler.js';
import { createNode } from '../src/node.js';
import { HlsOutput } from '../src/stream/hls-output.js';
import { until } from '../test/support/wait.js';
import { makeClip } from './support/clip.js';
import { type Answer, atMost, type QuestionOptions } from './support/question.js';
import { quantile } from './support/statistics.js';

/** How long after its last byte is a segment listed? */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  const clip = await makeClip({ seconds: 20 });
  const streams = quick ? 4 : 10;
  const wanted = streams * (quick ? 5 : 30);
  const delays = await listingDelays({ clip, streams, wanted });
  const at = (share: number) => quantile(delays, share);
  return {
    question: `Time from a segment’s last byte to the playlist that lists it, ${streams} copied 1080p streams whose segments close at the same moment`,
    rows: [
      { name: 'segments', value: delays.length, unit: '' },
      { name: 'median', value: at(0.5), unit: 'ms' },
      { name: 'p95', value: at(0.95), unit: 'ms' },
      { name: 'largest', value: at(1), unit: 'ms' },
    ],
    ratios: [atMost('p95: part of 20 ms', at(0.95) / 20, 1)],
  };
}

interface Options {
  readonly clip: string;
  readonly streams: number;
  /** How many segments to wait for. */
  readonly wanted: number;
}

/** Milliseconds for each segment of a real node. A segment waits for the playlist in which ffmpeg says how long it is. */
async function listingDelays({ clip, streams, wanted }: Options): Promise<number[]> {
  const completedAt = new WeakMap<object, number>();
  const delays: number[] = [];
  const stopWatching = [
    watchObjects((body) => completedAt.set(body, performance.now())),
    watchListings((output, { body, file }) => {
      // The newest segment's name in the rendered playlist: it is really listed.
      const listed = output.playlist(output.rendition)?.body.trimEnd().endsWith(`-${file}`);
      const completed = completedAt.get(body);
      if (!listed || completed === undefined) throw new Error(`${file} is not listed`);
      delays.push(performance.now() - completed);
    }),
  ];
  const names = Array.from({ length: streams }, (_, index) => `camera-${index}`);
  const thumbnail = { intervalSeconds: 2, width: 640, height: 360 };
  const node = createNode(
    { log: { level: 'silent' }, streams: names.map((name) => ({ name, source: clip, thumbnail })) },
    { listen: false, closeDeadlineMs: 0 },
  );
  try {
    await node.start();
    await until('the segments', () => delays.length >= wanted, { timeoutMs: 300_000, intervalMs: 100 });
    return delays.slice(0, wanted);
  } finally {
    await node.close();
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
  HlsOutput.prototype.add = function (segment, clock) {
    original.call(this, segment, clock);
    note(this, segment);
  };
  return () => {
    HlsOutput.prototype.add = original;
  };
}
