import { readFile } from 'node:fs/promises';
import { readCapabilities } from '../../src/ffmpeg/capabilities.js';
import { spawnChild } from '../../src/ffmpeg/child.js';
import { findFfmpeg } from '../../src/ffmpeg/locate.js';
import { ffmpegArguments, type StreamPlan } from '../../src/ffmpeg/output/arguments.js';
import { NutSplitter } from '../../src/frames/nut-demuxer.js';
import { planStream } from '../../src/stream/outputs/plan.js';
import { parseBenchmark, streamConfig, withoutFrames } from './ffmpeg-cost.js';
import { pace } from './live-source.js';
import { cutTransportStream } from './transport-stream.js';

export interface LiveCostOptions {
  /** MPEG-TS, sent to ffmpeg as it would come: what waiting for a source costs shows in real time only. */
  readonly clip: string;
  readonly intervalSeconds: number;
  readonly width: number;
  /** Whether pictures are made, of keyframes. */
  readonly frames: boolean;
}

export interface LiveCost {
  readonly cpuSeconds: number;
  readonly pictures: number;
}

/** CPU seconds of the node's own command line over a clip in real time, user and system. */
export async function liveCost({ clip, intervalSeconds, width, frames }: LiveCostOptions): Promise<LiveCost> {
  const capabilities = await readCapabilities(await findFfmpeg(undefined));
  const bytes = await readFile(clip);
  const config = streamConfig({
    name: 'bench',
    source: clip,
    thumbnail: { intervalSeconds, width, staleAfterSeconds: 60 },
  });
  const plan: StreamPlan = planStream({
    ...{ config, capabilities, source: { kind: 'file', url: `file:${clip}` } },
    makesMedia: true,
    decode: { mode: 'keyframes', reason: 'configured' },
  });
  const args = ffmpegArguments({ ...plan, input: ['-f', 'mpegts', '-i', 'pipe:6'] });
  const child = await spawnChild({
    path: capabilities.path,
    args: ['-benchmark', ...(frames ? args : withoutFrames(args))],
    ...{ stdin: true, snapshots: true, media: true, renditions: 1 },
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  let pictures = 0;
  const splitter = new NutSplitter({
    frames: { acquire: () => undefined },
    onPicture: () => {},
    onSkipped: () => {
      pictures += 1;
    },
  });
  let stderr = '';
  child.stdout.on('data', (piece: Buffer) => splitter.push(piece));
  child.stderr.on('data', (piece: Buffer) => {
    stderr = (stderr + piece.toString('utf8')).slice(-20_000);
  });
  for (const output of [child.side, child.packets, child.snapshots!, ...child.renditions]) output.resume();
  const whole = new AbortController();
  await pace(
    cutTransportStream(bytes),
    (data) => child.media!.write(data),
    () => {},
    whole.signal,
  );
  child.media!.end();
  const { code } = await child.exited;
  process.off('exit', kill);
  const cpuSeconds = parseBenchmark(stderr);
  if (code !== 0 || cpuSeconds === undefined) throw new Error(`ffmpeg ended with ${code}: ${stderr.slice(-2000)}`);
  return { cpuSeconds, pictures };
}
