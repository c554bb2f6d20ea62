import { type Child, spawnChild } from '../../ffmpeg/child.js';
import { ffmpegArguments } from '../../ffmpeg/output/arguments.js';
import { accessUnitOutputs } from '../../ffmpeg/output/webrtc.js';
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
  const { config, settings, part, makesMedia, feed, policy, ffmpeg, limits } = run;
  const { source, decode } = settings;
  const { attempt, file } = part;
  const { capabilities, guard, egress } = ffmpeg;
  const problem = policy && checkSource(source, policy, config);
  if (problem !== undefined) throw problem;
  const srtPlaylist = (url: string) => srtPlaylistOf({ config, source, capabilities }, url);
  const route = await openRoute({ source, networks: policy?.networks, attempt, file, srtPlaylist, egress });
  try {
    const canFlush = feed?.codecs.video === 'h264' && canFlushKeyframes({ config, source, capabilities });
    const flushesKeyframes = canFlush && decode.mode === 'keyframes';
    const isBound = policy !== undefined;
    const found = {
      sourceUrl: route.url,
      isBound,
      flushesKeyframes,
      isSilent: feed?.isSilent ?? false,
      publisherFormat: feed?.format,
    };
    const snapshots = canSnapshot(source, capabilities);
    const plan = planStream({ config, capabilities, makesMedia, maxPixels: limits.maxPixels, ...settings, ...found });
    const child = await spawnChild({
      ...guard.wrap(capabilities.path, ffmpegArguments(plan)),
      environment: { ...capabilities.environment, ...egress.environment({ isBound }) },
      stdin: snapshots,
      snapshots,
      media: file?.handle.fd ?? feed !== undefined,
      monitor: config.monitor.enabled,
      renditions: plan.renditions.length,
      audio: plan.awaitsAudio ?? false,
      accessUnits: accessUnitOutputs(plan.webrtc),
    });
    void child.exited.then(guard.watch(child.pid));
    return { child, route, flushesKeyframes, canFlush };
  } catch (error) {
    route.close();
    throw error;
  }
}
