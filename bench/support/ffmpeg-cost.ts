import { setTimeout as delay } from 'node:timers/promises';
import { parseConfig } from '../../src/config/parse.js';
import type { StreamConfig } from '../../src/config/schema/schema.js';
import { readCapabilities } from '../../src/ffmpeg/capabilities.js';
import { spawnChild } from '../../src/ffmpeg/child.js';
import { findFfmpeg } from '../../src/ffmpeg/locate.js';
import { ffmpegArguments } from '../../src/ffmpeg/output/arguments.js';
import { FIRST_MEDIA_FD } from '../../src/ffmpeg/output/hls-output.js';
import { NutSplitter } from '../../src/frames/nut-demuxer.js';
import { MediaIntake } from '../../src/stream/hls/media-intake.js';
import { planStream } from '../../src/stream/outputs/plan.js';
import { renditionNames } from '../../src/stream/outputs/rendition-plan.js';
import { cpuSecondsOf } from './cpu.js';

/** CPU time of one finished ffmpeg, user and system, and what it gave. */
export interface FfmpegCost {
  readonly cpuSeconds: number;
  /** What of it was used within the first `settleSeconds`. */
  readonly settlingCpuSeconds: number;
  readonly segments: number;
  readonly pictures: number;
}

export interface CostOptions {
  readonly clip: string;
  readonly stream: Readonly<Record<string, unknown>>;
  /** False: the same command line without the output of pictures. */
  readonly frames: boolean;
  readonly realTime: boolean;
  /** How long a start and what belongs to it last, of a run in real time. Default 0. */
  readonly settleSeconds?: number;
  /** The embedded one where it is not told. */
  readonly ffmpeg?: string;
  /** A command that ffmpeg is run by. */
  readonly through?: readonly string[];
}

/**
 * Runs the node's own command line over a clip, with the node's own cutter and picture splitter at its ends, and reads
 * what ffmpeg says about itself at the end: the times of getrusage, exact where /proc only counts in hundredths.
 */
export async function ffmpegCost(options: CostOptions): Promise<FfmpegCost> {
  const { clip, stream, frames, realTime, settleSeconds = 0, through = [] } = options;
  const capabilities = await readCapabilities(await findFfmpeg(options.ffmpeg));
  const config = streamConfig({ name: 'bench', source: clip, ...stream });
  const source = { kind: 'file', url: `file:${clip}` } as const;
  const plan = planStream({ config, source, capabilities, makesMedia: true });
  let segments = 0;
  const media = new MediaIntake({
    ...{ renditions: renditionNames(config), container: plan.hls.container, now: Date.now },
    ...{ partSeconds: config.hls.partSeconds, segmentSeconds: config.hls.segmentSeconds },
    maxSegmentBytes: 512 * 1024 ** 2,
    onPart: (_, { startsSegment }) => {
      if (startsSegment) segments += 1;
    },
    onFailed: (error) => {
      throw error;
    },
  });
  // The node would begin the file again and again, in real time.
  const args = ffmpegArguments({ ...plan, input: [...(realTime ? ['-re'] : []), '-i', clip] });
  const command = [...through, capabilities.path];
  const measured = await runMeasured(command, frames ? args : withoutFrames(args), { media, settleSeconds });
  return { ...measured, segments };
}

export function streamConfig(stream: Readonly<Record<string, unknown>>): StreamConfig {
  return parseConfig({ streams: [stream] }).streams[0]!;
}

/** The command line up to and with the HLS output, which comes first. Throws when there is none. Pure. */
export function withoutFrames(args: readonly string[]): string[] {
  const media = args.lastIndexOf(`pipe:${FIRST_MEDIA_FD}`);
  if (media < 0) throw new Error('no HLS output in these arguments');
  // Older versions take the pictures' `-vsync` for all outputs: without it every tick of the time base would become a frame.
  const vsync = args.indexOf('-vsync');
  const rate = vsync < 0 ? [] : args.slice(vsync, vsync + 2);
  return [...args.slice(0, media), ...rate, args[media]!];
}

/** CPU seconds in what ffmpeg prints for `-benchmark`; undefined when it did not. Pure. */
export function parseBenchmark(stderr: string): number | undefined {
  const [, user, system] = /bench: utime=([\d.]+)s stime=([\d.]+)s/.exec(stderr) ?? [];
  return user === undefined ? undefined : Number(user) + Number(system);
}

interface MeasureOptions {
  /** Takes the standard output, in place of a counter of pictures. */
  readonly onPiece?: (piece: Buffer) => void;
  /** Takes what ffmpeg writes for players. */
  readonly media?: MediaIntake;
  readonly settleSeconds?: number;
}

/** Runs ffmpeg to its end and counts the pictures on its standard output. Throws with its words when it fails. */
export async function runMeasured(
  command: readonly string[],
  args: readonly string[],
  { onPiece, media, settleSeconds = 0 }: MeasureOptions = {},
): Promise<{ cpuSeconds: number; settlingCpuSeconds: number; pictures: number }> {
  const child = await spawnChild({
    path: command[0]!,
    args: [...command.slice(1), '-benchmark', ...args],
    stdin: true,
    snapshots: true,
    renditions: media === undefined ? 0 : 1,
  });
  media?.read(child.renditions);
  let pictures = 0;
  let stderr = '';
  const splitter = new NutSplitter({
    frames: { acquire: () => undefined },
    onPicture: () => {},
    onSkipped: () => {
      pictures += 1;
    },
  });
  child.stdout.on('data', onPiece ?? ((piece: Buffer) => splitter.push(piece)));
  child.stderr.on('data', (piece: Buffer) => {
    stderr = (stderr + piece.toString('utf8')).slice(-20_000);
  });
  child.side.resume();
  child.packets.resume();
  child.snapshots?.resume();
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const settlingCpuSeconds = settleSeconds === 0 ? 0 : await delay(settleSeconds * 1000, child.pid).then(cpuSecondsOf);
  const { code } = await child.exited;
  process.off('exit', kill);
  const cpuSeconds = parseBenchmark(stderr);
  if (code !== 0 || cpuSeconds === undefined) throw new Error(`ffmpeg ended with ${code}: ${stderr.slice(-2000)}`);
  return { cpuSeconds, settlingCpuSeconds, pictures };
}
