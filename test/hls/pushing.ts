import { spawn } from 'node:child_process';
import { once } from 'node:events';
import ffmpeg from '@ffmpeg-installer/ffmpeg';
import { type ReadySegment, SegmentAssembler } from '../../src/hls/assembler.js';
import type { SegmentSink } from '../../src/hls/sink.js';
import type { Container } from '../../src/hls/window.js';

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

export interface Push {
  readonly ready: ReadySegment[];
  readonly assembler: SegmentAssembler;
  readonly aborted: () => number;
  /** Bytes since the last complete object. */
  readonly bytesUnderWay: () => number;
  readonly kill: () => void;
  /** When ffmpeg is gone and all that it sent has been taken in. */
  readonly ended: Promise<void>;
}

/** The arguments that make ffmpeg push HLS to a receiver. */
function hlsArguments(url: string, container: Container): string[] {
  const type =
    container === 'mpegts'
      ? ['-hls_segment_type', 'mpegts', '-hls_segment_filename', `${url}%d.ts`]
      : ['-hls_segment_type', 'fmp4', '-hls_fmp4_init_filename', 'init.mp4', '-hls_segment_filename', `${url}%d.m4s`];
  const list = ['-hls_time', '2', '-hls_list_size', '5', '-start_number', '0'];
  return [
    '-muxdelay',
    '0',
    '-f',
    'hls',
    '-method',
    'PUT',
    '-http_persistent',
    '0',
    ...list,
    ...type,
    `${url}index.m3u8`,
  ];
}

/** Lets the embedded ffmpeg copy a clip into the sink, as fast as it can or in real time. */
export function pushClip(sink: SegmentSink, clip: Uint8Array, container: Container, realTime = false): Push {
  const assembler = new SegmentAssembler({ container });
  const ready: ReadySegment[] = [];
  let underWay = 0;
  const receiver = sink.open({
    maxObjectBytes: 50_000_000,
    onProgress: (bytes) => {
      underWay += bytes;
    },
    onObject(file, body, completedAtMs) {
      underWay = 0;
      ready.push(...assembler.object(file, body, completedAtMs));
    },
  });
  const pace = realTime ? ['-re'] : [];
  const input = ['-hide_banner', '-loglevel', 'error', ...pace, '-i', 'pipe:0', '-c', 'copy'];
  const child = spawn(ffmpeg.path, [...input, ...hlsArguments(receiver.url, container)], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.stdin.on('error', () => {});
  child.stdin.end(clip);
  const ended = once(child, 'exit').then(async () => {
    await receiver.drain();
    ready.push(...assembler.finish());
    receiver.close();
  });
  return {
    ready,
    assembler,
    aborted: () => receiver.counters().aborted,
    bytesUnderWay: () => underWay,
    kill: () => child.kill('SIGKILL'),
    ended,
  };
}
