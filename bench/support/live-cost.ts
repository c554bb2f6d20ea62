import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { ffmpegArguments, type StreamPlan } from '../../src/ffmpeg/arguments.js';
import { readCapabilities } from '../../src/ffmpeg/capabilities.js';
import { spawnChild } from '../../src/ffmpeg/child.js';
import { KEYFRAME_SHIFT_SECONDS, TIMER_SLACK_MS } from '../../src/ffmpeg/chosen-keyframes.js';
import { findFfmpeg } from '../../src/ffmpeg/locate.js';
import { FirstKeyframe } from '../../src/frames/first-keyframe.js';
import { PacketTimesParser } from '../../src/frames/packet-times.js';
import { NutSplitter } from '../../src/frames/splitter.js';
import { createSegmentSink } from '../../src/hls/sink.js';
import { KeyframeIntake } from '../../src/stream/keyframe-intake.js';
import { KeyframeShelf } from '../../src/stream/keyframe-shelf.js';
import { planStream } from '../../src/stream/plan.js';
import { renditionNames } from '../../src/stream/rendition-plan.js';
import { parseBenchmark, streamConfig, withoutFrames } from './ffmpeg-cost.js';
import { pace } from './live-source.js';
import { cutTransportStream } from './transport-stream.js';

export interface LiveCostOptions {
  /** MPEG-TS, sent to ffmpeg as it would come: what waiting for a source costs shows in real time only. */
  readonly clip: string;
  readonly intervalSeconds: number;
  readonly width: number;
  /** What is decoded; undefined: no pictures are made. */
  readonly decode: 'keyframes' | 'chosen' | undefined;
}

export interface LiveCost {
  readonly cpuSeconds: number;
  readonly pictures: number;
}

/** CPU seconds of the node's own command line over a clip in real time, user and system. */
export async function liveCost({ clip, intervalSeconds, width, decode }: LiveCostOptions): Promise<LiveCost> {
  const capabilities = await readCapabilities(await findFfmpeg(undefined));
  const bytes = await readFile(clip);
  const shelf = new KeyframeShelf();
  shelf.newest = firstKeyframe(bytes);
  const sink = createSegmentSink();
  await sink.start();
  const receiver = sink.open({ maxObjectBytes: 512 * 1024 ** 2, onObject: () => {} });
  try {
    const longestGapSeconds = intervalSeconds + 0.75;
    const config = streamConfig({
      name: 'bench',
      source: clip,
      thumbnail: { intervalSeconds, width, staleAfterSeconds: 60 },
    });
    const plan: StreamPlan = planStream({
      ...{ config, capabilities, source: { kind: 'file', url: `file:${clip}` } },
      urls: new Map(renditionNames(config).map((name) => [name, receiver.url])),
      decode: { mode: decode ?? 'keyframes', reason: '', longestGapSeconds, keyframeIntervalSeconds: 2 },
    });
    const args = ffmpegArguments({ ...plan, input: ['-f', 'mpegts', '-i', 'pipe:6'] });
    const isChosen = decode === 'chosen';
    const child = await spawnChild({
      path: capabilities.path,
      args: ['-benchmark', ...(decode === undefined ? withoutFrames(args) : args)],
      ...{ stdin: true, snapshots: true, media: true, keyframes: isChosen },
      timerSlackMs: isChosen ? TIMER_SLACK_MS : 0,
    });
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill);
    let pictures = 0;
    const intake = isChosen
      ? new KeyframeIntake({
          ...{ keyframes: child.keyframes!, chosen: child.chosen!, shelf, intervalSeconds, longestGapSeconds },
          ...{ shiftSeconds: KEYFRAME_SHIFT_SECONDS, now: Date.now, isWanted: () => false, onKeyframe: () => {} },
          onFailed: () => {},
        })
      : undefined;
    const splitter = new NutSplitter({
      acquire: () => undefined,
      onPicture: () => {},
      onSkipped: () => {
        pictures += 1;
        intake?.answered();
      },
    });
    let stderr = '';
    child.stdout.on('data', (piece: Buffer) => splitter.push(piece));
    child.stderr.on('data', (piece: Buffer) => {
      stderr = (stderr + piece.toString('utf8')).slice(-20_000);
    });
    for (const output of [child.side, child.packets, child.snapshots!]) output.resume();
    const whole = new AbortController();
    await pace(
      cutTransportStream(bytes),
      (data) => child.media!.write(data),
      () => {},
      whole.signal,
    );
    child.media!.end();
    await delay(500);
    child.chosen?.end();
    const { code } = await child.exited;
    process.off('exit', kill);
    const cpuSeconds = parseBenchmark(stderr);
    if (code !== 0 || cpuSeconds === undefined) throw new Error(`ffmpeg ended with ${code}: ${stderr.slice(-2000)}`);
    await receiver.drain();
    return { cpuSeconds, pictures };
  } finally {
    receiver.close();
    await sink.close();
  }
}

/** The first keyframe of a transport stream, as a run of ffmpeg would leave it behind. */
export function firstKeyframe(bytes: Uint8Array): Uint8Array {
  const first = new FirstKeyframe();
  let found: Uint8Array | undefined;
  const parser = new PacketTimesParser(
    () => {},
    (data, packet) => {
      found ??= first.payload(data, packet?.isKey);
    },
  );
  parser.push(bytes.subarray(0, 4_000_000));
  if (found === undefined) throw new Error('no keyframe');
  return found;
}
