import { readCapabilities } from '../src/ffmpeg/capabilities.js';
import { findFfmpeg } from '../src/ffmpeg/locate.js';
import { configureSharp } from '../src/images/configure-sharp.js';
import { loadEffects } from '../src/load/level.js';
import { StreamImages } from '../src/stream/pictures/stream-images.js';
import { makeClip } from './support/clip.js';
import { endedChildrenCpuSeconds, ownCpuSeconds } from './support/cpu.js';
import { ffmpegCost, runMeasured, streamConfig } from './support/ffmpeg-cost.js';
import { type Answer, atMost, type QuestionOptions } from './support/question.js';
import { interleave, median, summarizePairs } from './support/statistics.js';

const size = { width: 1280, height: 720 };
const thumbnail = { intervalSeconds: 2, ...size };
const frameCount = 10;

/** What do a thumbnail and an animated preview cost off the side pipe, and what by Owncast's two commands? */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  configureSharp();
  const { path } = await readCapabilities(await findFfmpeg(undefined));
  const clip = await makeClip({ seconds: quick ? 20 : 120 });
  const segment = await makeClip({ seconds: 2, container: 'ts' });
  const side = summarizePairs(
    await interleave(
      quick ? 2 : 7,
      () => captureCpu(clip, false),
      () => captureCpu(clip, true),
    ),
  );
  const { pictures } = await ffmpegCost({ clip, stream: { thumbnail }, frames: true, realTime: false });
  const captureMs = (side.difference / pictures) * 1000;
  const frames = await rawFrames(path, clip);
  const intervals = quick ? 8 : 100;
  const made = {
    thumbnail: await picturesMs(frames, intervals, { preview: { upload: false }, storyboard: { upload: false } }),
    webp: await picturesMs(frames, intervals, { storyboard: { upload: false } }),
    gif: await picturesMs(frames, intervals, { preview: { format: 'gif' }, storyboard: { upload: false } }),
    all: await picturesMs(frames, intervals, { storyboard: { intervalSeconds: 2 } }),
  };
  const rounds = quick ? 2 : 5;
  const commands = await interleave(
    rounds,
    () => commandMs(path, quick ? 2 : 8, ['-t', '1', '-i', segment, '-f', 'image2pipe', '-vframes', '1', 'pipe:1']),
    () => commandMs(path, quick ? 1 : 4, ['-i', segment, '-t', '1', ...animation, '-f', 'gif', 'pipe:1']),
  );
  const jpegMs = median(commands.map(({ base }) => base));
  const gifMs = median(commands.map(({ other }) => other));
  return {
    question:
      'CPU of a thumbnail (1280×720) and a preview (8 frames, 480 wide) for each 2 s of a copied 1080p30 stream: off the side pipe, and by the two ffmpeg commands that Owncast runs on the newest segment',
    rows: [
      { name: 'side pipe: decode, scale, hand over', value: captureMs, unit: 'ms CPU' },
      { name: 'gate, placeholder, JPEG', value: made.thumbnail, unit: 'ms CPU' },
      { name: 'preview as WebP besides', value: made.webp - made.thumbnail, unit: 'ms CPU' },
      { name: 'preview as GIF besides', value: made.gif - made.thumbnail, unit: 'ms CPU' },
      { name: 'storyboard besides', value: made.all - made.webp, unit: 'ms CPU' },
      { name: 'thumbnail and WebP preview together', value: captureMs + made.webp, unit: 'ms CPU' },
      { name: "Owncast's command for the JPEG", value: jpegMs, unit: 'ms CPU' },
      { name: "Owncast's command for the GIF", value: gifMs, unit: 'ms CPU' },
    ],
    ratios: [
      atMost('thumbnail and WebP preview ÷ both commands', (captureMs + made.webp) / (jpegMs + gifMs), 0.1),
      { name: 'thumbnail and GIF preview ÷ both commands', value: (captureMs + made.gif) / (jpegMs + gifMs) },
    ],
  };
}

/** As Owncast 0.2 asks for its preview. */
const animation = [
  '-filter_complex',
  '[0:v] fps=8,scale=w=480:h=-1:flags=lanczos,split [a][b];[a] palettegen=stats_mode=full [p];[b][p] paletteuse=new=1',
];

/** ffmpeg's CPU seconds and those that this process spends on taking in what it gives. */
async function captureCpu(clip: string, frames: boolean): Promise<number> {
  const before = ownCpuSeconds();
  const { cpuSeconds } = await ffmpegCost({ clip, stream: { thumbnail }, frames, realTime: false });
  return cpuSeconds + ownCpuSeconds() - before;
}

/** CPU milliseconds that the node's pictures of one frame cost, all threads of this process counted. */
async function picturesMs(frames: readonly Buffer[], count: number, stream: object): Promise<number> {
  const config = streamConfig({ name: 'bench', source: 'test', thumbnail, ...stream });
  let made = 0;
  let failed = 0;
  const images = new StreamImages({
    config,
    now: Date.now,
    dateOf: (at) => at,
    events: {
      emit: ({ type }) => {
        if (type === 'thumbnail' || type === 'thumbnail-repeated') made += 1;
        if (type === 'thumbnail-failed' || type === 'frame-dropped') failed += 1;
      },
    },
    hls: { timeline: () => [] },
    load: { effects: loadEffects.normal },
    uploads: () => ({ preview: () => {}, storyboard: () => {}, fullSheet: () => {} }),
    offlineFile: undefined,
  });
  const show = async (index: number) => {
    const pixels = frames[index % frames.length]!;
    const data = images.frames.acquire(pixels.byteLength);
    data.set(pixels);
    images.frames.offer({ data, ...size, ptsSeconds: index * 2 }, Date.now() + index * 2000);
    await images.close();
  };
  // The preview is full from here on.
  for (let index = 0; index < frameCount; index += 1) await show(index);
  const before = ownCpuSeconds();
  for (let index = 0; index < count; index += 1) await show(frameCount + index);
  if (failed > 0 || made !== frameCount + count) throw new Error(`${made} pictures of ${frameCount + count} frames`);
  return ((ownCpuSeconds() - before) / count) * 1000;
}

/** CPU milliseconds of one run of a command, with all that its process costs from start to end, here and there. */
async function commandMs(path: string, count: number, args: readonly string[]): Promise<number> {
  const total = async () => ownCpuSeconds() + (await endedChildrenCpuSeconds());
  const before = await total();
  for (let index = 0; index < count; index += 1) {
    let bytes = 0;
    await runMeasured([path], ['-hide_banner', '-nostdin', '-nostats', '-threads', '1', ...args], {
      onPiece: (piece) => {
        bytes += piece.length;
      },
    });
    if (bytes === 0) throw new Error('the command made nothing');
  }
  return (((await total()) - before) / count) * 1000;
}

/** Frames of the clip, 2 s apart, as the side pipe gives them. */
async function rawFrames(path: string, clip: string): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  const filter = `fps=1/2,scale=${size.width}:${size.height}:flags=area`;
  const output = ['-pix_fmt', 'rgb24', '-f', 'rawvideo', '-vframes', String(frameCount), 'pipe:1'];
  await runMeasured([path], ['-hide_banner', '-nostdin', '-i', clip, '-vf', filter, ...output], {
    onPiece: (piece) => void pieces.push(piece),
  });
  const all = Buffer.concat(pieces);
  const bytes = size.width * size.height * 3;
  return Array.from({ length: frameCount }, (_, index) => all.subarray(index * bytes, (index + 1) * bytes));
}
