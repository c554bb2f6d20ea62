import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ffmpeg from '@ffmpeg-installer/ffmpeg';
import { afterAll } from 'vitest';

const run = promisify(execFile);

const folders: string[] = [];
// Here and not where they are made: what a hook registers while tests run is never called.
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

/** A folder of its own for one test file, removed at its end. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sidepipe-test-'));
  folders.push(folder);
  return folder;
}

/** Runs the embedded ffmpeg to its end; rejects when it fails. */
export async function runFfmpeg(args: readonly string[]): Promise<{ stdout: Buffer; stderr: string }> {
  const { stdout, stderr } = await run(ffmpeg.path, ['-hide_banner', '-nostdin', '-v', 'error', ...args], {
    encoding: 'buffer',
    maxBuffer: 256 * 1024 ** 2,
  });
  return { stdout, stderr: stderr.toString() };
}

export interface ClipOptions {
  readonly path: string;
  readonly seconds: number;
  /** Frames a second. Default 12.5. */
  readonly fps?: number;
  /** `WIDTHxHEIGHT`. Default 640x360. */
  readonly size?: string;
  /** Seconds at which keyframes are forced; default one every 2 s. */
  readonly keyframes?: readonly number[];
  readonly audio?: boolean;
  readonly bFrames?: number;
  /** A lavfi video source instead of the moving test picture. */
  readonly picture?: string;
}

/** Makes an H.264 clip. */
export async function makeClip(options: ClipOptions): Promise<string> {
  const { path, seconds, fps = 12.5, size = '640x360', keyframes, audio = true, bFrames = 0, picture } = options;
  const times = keyframes ?? Array.from({ length: Math.ceil(seconds / 2) }, (_, index) => index * 2);
  await runFfmpeg([
    ...['-f', 'lavfi', '-i', picture ?? `testsrc2=size=${size}:rate=${fps}`],
    ...(audio ? ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000', '-c:a', 'aac'] : []),
    ...['-t', String(seconds), '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '100000'],
    ...['-bf', String(bFrames), '-sc_threshold', '0', '-force_key_frames', times.join(','), '-y', path],
  ]);
  return path;
}
