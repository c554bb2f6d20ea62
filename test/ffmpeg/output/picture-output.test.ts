import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ffmpegArguments, type StreamPlan } from '../../../src/ffmpeg/output/arguments.js';
import { framesOutput } from '../../../src/ffmpeg/output/picture-output.js';
import { SNAPSHOT_URL, snapshotOutput, valveCommand } from '../../../src/ffmpeg/output/valve.js';
import type { DecodedPicture } from '../../../src/frames/frame.js';
import { NutSplitter } from '../../../src/frames/nut-demuxer.js';
import { createFlvWriter } from '../../../src/ingest/rtmp/protocol/flv.js';
import { makeClip, runFfmpeg, temporaryFolder } from '../../support/clip.js';
import { ffmpegs } from '../../support/ffmpeg.js';
import { parseFlv } from '../../support/rtmp-flv.js';

const box = { intervalSeconds: 1, width: 640, height: 360 };
/** A white field in the right half of a black picture: its edge tells how the picture was stretched. */
const halves = (size: string) => `color=black:size=${size}:rate=5,drawbox=x=iw/2:w=iw/2:color=white:t=fill`;

interface Pictures {
  readonly child: ReturnType<typeof spawn>;
  /** The next picture on an output. */
  next(): Promise<DecodedPicture>;
}

function startPictures(path: string, args: readonly string[], descriptor = 1): Pictures {
  const child = spawn(path, args, { stdio: ['pipe', 'pipe', 'ignore', 'ignore', 'ignore', 'pipe'] });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  child.stdin!.on('error', () => {});
  const come: DecodedPicture[] = [];
  const waiting: ((picture: DecodedPicture) => void)[] = [];
  const splitter = new NutSplitter({
    frames: { acquire: (bytes) => new Uint8Array(bytes) },
    onPicture: (picture) => {
      const taker = waiting.shift();
      if (taker === undefined) come.push(picture);
      else taker(picture);
    },
  });
  (child.stdio.slice(descriptor)[0] as Readable).on('data', (piece: Buffer) => splitter.push(piece));
  const next = () => new Promise<DecodedPicture>((resolve) => waiting.push(resolve));
  return { child, next: async () => come.shift() ?? next() };
}

