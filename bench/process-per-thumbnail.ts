import { readCapabilities } from '../src/ffmpeg/capabilities.js';
import { findFfmpeg } from '../src/ffmpeg/locate.js';
import { configureSharp } from '../src/images/configure-sharp.js';
import { encodePicture } from '../src/images/encode.js';
import { makeClip } from './support/clip.js';
import { endedChildrenCpuSeconds, ownCpuSeconds } from './support/cpu.js';
import { ffmpegCost, runMeasured } from './support/ffmpeg-cost.js';
import { liveCost } from './support/live-cost.js';
import { type Answer, atMost, type QuestionOptions, type Row } from './support/question.js';
import { interleave, median, summarizePairs } from './support/statistics.js';
import { thumbnailByProcess } from './support/thumbnail-process.js';

const size = { width: 640, height: 360 };
const streamOf = (intervalSeconds: number) => ({ thumbnail: { intervalSeconds, staleAfterSeconds: 60, ...size } });
/** The comparison's usual interval, and the longest one, which is how often Owncast makes its thumbnail. */
const intervals = { usual: 2, long: 20 } as const;

const keyframesOnly = ['-skip_frame', 'nokey', '-skip_loop_filter', 'all'];

/** What does a thumbnail cost off the side pipe, and what by a process of its own on the newest segment? */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  configureSharp();
  const { path } = await readCapabilities(await findFfmpeg(undefined));
  const seconds = quick ? 60 : 120;
  const clip = await makeClip({ seconds });
  // The newest segment of such a stream: two seconds that begin with a keyframe.
  const segment = await makeClip({ seconds: 2, container: 'ts' });
  const side = summarizePairs(
    await interleave(
      quick ? 3 : 9,
      () => cpuOf(clip, false, intervals.usual),
      () => cpuOf(clip, true, intervals.usual),
    ),
  );
  const { pictures } = await ffmpegCost({ clip, stream: streamOf(intervals.usual), frames: true, realTime: false });
  const decodeMs = (side.difference / pictures) * 1000;
  const encodeMs = await encodeCpuMs(path, segment, quick ? 30 : 200);
  const sideMs = decodeMs + encodeMs;
  // In real time, of which a quick run has too little for a thumbnail every 20 s.
  const rare = quick ? undefined : await rareCosts(202, encodeMs);
  const batch = quick ? 6 : 20;
  const spawned = await interleave(
    quick ? 3 : 7,
    () => batchMs(batch, () => thumbnailByProcess({ path, segment, ...size })),
    () => batchMs(batch, () => thumbnailByProcess({ path, segment, ...size, input: keyframesOnly })),
  );
  const plainMs = median(spawned.map(({ base }) => base));
  const tunedMs = median(spawned.map(({ other }) => other));
  return {
    question:
      'CPU of one 640×360 JPEG every 2 s of a copied 1080p30 stream: off the side pipe, and by one ffmpeg process a thumbnail on the newest segment',
    rows: [
      { name: 'side pipe: decode, scale, hand over', value: decodeMs, unit: 'ms CPU' },
      { name: 'side pipe: JPEG, in sharp', value: encodeMs, unit: 'ms CPU' },
      { name: 'side pipe: together', value: sideMs, unit: 'ms CPU' },
      ...(rare === undefined ? [] : rare.rows),
      { name: 'process a thumbnail, as Owncast starts it', value: plainMs, unit: 'ms CPU' },
      { name: 'process a thumbnail, decoding keyframes only', value: tunedMs, unit: 'ms CPU' },
    ],
    ratios: [
      atMost('side pipe ÷ process a thumbnail', sideMs / plainMs, 0.25),
      ...(rare === undefined ? [] : [atMost('every 20 s: side pipe ÷ process a thumbnail', rare.sideMs / plainMs, 2)]),
      atMost('side pipe ÷ process decoding keyframes only', sideMs / tunedMs, 1),
    ],
  };
}

/** CPU milliseconds of a thumbnail every 20 s, in real time: what waiting for a source costs shows only there. */
async function rareCosts(seconds: number, encodeMs: number) {
  const clip = await makeClip({ seconds, container: 'ts' });
  const cost = (frames: boolean) => liveCost({ clip, intervalSeconds: intervals.long, width: size.width, frames });
  const [none, keyframes] = await Promise.all([cost(false), cost(true)]);
  const decodeMs = ((keyframes.cpuSeconds - none.cpuSeconds) / seconds) * intervals.long * 1000;
  const sideMs = decodeMs + encodeMs;
  const row: Row = { name: 'side pipe: together, at a thumbnail every 20 s', value: sideMs, unit: 'ms CPU' };
  return { sideMs, rows: [row] };
}

/** ffmpeg's CPU seconds and those that this process spends on taking in what it gives. */
async function cpuOf(clip: string, frames: boolean, intervalSeconds: number): Promise<number> {
  const before = ownCpuSeconds();
  const { cpuSeconds } = await ffmpegCost({ clip, stream: streamOf(intervalSeconds), frames, realTime: false });
  return cpuSeconds + ownCpuSeconds() - before;
}

/** CPU milliseconds of one of `count` calls, with all that their processes cost from start to end, here and there. */
async function batchMs(count: number, call: () => Promise<unknown>): Promise<number> {
  const total = async () => ownCpuSeconds() + (await endedChildrenCpuSeconds());
  const before = await total();
  for (let index = 0; index < count; index += 1) await call();
  return (((await total()) - before) / count) * 1000;
}

/** CPU milliseconds of one JPEG, all threads of this process counted. */
async function encodeCpuMs(path: string, segment: string, count: number): Promise<number> {
  const pieces: Buffer[] = [];
  await runMeasured(
    [path],
    [
      ...['-hide_banner', '-nostdin', '-i', segment, '-vf', `scale=${size.width}:${size.height}:flags=area`],
      ...['-pix_fmt', 'rgb24', '-f', 'rawvideo', '-vframes', '1', 'pipe:1'],
    ],
    { onPiece: (piece) => void pieces.push(piece) },
  );
  const picture = { data: Buffer.concat(pieces), ...size, capturedAt: 0, sequence: 0 };
  const encodeOnce = async () => void (await encodePicture(picture, { format: 'jpg', quality: 80 }));
  for (let index = 0; index < 5; index += 1) await encodeOnce();
  return batchMs(count, encodeOnce);
}
