import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../test/support/wait.js';
import { ALLOCATOR_SETTINGS, assignments } from './support/allocator.js';
import { makeClip } from './support/clip.js';
import { type NodeProcess, startNodeProcess } from './support/node-process.js';
import { type Answer, atMost, type QuestionOptions } from './support/question.js';
import { median } from './support/statistics.js';

/** Windows have to fill first. */
export const isSlow = true;

const MEGABYTE = 1e6;
const thumbnail = { intervalSeconds: 2, width: 1280, height: 720 };
const FRAME_BYTES = thumbnail.width * thumbnail.height * 3;
/** V8's young generation grows to 48 MB under any load. */
const TUNING = { NODE_OPTIONS: '--max-semi-space-size=2', ...ALLOCATOR_SETTINGS };
const FEW = 1;
const MANY = 8;

interface Usage {
  readonly residentBytes: number;
  /** The segments that the node holds for all its streams. */
  readonly windowBytes: number;
  /** V8's heap, used or not. Its young generation grows to tens of megabytes as soon as there is work, and then no more. */
  readonly heapBytes: number;
  /** Buffers: windows, frames, what is on its way in or out. */
  readonly bufferBytes: number;
}

/** What does a copied stream cost the node in memory? */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  const clip = await makeClip({ seconds: 20 });
  // Two nodes at once: they see the same machine.
  const usage = (tuning: Readonly<Record<string, string>>) =>
    Promise.all([FEW, MANY].map((count) => usageOf(clip, count, quick, tuning)));
  const [few, many] = await usage({});
  const tuned = quick ? undefined : await usage(TUNING);
  const eachOf = (part: keyof Usage) => slope(few!, many!, part);
  const perStream = eachOf('residentBytes');
  const window = eachOf('windowBytes');
  const aim = window + 3 * FRAME_BYTES + 3 * MEGABYTE;
  const row = (name: string, bytes: number) => ({ name, value: bytes / MEGABYTE, unit: 'MB' });
  return {
    question: `Resident memory of the node process with ${FEW} and ${MANY} copied 1080p streams at 4.5 Mbit/s, 1280×720 thumbnails every 2 s${
      quick ? '' : `; tuned: ${assignments(TUNING)}`
    }`,
    rows: [
      row(`node with ${FEW} stream`, few!.residentBytes),
      row(`node with ${MANY} streams`, many!.residentBytes),
      row('per further stream', perStream),
      row('of which V8 heap, used or not', eachOf('heapBytes')),
      row('of which buffers', eachOf('bufferBytes')),
      row('segments in its window', window),
      row('three frames', 3 * FRAME_BYTES),
      row('aim: window, three frames, 3 MB', aim),
      ...(tuned === undefined
        ? []
        : [
            row(`tuned: node with ${FEW} stream`, tuned[0]!.residentBytes),
            row(`tuned: node with ${MANY} streams`, tuned[1]!.residentBytes),
            row('tuned: per further stream', slope(tuned[0]!, tuned[1]!, 'residentBytes')),
          ]),
    ],
    ratios: [
      atMost('per stream ÷ aim', perStream / aim, 1),
      ...(tuned === undefined
        ? []
        : [atMost('tuned: per stream ÷ aim', slope(tuned[0]!, tuned[1]!, 'residentBytes') / aim, 1)]),
    ],
  };
}

function slope(few: Usage, many: Usage, part: keyof Usage): number {
  return (many[part] - few[part]) / (MANY - FEW);
}

/** Medians over the time after the windows have filled and the node has settled. */
async function usageOf(
  clip: string,
  count: number,
  quick: boolean,
  environment: Readonly<Record<string, string>>,
): Promise<Usage> {
  const windowSegments = quick ? 3 : 6;
  const streams = Array.from({ length: count }, (_, index) => ({
    name: `camera-${index}`,
    source: clip,
    hls: { segmentSeconds: 2, windowSegments },
    thumbnail,
  }));
  const node = await startNodeProcess({ config: { streams }, environment });
  try {
    await until('full windows', () => isSettled(node, windowSegments), { timeoutMs: 120_000, intervalMs: 500 });
    await delay(quick ? 4000 : 60_000);
    const samples: Usage[] = [];
    for (let index = 0; index < (quick ? 8 : 40); index += 1) {
      await delay(500);
      const described = await node.streams();
      const windowBytes = described.reduce((sum, { hls }) => sum + hls.windowBytes, 0);
      samples.push({
        residentBytes: await node.residentBytes(),
        windowBytes,
        heapBytes: await node.metric('nodejs_heap_size_total_bytes'),
        bufferBytes: await node.metric('nodejs_external_memory_bytes'),
      });
    }
    const of = (part: keyof Usage) => median(samples.map((sample) => sample[part]));
    return {
      residentBytes: of('residentBytes'),
      windowBytes: of('windowBytes'),
      heapBytes: of('heapBytes'),
      bufferBytes: of('bufferBytes'),
    };
  } finally {
    await node.close();
  }
}

/** Whether segments have left every playlist and then the memory, so that no window grows any more. */
async function isSettled(node: NodeProcess, windowSegments: number): Promise<boolean> {
  // There is a picture for each segment.
  return (await node.streams()).every(({ thumbnail: { captured } }) => captured > 2 * windowSegments + 2);
}
