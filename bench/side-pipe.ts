import { keyframeBytes, makeClip, type Picture } from './support/clip.js';
import { pinToOneCpu } from './support/cpu.js';
import { type CostOptions, type FfmpegCost, ffmpegCost } from './support/ffmpeg-cost.js';
import { type Answer, atMost, type QuestionOptions, type Ratio, type Row } from './support/question.js';
import { interleave, type Pair, type PairSummary, summarizePairs } from './support/statistics.js';

const thumbnail = { intervalSeconds: 2, width: 640, height: 360 };
const copy = { thumbnail };
const encode = { thumbnail, renditions: [{ height: 720, bitrate: 2_500_000, preset: 'veryfast' }] };

/** How much CPU does the side pipe add to the ffmpeg that runs anyway? */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  const rows: Row[] = [];
  const ratios: Ratio[] = [];
  const copySeconds = quick ? 120 : 300;
  const pictures: readonly Picture[] = quick ? ['usual'] : ['usual', 'plain', 'grainy'];
  for (const picture of pictures) {
    const clip = await makeClip({ picture, seconds: copySeconds });
    rows.push({ name: `${picture} picture: average keyframe`, value: (await keyframeBytes(clip)) / 1000, unit: 'kB' });
    const cost = summarizePairs(await costs({ clip, stream: copy, realTime: false }, quick ? 2 : 7));
    rows.push(...copyRows(`copy, ${picture} picture, as fast as it goes`, cost, copySeconds));
    const percent = (cost.difference / copySeconds) * 100;
    const name = `copy, ${picture} picture: % of a core more`;
    // What it is judged by; the other pictures show how far it depends on them.
    ratios.push(picture === 'usual' ? atMost(name, percent, 0.6) : { name, value: percent });
  }
  // A quick run has too few pictures of real time for it to say anything.
  if (!quick) {
    rows.push(...(await inRealTime({ seconds: 120, settleSeconds: 20, count: 3 })));
    const settled = rows.at(-1)!;
    ratios.push(atMost('copy, usual picture, in real time once it runs: % of a core more', settled.value, 0.6));
  }

  const encodeSeconds = quick ? 2 : 10;
  const through = await pinToOneCpu();
  const source = await makeClip({ seconds: encodeSeconds });
  const encoding = summarizePairs(
    await costs({ clip: source, stream: encode, realTime: false, through }, quick ? 2 : 7),
  );
  rows.push(
    perSecond('encode without the side pipe', encoding.base, encodeSeconds),
    perSecond('encode with it', encoding.other, encodeSeconds),
    perSecond('encode: half the distance of the quartiles', encoding.spread, encodeSeconds),
  );
  const encodePercent = (encoding.difference / encoding.base) * 100;
  const encodeName = 'encode: % of its CPU more';
  // Two short encodes differ by more than the aim.
  ratios.push(quick ? { name: encodeName, value: encodePercent } : atMost(encodeName, encodePercent, 3));
  return {
    question: `CPU of the node's ffmpeg command with and without the side pipe: 1080p30 at 4.5 Mbit/s, a keyframe and a 640×360 picture every 2 s; encode is libx264 veryfast to 720p, on one processor`,
    rows,
    ratios,
  };
}

type Compared = Omit<CostOptions, 'frames'>;

async function costs(options: Compared, count: number): Promise<Pair[]> {
  const [without, withFrames] = [measure(options, false), measure(options, true)];
  return interleave(count, without, withFrames);
}

interface Live {
  readonly seconds: number;
  readonly settleSeconds: number;
  readonly count: number;
}

/**
 * All pairs at the same time: in real time they wait most of the time, and so see the same machine. What the start costs once
 * stands by itself: how far it weighs is a matter of how long the clip happens to be.
 */
async function inRealTime({ seconds, settleSeconds, count }: Live): Promise<Row[]> {
  const options = { clip: await makeClip({ seconds }), stream: copy, realTime: true, settleSeconds };
  const one = async (): Promise<{ start: Pair; settled: Pair }> => {
    const [without, withFrames] = await Promise.all([measured(options, false), measured(options, true)]);
    const settledOf = (cost: FfmpegCost) => cost.cpuSeconds - cost.settlingCpuSeconds;
    return {
      start: { base: without.settlingCpuSeconds, other: withFrames.settlingCpuSeconds },
      settled: { base: settledOf(without), other: settledOf(withFrames) },
    };
  };
  const pairs = await Promise.all(Array.from({ length: count }, one));
  const settled = summarizePairs(pairs.map((pair) => pair.settled));
  const settledSeconds = seconds - settleSeconds;
  const name = 'copy, usual picture, in real time';
  const { difference } = summarizePairs(pairs.map((pair) => pair.start));
  return [
    // Of the pictures in these seconds it is what any others cost; the rest belongs to the start.
    {
      name: `${name}: more for its start, once`,
      value: (difference - (settled.difference / settledSeconds) * settleSeconds) * 1000,
      unit: 'ms CPU',
    },
    ...copyRows(name, settled, settledSeconds),
    perSecond(`${name}: the difference`, settled.difference, settledSeconds),
  ];
}

function measure(options: Compared, frames: boolean): () => Promise<number> {
  return async () => (await measured(options, frames)).cpuSeconds;
}

async function measured(options: Compared, frames: boolean): Promise<FfmpegCost> {
  const cost = await ffmpegCost({ ...options, frames });
  // A side pipe that gives nothing would cost nothing.
  if (cost.segments === 0 || cost.pictures > 0 !== frames)
    throw new Error(`${cost.segments} segments, ${cost.pictures} pictures`);
  return cost;
}

function copyRows(name: string, { base, other, spread }: PairSummary, seconds: number): Row[] {
  return [
    perSecond(`${name}: without the side pipe`, base, seconds),
    perSecond(`${name}: with it`, other, seconds),
    perSecond(`${name}: half the distance of the quartiles`, spread, seconds),
  ];
}

function perSecond(name: string, cpuSeconds: number, seconds: number): Row {
  return { name, value: (cpuSeconds / seconds) * 100, unit: '% of a core' };
}
