import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BufferSource, EncodedPacketSink, Input, MP4 } from 'mediabunny';
import { runToEnd } from '../../src/ffmpeg/child.js';
import { findFfmpeg } from '../../src/ffmpeg/locate.js';
import { clockPicture } from '../../test/support/clock-picture.js';

/**
 * What decoding a keyframe costs depends on its bytes, so on what is in the picture.
 * `plain`: an animated picture, keyframes of some 40 kB. `usual`: with a little sensor noise, some 100 kB, five times the
 * average picture, as in camera footage. `grainy`: strong noise, some 190 kB. `numbered`: `usual` with a strip across its middle in which
 * `readClockPicture` finds the frame's number.
 */
export type Picture = 'plain' | 'usual' | 'grainy' | 'numbered';

export interface ClipOptions {
  readonly picture?: Picture;
  readonly seconds: number;
  /** In H.264's usual order of decoding, pictures wait for others; live encoders tuned for latency do without. */
  readonly bFrames?: boolean;
  readonly container?: 'mp4' | 'ts' | 'flv';
  /** Default true. */
  readonly sound?: boolean;
  /** Of the video, a second. Default 4500. */
  readonly kilobits?: number;
}

const RATE = 30;
/** So much is encoded, and sent again and again. */
const BASE_SECONDS = 10;
/** No interval of a thumbnail is a multiple of it: the next picture would have the number of the one before. */
const NUMBERED_SECONDS = 14;
/** Numbers of `numbered` frames go from 0 to one less than this, again and again. */
export const NUMBERED_FRAMES = RATE * NUMBERED_SECONDS;

const moving = `testsrc2=size=1920x1080:rate=${RATE}`;
const usual = `${moving},noise=alls=7:allf=t`;
const strip = clockPicture({ size: '1920x120', rate: RATE });
export const numberedPicture = `${usual}[picture];${strip}[strip];[picture][strip]overlay=y=(H-h)/2`;
/** As lavfi makes them. */
const pictures: Readonly<Record<Picture, string>> = {
  plain: `${moving},null`,
  usual,
  grainy: `${moving},noise=alls=14:allf=t`,
  numbered: numberedPicture,
};
const USUAL_KILOBITS = 4500;

/** 1080p30 H.264 at 4.5 Mbit/s unless told, a keyframe every 2 s, AAC sound; made once and kept in the temporary directory. */
export async function makeClip(options: ClipOptions): Promise<string> {
  const { picture = 'usual', seconds, bFrames = false, container = 'mp4', sound = true } = options;
  const { kilobits = USUAL_KILOBITS } = options;
  const rate = kilobits === USUAL_KILOBITS ? '' : `${kilobits}-`;
  const name = (length: number, extension: string) =>
    `v4-${picture}-${bFrames ? 'b' : 'p'}-${rate}${length}.${extension}`;
  const baseSeconds = picture === 'numbered' ? NUMBERED_SECONDS : BASE_SECONDS;
  const base = await keptClip(name(baseSeconds, 'mp4'), (path) => [
    ...['-f', 'lavfi', '-i', pictures[picture]],
    ...['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000', '-t', String(baseSeconds)],
    ...['-c:v', 'libx264', '-preset', 'superfast', '-pix_fmt', 'yuv420p', '-bf', bFrames ? '3' : '0'],
    ...['-g', '60', '-keyint_min', '60', '-sc_threshold', '0'],
    ...[
      '-b:v',
      `${kilobits}k`,
      '-maxrate',
      `${kilobits}k`,
      '-bufsize',
      `${2 * kilobits}k`,
      '-c:a',
      'aac',
      '-b:a',
      '128k',
      path,
    ],
  ]);
  return keptClip(name(seconds, sound ? container : `silent.${container}`), (path) => [
    ...['-stream_loop', String(Math.ceil(seconds / baseSeconds)), '-i', base],
    ...['-t', String(seconds), ...(sound ? [] : ['-an']), '-c', 'copy', path],
  ]);
}

/** The average size of a clip's keyframes. MP4 only. */
export async function keyframeBytes(path: string): Promise<number> {
  const input = new Input({ source: new BufferSource(await readFile(path)), formats: [MP4] });
  try {
    const track = await input.getPrimaryVideoTrack();
    if (track === null) throw new Error(`no video in ${path}`);
    const sizes: number[] = [];
    const packets = new EncodedPacketSink(track);
    for await (const packet of packets.packets(undefined, undefined, { metadataOnly: true })) {
      if (packet.type === 'key') sizes.push(packet.byteLength);
    }
    return sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  } finally {
    input.dispose();
  }
}

/** A folder for what the benchmarks need on disk. */
export async function benchFolder(): Promise<string> {
  const folder = join(tmpdir(), `sidepipe-bench-${process.getuid?.() ?? 0}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** The path of a clip that ffmpeg writes there if it does not exist yet. The name changes when the arguments do. */
export async function keptClip(name: string, argumentsFor: (path: string) => string[]): Promise<string> {
  const folder = await benchFolder();
  const path = join(folder, name);
  if (await stat(path).catch(() => undefined)) return path;
  // Under its own name only when it is whole: a run may be interrupted.
  const unfinished = join(folder, `${process.pid}-${name}`);
  try {
    await runToEnd({
      path: await findFfmpeg(undefined),
      args: ['-hide_banner', '-nostdin', '-v', 'error', '-y', ...argumentsFor(unfinished)],
      timeoutMs: 300_000,
    });
    await rename(unfinished, path);
  } finally {
    await rm(unfinished, { force: true });
  }
  return path;
}
