import { readFile } from 'node:fs/promises';
import { readCapabilities } from '../src/ffmpeg/capabilities.js';
import { findFfmpeg } from '../src/ffmpeg/locate.js';
import { until } from '../test/support/wait.js';
import { makeClip } from './support/clip.js';
import { type Camera, startCamera } from './support/compared-camera.js';
import { freePort } from './support/free-port.js';
import { rtmpUnits } from './support/live-source.js';
import { startNodeProcess } from './support/node-process.js';
import { summarizeAges, type Way, watchAges } from './support/picture-age.js';
import { type Answer, atMost, type QuestionOptions, type Ratio, type Row } from './support/question.js';

const SEGMENT_SECONDS = 2;
/** No part of a segment's length: it would be the same moments of each segment that are looked at. */
const LOOK_EVERY_MS = 97;
const size = { width: 640, height: 360 };
/** How often Owncast makes its thumbnail. */
const TIMER_SECONDS = 20;
const lengths = {
  quick: { intervals: [2], clipSeconds: 20, settleSeconds: 0, watchSeconds: 6, goneSeconds: 0 },
  // After four keyframes it is settled how a stream's pictures are decoded.
  whole: { intervals: [2, 5, TIMER_SECONDS], clipSeconds: 160, settleSeconds: 20, watchSeconds: 100, goneSeconds: 20 },
} as const;

/** How old is the picture that a viewer gets, off the side pipe and by a process a thumbnail on the newest segment? */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  const { intervals, clipSeconds, settleSeconds, watchSeconds, goneSeconds } = lengths[quick ? 'quick' : 'whole'];
  const clip = await makeClip({ picture: 'numbered', seconds: clipSeconds, container: 'flv' });
  const framesMs = rtmpUnits(await readFile(clip), 0)
    .units.filter(({ data }) => data.type === 9)
    .map(({ atMs }) => atMs);
  const { path } = await readCapabilities(await findFfmpeg(undefined));
  const port = await freePort();
  const node = await startNodeProcess({
    config: { rtmp: { host: '127.0.0.1', port }, streams: intervals.map(streamOf) },
  });
  const cameras: Camera[] = [];
  try {
    for (const intervalSeconds of intervals)
      cameras.push(
        await startCamera({
          ...{ ffmpeg: path, clip, framesMs, intervalSeconds, ...size, segmentSeconds: SEGMENT_SECONDS },
          ...{ nodeUrl: node.url, stream: nameOf(intervalSeconds), port, key: keyOf(intervalSeconds) },
          hasTimer: intervalSeconds === TIMER_SECONDS,
        }),
      );
    const ways = cameras.flatMap((camera) => camera.ways);
    const seen = async () => (await Promise.all(ways.map((way) => way.ageMs()))).every((age) => age !== undefined);
    await until('a picture each way', seen, { timeoutMs: 30_000, intervalMs: LOOK_EVERY_MS });
    const watch = (watched: readonly Way[], seconds: number) =>
      watchAges(watched, { lookEveryMs: LOOK_EVERY_MS, seconds });
    await watch(ways, settleSeconds);
    const ages = await watch(ways, watchSeconds);
    const found = cameras.map((camera) => compare(camera, ages));
    const gone = goneSeconds === 0 ? [] : await withoutSegments(cameras[0]!, goneSeconds, watch);
    // Or what was waited for was never sent.
    if (cameras.some((camera) => camera.isOver)) throw new Error('the clip was over before the end');
    return {
      question: `Age of the frame that a viewer sees, by the number in the picture: a ${size.width}×${size.height} JPEG of a copied 1080p30 stream, published in real time, a keyframe and a segment every ${SEGMENT_SECONDS} s, off the side pipe and by one ffmpeg process a thumbnail on the newest listed segment, looked at every ${LOOK_EVERY_MS} ms for ${watchSeconds} s`,
      rows: [...found.flatMap(({ rows }) => rows), ...gone],
      ratios: found.flatMap(({ ratios }) => ratios),
    };
  } finally {
    for (const camera of cameras) await camera.close();
    await node.close();
  }
}

const nameOf = (intervalSeconds: number) => `every-${intervalSeconds}-s`;
const keyOf = (intervalSeconds: number) => `a-key-of-camera-${intervalSeconds}`;

function streamOf(intervalSeconds: number) {
  return {
    ...{ name: nameOf(intervalSeconds), source: 'push', keys: [keyOf(intervalSeconds)] },
    hls: { segmentSeconds: SEGMENT_SECONDS },
    thumbnail: { intervalSeconds, staleAfterSeconds: 60, ...size },
  };
}

type Ages = ReadonlyMap<Way, readonly number[]>;

function compare({ intervalSeconds, ways }: Camera, ages: Ages): { readonly rows: Row[]; readonly ratios: Ratio[] } {
  const every = `every ${intervalSeconds} s`;
  const [side, ...others] = ways.map((way) => ({ name: way.name, ...summarizeAges(ages.get(way)!) }));
  return {
    rows: [side!, ...others].flatMap(({ name, median, p95, oldest }) => [
      ageRow(`${every}: ${name}: median`, median),
      ageRow(`${every}: ${name}: p95`, p95),
      ageRow(`${every}: ${name}: oldest`, oldest),
    ]),
    ratios: others.flatMap(({ name, median, oldest }) => [
      atMost(`${every}: side pipe ÷ ${name}: median`, side!.median / median, 1),
      atMost(`${every}: side pipe ÷ ${name}: oldest`, side!.oldest / oldest, 1),
    ]),
  };
}

/** What is seen when each segment has been deleted before a process reads it. */
async function withoutSegments(
  { intervalSeconds, ways, processes, loseSegments }: Camera,
  seconds: number,
  watch: (ways: readonly Way[], seconds: number) => Promise<Ages>,
): Promise<Row[]> {
  const failedBefore = processes.failed;
  await loseSegments();
  const ages = await watch(ways, seconds);
  const title = `every ${intervalSeconds} s, segments gone before they are read, for ${seconds} s`;
  return [
    ...ways.map((way) => ageRow(`${title}: ${way.name}: oldest`, summarizeAges(ages.get(way)!).oldest)),
    { name: `${title}: processes that ended without a picture`, value: processes.failed - failedBefore, unit: '' },
  ];
}

function ageRow(name: string, value: number): Row {
  return { name, value, unit: 's', better: 'less' };
}
