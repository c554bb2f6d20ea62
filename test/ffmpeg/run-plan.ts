import { ffmpegArguments, type StreamPlan } from '../../src/ffmpeg/arguments.js';
import { readCapabilities } from '../../src/ffmpeg/capabilities.js';
import { type ChildExit, spawnChild, stopChild } from '../../src/ffmpeg/child.js';
import type { VideoPlan } from '../../src/ffmpeg/hls-output.js';
import type { LogLine } from '../../src/ffmpeg/log-line.js';
import { LogTail } from '../../src/ffmpeg/log-tail.js';
import { type Progress, ProgressParser } from '../../src/ffmpeg/progress.js';
import type { DecodedPicture } from '../../src/frames/frame.js';
import { NutSplitter } from '../../src/frames/splitter.js';
import { type ReadySegment, SegmentAssembler } from '../../src/hls/assembler.js';
import { createSegmentSink } from '../../src/hls/sink.js';

/** Stands for the receiver's address in log lines, as the node has it. */
export const OWN_URL = 'loopback:/';

export interface PlanResult {
  readonly exit: ChildExit;
  readonly segments: readonly ReadySegment[];
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
  const sink = createSegmentSink();
  await sink.start();
  try {
    const assembler = new SegmentAssembler({ container: plan.hls.container });
    const segments: ReadySegment[] = [];
    const pictures: Omit<DecodedPicture, 'data'>[] = [];
    const progress: Progress[] = [];
    const receiver = sink.open({
      maxObjectBytes: 50_000_000,
      onObject: (file, body, at) => {
        segments.push(...assembler.object(file, body, at));
        look();
      },
    });
    const args = ffmpegArguments({ ...plan, renditions: [{ url: receiver.url, video }] });
    const child = await spawnChild({ path, args });
    child.packets.resume();
    const deadline = setTimeout(() => child.kill('SIGKILL'), 25_000);
    let stopping: Promise<unknown> | undefined;
    const look = () => {
      if (isEnough(segments.length, pictures.length))
        stopping ??= stopChild(child, { delay: () => new Promise(() => {}) });
    };
    const splitter = new NutSplitter({
      acquire: (bytes) => new Uint8Array(bytes),
      onPicture: ({ data: _, ...picture }) => {
        pictures.push(picture);
        look();
      },
    });
    const tail = new LogTail({ redact: (text) => text.replaceAll(receiver.url, OWN_URL), onLine: () => {} });
    const parser = new ProgressParser((report) => progress.push(report));
    child.stdout.on('data', (piece: Buffer) => splitter.push(piece));
    child.stderr.on('data', (piece: Buffer) => tail.push(piece));
    child.side.on('data', (piece: Buffer) => parser.push(piece));
    const exit = await child.exited;
    clearTimeout(deadline);
    await stopping;
    tail.close();
    await receiver.drain();
    segments.push(...assembler.finish());
    return { exit, segments, pictures, progress, lines: tail.lines() };
  } finally {
    await sink.close();
  }
}

const known = new Map<string, ReadonlySet<string>>();

/** The protocols of a binary, asked once. */
export async function protocolsOf(path: string): Promise<ReadonlySet<string>> {
  const protocols = known.get(path) ?? (await readCapabilities(path)).protocols;
  known.set(path, protocols);
  return protocols;
}
