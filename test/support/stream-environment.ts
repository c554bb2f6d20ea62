import { NodeClock } from '../../src/clock.js';
import type { StreamConfig } from '../../src/config/schema/schema.js';
import { NodeEvents, StreamEvents } from '../../src/events/stream-events.js';
import { createEgress } from '../../src/ingest/relay/egress.js';
import { readSource } from '../../src/ingest/source.js';
import { loadEffects } from '../../src/load/level.js';
import type { StreamEnvironment, StreamServices } from '../../src/stream/environment.js';
import { SnapshotPlaces } from '../../src/stream/pictures/snapshot-places.js';
import { defaultRestartPolicy } from '../../src/stream/run/restart-policy.js';
import type { FfmpegTools } from '../../src/stream/run/run-options.js';
import { StartLimiter } from '../../src/stream/run/start-limiter.js';
import { systemOf } from '../../src/stream/system.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { embedded } from './ffmpeg.js';

/** The embedded ffmpeg, which nothing guards. */
const ffmpeg: FfmpegTools = {
  capabilities: {
    path: embedded.path,
    version: 'embedded',
    libavformat: 58,
    libavformatMinor: 12,
    protocols: new Set(['http', 'pipe']),
    encoders: new Set(['libx264']),
    bitstreamFilters: new Set(),
    options: embedded.options,
    hasNarrowTimestamps: false,
  },
  guard: { way: 'reaper', wrap: (path, args) => ({ path, args }), watch: () => () => {}, close: async () => {} },
  egress: createEgress(),
};
const metrics = createMetrics();

/** What a node gives to all its streams; `more`: what the test wants otherwise. */
export function streamServices(more: Partial<StreamServices> = {}): StreamServices {
  return {
    ffmpeg,
    limits: { maxPixels: 8192 * 4320, startTimeoutMs: 20_000, stallTimeoutMs: 10_000, maxSegmentBytes: 1024 ** 2 },
    encoders: { choose: async () => ({ encoder: 'libx264', reason: 'test' }) },
    system: systemOf(new NodeClock()),
    load: { effects: loadEffects.normal },
    starts: new StartLimiter({ atOnce: () => 1 }),
    snapshotPlaces: new SnapshotPlaces(),
    metrics,
    publicUrl: undefined,
    redact: (text) => text,
    ...more,
  };
}

/** What a node gives to one stream, of its configuration and without a store; `more`: what the test wants otherwise. */
export function streamEnvironment(config: StreamConfig, more: Partial<StreamEnvironment> = {}): StreamEnvironment {
  return {
    config,
    origin: 'config',
    source: readSource(config.source, (path) => `/at/${path}`, config.input.format),
    services: streamServices(),
    policy: undefined,
    nextPublisher: undefined,
    restart: defaultRestartPolicy,
    storage: {
      publisher: undefined,
      type: 'memory',
      urlOf: undefined,
      troubleOf: undefined,
      required: false,
      cleanup: 'delete',
    },
    offlineFile: undefined,
    playbackKeys: () => undefined,
    events: new StreamEvents(new NodeEvents(Date.now), config.name),
    log: createLogger({ level: 'silent', secrets: [] }),
    ...more,
  };
}