describe.each(ffmpegs)('pictures, by the $name ffmpeg', ({ path, options }) => {
  it.each([
    // Pixels, how much wider than high each is, the thumbnail in a box of 640 × 360, and the snapshot.
    ['720x576', '16/15', [480, 360], [768, 576]],
    ['720x576', '64/45', [640, 360], [1024, 576]],
    ['720x480', '8/9', [480, 360], [640, 480]],
    ['1440x1080', '4/3', [640, 360], [1920, 1080]],
    ['320x180', '1', [320, 180], [320, 180]],
    ['180x320', '1', [180, 320], [180, 320]],
    ['360x640', '1', [203, 360], [360, 640]],
    ['160x160', '2/1', [320, 160], [320, 160]],
  ] as const)('have square pixels: %s of %s', async (size, aspect, thumbnail, full) => {
    const clip = await makeClip({
      path: join(await temporaryFolder(), 'clip.mp4'),
      ...{ seconds: 1, audio: false, picture: `${halves(size)},setsar=${aspect}` },
    });
    const input = ['-v', 'quiet', '-re', '-stream_loop', '-1', '-i', clip];
    const small = await startPictures(path, [...input, ...framesOutput(box, { options })]).next();
    expect([small.width, small.height]).toEqual(thumbnail);
    expect(edgeOf(small)).toBeCloseTo(0.5, 1);
    const snapshots = startPictures(path, [...input, ...snapshotOutput({ options })], Number(SNAPSHOT_URL.slice(5)));
    snapshots.child.stdin!.write(valveCommand(true));
    const large = await snapshots.next();
    expect([large.width, large.height]).toEqual(full);
    expect(edgeOf(large)).toBeCloseTo(0.5, 2);
  });

  it.each([0, 3])('of keyframes come before the next one goes in, with %i B-frames between', async (bFrames) => {
    const clip = join(await temporaryFolder(), 'clip.flv');
    await makeClip({ path: clip, seconds: 8, fps: 25, bFrames, size: '320x180' });
    const plan: StreamPlan = {
      ...{
        input: ['-f', 'flv', '-analyzeduration', '500000', '-i', 'pipe:0'],
        renditions: [{ video: { kind: 'copy' } }],
        audio: 'none',
        options,
      },
      hls: { segmentSeconds: 2, container: 'mpegts', dropsSequenceEnds: true },
      frames: { ...box, decode: 'keyframes', longestGapSeconds: 2, packetTimes: false },
    };
    // Without HLS, which needs a pipe: from the pictures' own output on.
    const args = ffmpegArguments(plan);
    const input = args.slice(0, args.indexOf('-i') + 2).filter((each) => each !== '-nostdin');
    const withoutProgress = input.filter((each) => each !== '-progress' && each !== 'pipe:3');
    const pictures = startPictures(path, [...withoutProgress, ...args.slice(args.lastIndexOf('-map'))]);
    const flv = createFlvWriter();
    const { stdin } = pictures.child;
    for (const bytes of flv.begin({ flushKeyframes: true })) stdin!.write(bytes);
    const times: number[] = [];
    let keyframes = 0;
    for (const { type, timestamp, payload } of parseFlv(await readFile(clip))) {
      if (type === 18) {
        stdin!.write(flv.write({ type: 'metadata', timestamp, payload, values: new Map() }));
        continue;
      }
      const isKeyframe = type === 9 && payload[0] === 0x17 && payload[1] === 1;
      // Nothing more is written until the picture before has come: with any delay this never ends.
      if (isKeyframe && keyframes > 0) times.push((await pictures.next()).ptsSeconds);
      if (isKeyframe) keyframes += 1;
      stdin!.write(flv.write({ type: type === 9 ? 'video' : 'audio', timestamp, payload }));
    }
    expect(times.map((at) => Math.round((at - times[0]!) * 10) / 10)).toEqual([0, 2, 4]);
  });

  it('of a stream that was marked for it give players the same video as without', async () => {
    const folder = await temporaryFolder();
    const clip = await makeClip({ path: join(folder, 'clip.flv'), seconds: 5, fps: 10, bFrames: 3, size: '320x180' });
    const flv = createFlvWriter();
    const parts = flv.begin({ flushKeyframes: true });
    const tags = parseFlv(await readFile(clip)).filter(({ type }) => type !== 18);
    for (const { type, timestamp, payload } of tags)
      parts.push(flv.write({ type: type === 9 ? 'video' : 'audio', timestamp, payload }));
    const marked = Buffer.concat(parts);
    // Three keyframes, and as many marks with their lengths.
    const written = tags.reduce((sum, { payload }) => sum + payload.length, 0);
    expect(parseFlv(marked).reduce((sum, { payload }) => sum + payload.length, 0)).toBe(written + 3 * 5);
    const drop = ['-map', '0:v', '-c', 'copy', '-bsf:v', 'filter_units=remove_types=10', '-f', 'mpegts', 'pipe:1'];
    const through = async (bytes: Buffer) => {
      const child = spawn(path, ['-v', 'error', '-f', 'flv', '-i', 'pipe:0', ...drop], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const pieces: Buffer[] = [];
      child.stdout.on('data', (piece: Buffer) => pieces.push(piece));
      child.stdin.end(bytes);
      await once(child, 'close');
      return Buffer.concat(pieces);
    };
    const plain = (await runFfmpeg(['-i', clip, '-map', '0', '-c', 'copy', '-f', 'flv', 'pipe:1'])).stdout;
    const copy = await through(marked);
    expect(copy.length).toBeGreaterThan(10_000);
    expect(copy.equals(await through(plain))).toBe(true);
  });
});

/** Where the picture turns from black to white, as a part of its width. */
function edgeOf({ data, width, height }: DecodedPicture): number {
  const row = Math.floor(height / 2) * width * 3;
  for (let x = 0; x < width; x += 1) if (data![row + x * 3]! > 127) return x / width;
  return 1;
}
