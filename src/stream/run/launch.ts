import { type Child, spawnChild } from '../../ffmpeg/child.js';
import { ffmpegArguments } from '../../ffmpeg/output/arguments.js';
import { checkSource } from '../../ingest/policy.js';
import { openRoute, type Route } from '../../ingest/route.js';
import { canFlushKeyframes, canSnapshot, planStream, srtPlaylistOf } from '../outputs/plan.js';
import type { StreamRunOptions } from './run-options.js';

/** A started ffmpeg. */
export interface Launched {
  readonly child: Child;
  /** Its route to the source, to be closed after it exited. */
  readonly route: Route;
  /** Whether it expects a publisher's keyframes with marks after them. */
  readonly flushesKeyframes: boolean;
  /** Whether it would expect them if only keyframes were decoded. */
  readonly canFlush: boolean;
}

/**
 * Starts ffmpeg for one run: checks the source policy, opens the route, plans the arguments, spawns the process. Throws `source-refused`,
 * `source-unavailable`, `source-unsupported` or `ffmpeg-unusable`; nothing stays open then.
 */
export async function launch(run: StreamRunOptions): Promise<Launched> {
  const { config, source, capabilities, policy, attempt, file, feed } = run;
  const problem = policy && checkSource(source, policy, config);
  if (problem !== undefined) throw problem;
  const srtPlaylist = (url: string) => srtPlaylistOf({ config, source, capabilities }, url);
  const way = { source, networks: policy?.networks, attempt, file, srtPlaylist };
  const route = await openRoute({ ...way, egress: run.egress });
  try {
    const canFlush = feed?.codecs.video === 'h264' && canFlushKeyframes(run);
    const flushesKeyframes = canFlush && run.decode.mode === 'keyframes';
    const isBound = policy !== undefined;
    const found = { sourceUrl: route.url, isBound, flushesKeyframes, isSilent: feed?.isSilent ?? false };
    const snapshots = canSnapshot(source, capabilities);
    const plan = planStream({ ...run, ...found });
    const child = await spawnChild({
      ...run.guard.wrap(capabilities.path, ffmpegArguments(plan)),
      environment: { ...capabilities.environment, ...run.egress.environment({ isBound }) },
      stdin: snapshots,
      snapshots,
      media: file?.handle.fd ?? feed !== undefined,
      monitor: config.monitor.enabled,
      renditions: plan.renditions.length,
      audio: plan.awaitsAudio ?? false,
    });
    void child.exited.then(run.guard.watch(child.pid));
    return { child, route, flushesKeyframes, canFlush };
  } catch (error) {
    route.close();
    throw error;
  }
}
