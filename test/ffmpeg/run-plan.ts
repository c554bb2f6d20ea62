import { readCapabilities } from '../../src/ffmpeg/capabilities.js';
import { type ChildExit, spawnChild, stopChild } from '../../src/ffmpeg/child.js';
import type { LogLine } from '../../src/ffmpeg/log/log-line.js';
import { LogTail } from '../../src/ffmpeg/log/log-tail.js';
import { type Progress, ProgressParser } from '../../src/ffmpeg/log/progress.js';
import { ffmpegArguments, type StreamPlan } from '../../src/ffmpeg/output/arguments.js';
import type { VideoPlan } from '../../src/ffmpeg/output/hls-output.js';
import type { DecodedPicture } from '../../src/frames/frame.js';
import { NutSplitter } from '../../src/frames/nut-demuxer.js';
import type { MediaPart } from '../../src/hls/segmenter.js';
import { MediaIntake } from '../../src/stream/hls/media-intake.js';
import { type CutSegment, joinParts } from '../support/cut-media.js';

export interface PlanResult {
  readonly exit: ChildExit;
  readonly segments: readonly CutSegment[];
  readonly pictures: readonly Omit<DecodedPicture, 'data'>[];
  readonly progress: readonly Progress[];
  readonly lines: readonly LogLine[];
}

/** The part of a plan that says what is made, with sizes that cost little. */
export const smallPlan = {
  video: { kind: 'copy' },
  audio: 'copy',
  frames: { intervalSeconds: 0.5, width: 160, height: 90 },
} as const satisfies Partial<StreamPlan> & { readonly video: VideoPlan };

/** Runs a plan as a stream does, until ffmpeg ends by itself or `isEnough`. */
export async function runPlan(
  path: string,
  { video, ...plan }: Omit<StreamPlan, 'renditions'> & { readonly video: VideoPlan },
  isEnough: (segments: number, pictures: number) => boolean = () => false,
): Promise<PlanResult> {
  const parts: MediaPart[] = [];
  const pictures: Omit<DecodedPicture, 'data'>[] = [];
  const progress: Progress[] = [];
  const args = ffmpegArguments({ ...plan, renditions: [{ video }] });
  const { snapshots = false } = plan;
  const child = await spawnChild({ path, args, renditions: 1, snapshots, stdin: snapshots });
  child.packets.resume();
  child.snapshots?.resume();
  const deadline = setTimeout(() => child.kill('SIGKILL'), 25_000);
  let stopping: Promise<unknown> | undefined;
  const look = () => {
    if (isEnough((parts.at(-1)?.sequence ?? -1) + 1, pictures.length))
      stopping ??= stopChild(child, { delay: () => new Promise(() => {}) });
  };
  const media = new MediaIntake({
    ...{ renditions: ['source'], container: plan.hls.container, segmentSeconds: plan.hls.segmentSeconds },
    ...{ partSeconds: 0.2, maxSegmentBytes: 50_000_000, now: Date.now },
    onPart: (_, part) => {
      parts.push(part);
      look();
    },
    onFailed: (error) => {
      throw error;
    },
  });
  const splitter = new NutSplitter({
    frames: { acquire: (bytes) => new Uint8Array(bytes) },
    onPicture: ({ data: _, ...picture }) => {
      pictures.push(picture);
      look();
    },
  });
  const tail = new LogTail({ redact: (text) => text, onLine: () => {} });
  const parser = new ProgressParser((report) => progress.push(report));
  media.read(child.renditions);
  child.stdout.on('data', (piece: Buffer) => splitter.push(piece));
  child.stderr.on('data', (piece: Buffer) => tail.push(piece));
  child.side.on('data', (piece: Buffer) => parser.push(piece));
  const exit = await child.exited;
  clearTimeout(deadline);
  await stopping;
  tail.close();
  media.end();
  return { exit, segments: joinParts(parts), pictures, progress, lines: tail.lines() };
}

const known = new Map<string, ReadonlySet<string>>();

/** The protocols of a binary, asked once. */
export async function protocolsOf(path: string): Promise<ReadonlySet<string>> {
  const protocols = known.get(path) ?? (await readCapabilities(path)).protocols;
  known.set(path, protocols);
  return protocols;
}
