import { spawn } from 'node:child_process';
import { once } from 'node:events';
import ffmpeg from '@ffmpeg-installer/ffmpeg';
import { FIRST_MEDIA_FD, hlsOutputs } from '../../src/ffmpeg/output/hls-output.js';
import type { Container } from '../../src/hls/window.js';
import { needsOf } from '../../src/stream/outputs/source-needs.js';
import { type CutSegment, cutMedia } from '../support/cut-media.js';
import { embedded } from '../support/ffmpeg.js';

/** Runs the embedded ffmpeg to its end and returns its standard output; throws with its words when it fails. */
export async function runFfmpeg(
  args: readonly string[],
  input?: Uint8Array,
): Promise<{ output: Buffer; words: string }> {
  const child = spawn(ffmpeg.path, ['-hide_banner', '-nostdin', '-loglevel', 'error', ...args]);
  const output: Buffer[] = [];
  let words = '';
  child.stdout.on('data', (data: Buffer) => output.push(data));
  child.stderr.on('data', (data: Buffer) => {
    words += data.toString();
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) {
    throw new Error(`ffmpeg ended with ${code}: ${words}`);
  }
  return { output: Buffer.concat(output), words };
}

export interface ClipOptions {
  readonly seconds: number;
  readonly size?: string;
  readonly audio?: boolean;
  readonly video?: readonly string[];
  readonly audioCodec?: string;
  readonly format?: 'matroska' | 'mpegts';
}

/** A moving picture at 25 frames a second with a keyframe a second. */
export async function makeClip(options: ClipOptions): Promise<Buffer> {
  const { seconds, size = '320x180', audio = true, video = [], audioCodec = 'aac', format = 'matroska' } = options;
  const inputs = ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25`];
  const encoders = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-pix_fmt', 'yuv420p', ...video];
  if (audio) {
    inputs.push('-f', 'lavfi', '-i', 'sine=frequency=440');
    encoders.push('-c:a', audioCodec);
  }
  return (await runFfmpeg([...inputs, '-t', String(seconds), ...encoders, '-f', format, 'pipe:1'])).output;
}

/** Lets the embedded ffmpeg copy a clip as it does for a rendition, and cuts it. */
export async function segmentsOf(clip: Uint8Array, container: Container, audioCodec = 'aac'): Promise<CutSegment[]> {
  const { audio } = needsOf(
    { video: 'h264', audio: audioCodec },
    { container, audio: 'copy', isCopied: true, isLooped: false },
  );
  const output = hlsOutputs({
    renditions: [{ video: { kind: 'copy' } }],
    audio,
    hls: { segmentSeconds: 2, container },
    options: embedded.options,
  });
  const onStdout = output.map((argument) => (argument === `pipe:${FIRST_MEDIA_FD}` ? 'pipe:1' : argument));
  const media = await runFfmpeg(['-i', 'pipe:0', ...onStdout], clip);
  return cutMedia(media.output, container);
}
