import type { StreamStats } from '../events/feed-schema.js';
import type { DescribedStream } from './describe.js';
import type { Readings } from './run/meter.js';

type MeasuredStream = Pick<
  DescribedStream,
  'env' | 'state' | 'hls' | 'images' | 'uploads' | 'run' | 'viewers' | 'restarts'
>;

/** One stream at this moment, for charts. */
export function statsOf(
  { env, state, hls, images, uploads, run, viewers, restarts }: MeasuredStream,
  readings: Readings,
): StreamStats {
  const { segments, listedBytes, seconds } = hls.counters();
  const { ageSeconds, state: age, gate, captured, dropped, rejected } = images.status;
  const keyframeIntervalSeconds = run?.keyframeIntervalSeconds;
  const isRunning = state !== 'idle';
  return {
    stream: env.config.name,
    state,
    ...(isRunning ? readings : { fps: null, speed: null, driftSeconds: null }),
    bitrate: isRunning && segments > 0 && seconds > 0 ? Math.round((listedBytes * 8) / seconds) : null,
    keyframeIntervalSeconds: keyframeIntervalSeconds === undefined ? null : milli(keyframeIntervalSeconds),
    thumbnail: {
      ageSeconds: ageSeconds === undefined ? null : milli(ageSeconds),
      state: age,
      gate: gate?.state ?? null,
      ...{ captured, dropped, rejected },
    },
    upload: {
      state: uploads?.state ?? null,
      lagSeconds: uploads?.playlistLagSeconds ?? null,
      backlogBytes: uploads?.backlogBytes ?? 0,
      uploaded: uploads?.uploaded ?? 0,
      failed: uploads?.failed ?? 0,
    },
    viewers,
    restarts,
  };
}

function milli(value: number): number {
  return Math.round(value * 1000) / 1000;
}
