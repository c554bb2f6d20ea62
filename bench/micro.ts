import sharp from 'sharp';
import { Bench } from 'tinybench';
import { readCapabilities } from '../src/ffmpeg/capabilities.js';
import { findFfmpeg } from '../src/ffmpeg/locate.js';
import { FrameGate } from '../src/frames/gate.js';
import { NutSplitter } from '../src/frames/nut-demuxer.js';
import { configureSharp } from '../src/images/configure-sharp.js';
import { encode } from '../src/images/encode.js';
import { makeClip } from './support/clip.js';
import { runMeasured } from './support/ffmpeg-cost.js';
import { type Answer, atMost, type QuestionOptions } from './support/question.js';
import { median } from './support/statistics.js';

const width = 1280;
const height = 720;
const pictures = 10;
/** As much as a pipe gives at once. */
const PIECE_BYTES = 65_536;

/** What do the single steps of a picture's way cost, each beside the least that could be done in its place? */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  configureSharp();
  const nut = await pictureOutput();
  const pieces = Array.from({ length: Math.ceil(nut.length / PIECE_BYTES) }, (_, index) =>
    nut.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES),
  );
  const target = new Uint8Array(width * height * 3);
  const data = await firstPicture(pieces);
  const gate = new FrameGate();
  const raw = { raw: { width, height, channels: 3 } } as const;
  const time = quick
    ? { time: 80, iterations: 8, warmupTime: 20, warmupIterations: 2 }
    : { time: 3000, warmupTime: 500 };
  const round = () =>
    new Bench(time)
      .add('splitter', () => split(pieces, () => target))
      .add('copy', () => {
        let at = 0;
        for (const piece of pieces) {
          target.set(piece.subarray(0, Math.min(piece.length, target.length - at)), at);
          at = at + piece.length < target.length ? at + piece.length : 0;
        }
      })
      .add('gate', () => void gate.judge({ data, width, height, capturedAt: Date.now() }))
      .add('sharp', () => sharp(data, raw).greyscale().resize(64, 36, { kernel: 'nearest' }).raw().toBuffer())
      .add('jpg', () => encode(() => sharp(data, raw), 'jpg', 80))
      .add('plain', () => sharp(data, raw).jpeg({ quality: 80 }).toBuffer());
  const rounds: Bench[] = [];
  // Short rounds, not one as long as all of them: what disturbs the machine for a moment disturbs one ratio of several.
  for (let index = 0; index < (quick ? 5 : 1); index += 1) {
    const bench = round();
    await bench.run();
    rounds.push(bench);
  }
  const each = (name: string) =>
    rounds.map((bench) => {
      const result = bench.getTask(name)?.result;
      if (result?.state !== 'completed') throw new Error(`${name} was not measured`);
      return result.latency.p50;
    });
  const ms = (name: string) => median(each(name));
  const ratio = (one: string, other: string) => {
    const others = each(other);
    return median(each(one).map((value, round) => value / others[round]!));
  };
  const row = (name: string, task: string, count = 1) =>
    ({ name, value: (ms(task) / count) * 1000, unit: 'µs', better: 'less' }) as const;
  return {
    question: `Single steps of a ${width}×${height} picture's way, median of each`,
    rows: [
      row('splitter: one picture out of 64-KB pieces', 'splitter', pictures),
      row('one copy of as many bytes', 'copy', pictures),
      row('gate: grey picture, statistics, decision', 'gate'),
      row('a grey picture of that size by sharp', 'sharp'),
      row('JPEG as the node encodes it', 'jpg'),
      row("JPEG by sharp's defaults", 'plain'),
    ],
    ratios: [
      atMost('splitter ÷ one copy', ratio('splitter', 'copy'), 1.5),
      atMost('gate ÷ a grey picture by sharp', ratio('gate', 'sharp'), 1),
      atMost("JPEG ÷ sharp's defaults", ratio('jpg', 'plain'), 1.1),
    ],
  };
}

function split(pieces: readonly Uint8Array[], acquire: () => Uint8Array): number {
  let count = 0;
  const splitter = new NutSplitter({
    frames: { acquire },
    onPicture: () => {
      count += 1;
    },
  });
  for (const piece of pieces) splitter.push(piece);
  if (count !== pictures) throw new Error(`${count} pictures of ${pictures}`);
  return count;
}

async function firstPicture(pieces: readonly Uint8Array[]): Promise<Uint8Array> {
  const buffers = Array.from({ length: pictures }, () => new Uint8Array(width * height * 3));
  let next = 0;
  split(pieces, () => buffers[next++]!);
  return buffers[0]!;
}

/** What the side pipe gives for some pictures. */
async function pictureOutput(): Promise<Buffer> {
  const { path } = await readCapabilities(await findFfmpeg(undefined));
  const clip = await makeClip({ seconds: 20 });
  const given: Buffer[] = [];
  const filter = `fps=1,scale=${width}:${height}:flags=area,format=rgb24`;
  const output = ['-c:v', 'rawvideo', '-f', 'nut', '-write_index', '0', '-frames:v', String(pictures), 'pipe:1'];
  await runMeasured([path], ['-hide_banner', '-nostdin', '-i', clip, '-an', '-vf', filter, ...output], {
    onPiece: (piece) => {
      given.push(piece);
    },
  });
  return Buffer.concat(given);
}
