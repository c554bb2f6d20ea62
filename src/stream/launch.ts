import { ffmpegArguments } from '../ffmpeg/arguments.js';
import { type Child, spawnChild } from '../ffmpeg/child.js';
import { TIMER_SLACK_MS } from '../ffmpeg/chosen-keyframes.js';
import { checkSource } from '../ingest/policy.js';
import { openRoute, type Route } from '../ingest/route.js';
import { canFlushKeyframes, canSnapshot, planStream } from './plan.js';
import type { RunOptions } from './run-options.js';
import type { SegmentIntake } from './segment-intake.js';

/** So long a publisher is waited for to show what its video is. */
const CODEC_WAIT_MS = 1500;

export interface LaunchOptions {
  readonly run: RunOptions;
  /** Where ffmpeg sends its segments. */
  readonly segments: Pick<SegmentIntake, 'urls' | 'host'>;
  /** Only keyframes that are wanted are decoded. */
  readonly choosesKeyframes: boolean;
  /** Ends the wait for a publisher. */
  readonly signal: AbortSignal;
}

/** An ffmpeg that has begun. */
export interface Launched {
  readonly child: Child;
  /** Its way to the source: to be closed when it is gone. */
  readonly route: Route;
  /** Whether it expects a publisher's keyframes with marks behind them. */
  readonly flushesKeyframes: boolean;
}

/**
 * Begins ffmpeg for one run: what its source may be, the way there, what it shall do, the process. Throws `source-refused`,
 * `source-unavailable`, `source-unsupported` or `ffmpeg-unusable`; nothing is left open then.
 */
export async function launch({ run, segments, choosesKeyframes, signal }: LaunchOptions): Promise<Launched> {
  const { config, source, capabilities, policy, attempt, file, feed } = run;
  const problem = policy && checkSource(source, policy, config);
  if (problem !== undefined) throw problem;
  const route = await openRoute({ source, networks: policy?.networks, attempt, file });
  try {
    const flushesKeyframes = canFlushKeyframes(run) && (await videoCodec(run, signal)) === 'h264';
    const { urls, host: sinkHost } = segments;
    const isBound = policy !== undefined;
    const found = { urls, sourceUrl: route.url, isBound, flushesKeyframes, isSilent: feed?.isSilent ?? false };
    const snapshots = canSnapshot(source, capabilities);
    const child = await spawnChild({
      ...run.guard.wrap(capabilities.path, ffmpegArguments(planStream({ ...run, ...found }))),
      environment: run.egress.environment({ isBound, sinkHost }),
      stdin: snapshots,
      snapshots,
      media: file?.handle.fd ?? feed !== undefined,
      monitor: config.monitor.enabled,
      keyframes: choosesKeyframes,
      timerSlackMs: choosesKeyframes ? TIMER_SLACK_MS : 0,
    });
    void child.exited.then(run.guard.watch(child.pid));
    return { child, route, flushesKeyframes };
  } catch (error) {
    route.close();
    throw error;
  }
}

async function videoCodec({ feed, delay }: RunOptions, signal: AbortSignal): Promise<string | undefined> {
  const settled = new AbortController();
  const limits = AbortSignal.any([signal, settled.signal]);
  const abort = () => settled.abort();
  void delay(CODEC_WAIT_MS, limits).then(abort, abort);
  const codec = await feed?.videoCodec(limits);
  settled.abort();
  return codec;
}
