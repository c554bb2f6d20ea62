import { resolve } from 'node:path';
import { playbackKeysOf } from '../config/schema/access.js';
import type { Config } from '../config/schema/schema.js';
import type { DesiredStream } from '../control/desired-streams.js';
import type { RtmpIngest } from '../control/rtmp-ingest.js';
import { type NodeEvents, StreamEvents } from '../events/stream-events.js';
import { readSource } from '../ingest/source.js';
import type { StreamEnvironment } from '../stream/environment.js';
import { restartOf } from '../stream/outputs/plan.js';
import { defaultRestartPolicy } from '../stream/run/restart-policy.js';
import { Stream } from '../stream/stream.js';
import type { Logger } from '../telemetry/logger.js';
import { createStreamLog } from '../telemetry/stream-log.js';
import type { NodeOptions } from './node-options.js';
import type { Publishing } from './publishing.js';
import { system } from './system.js';
import type { Tracing } from './tracing.js';

/** More than any valid segment; beyond this, the source has no keyframes. */
const MAX_SEGMENT_BYTES = 512 * 1024 ** 2;

/** Dependencies that all streams of a node share unchanged. */
type Shared =
  | 'capabilities'
  | 'encoders'
  | 'guard'
  | 'egress'
  | 'starts'
  | 'load'
  | 'snapshotPlaces'
  | 'metrics'
  | 'redact'
  | 'now'
  | 'dateOf';

/** Everything that a node provides to its streams. */
export interface StreamParts {
  readonly shared: Pick<StreamEnvironment, Shared>;
  readonly events: NodeEvents;
  readonly settings: Pick<Config, 'storage' | 'http' | 'ffmpeg' | 'api'>;
  readonly restart: NodeOptions['restart'];
  readonly log: Logger;
  readonly door: RtmpIngest;
  /** Undefined: nothing is uploaded. */
  readonly publishing: Publishing | undefined;
  /** Undefined: no traces. */
  readonly tracing: Tracing | undefined;
  /** Keys can change while streams run. */
  readonly playback: () => Config['playback'];
  /** The offline image that a stream is configured with. */
  readonly offlineFile: (name: string) => Uint8Array | undefined;
}

/** Creates a stream, not yet started, from its configuration and the parts of its node. */
export function makeStream({ config, origin }: DesiredStream, parts: StreamParts): Stream {
  const { shared, settings, door, publishing, tracing, playback } = parts;
  const { storage, http, ffmpeg, api } = settings;
  const log = parts.log.child({ stream: config.name });
  const source = readSource(config.source, (path) => resolve(path), config.input.format);
  const events = new StreamEvents(parts.events, config.name);
  events.subscribe(createStreamLog({ log, now: shared.now }));
  const isStored = publishing !== undefined;
  const hasThumbnail = isStored && config.thumbnail.sequence.mode !== 'sequential';
  // Must come before the stream subscribes its uploads.
  if (tracing !== undefined) events.subscribe(tracing.traces.follow({ segments: isStored, thumbnails: hasThumbnail }));
  return new Stream({
    ...{ ...shared, ...system },
    ...{ config, origin, source, log, events },
    // For API streams the policy applies throughout their life.
    policy: origin === 'api' ? api.sources : undefined,
    nextPublisher: config.source === 'push' ? (signal) => door.desk.next(config.name, signal) : undefined,
    storage: {
      publisher: publishing?.publisher,
      ...{ type: storage.type, required: storage.required, cleanup: storage.cleanup },
      ...{ urlOf: publishing?.urlOf, troubleOf: publishing?.troubleOf },
    },
    publicUrl: http.publicUrl,
    offlineFile: parts.offlineFile(config.thumbnail.offline),
    playbackKeys: () => playbackKeysOf(playback(), config.playback),
    restart: restartOf(config, source, { ...defaultRestartPolicy, ...parts.restart }),
    maxPixels: ffmpeg.maxPixels,
    startTimeoutMs: ffmpeg.startTimeoutSeconds * 1000,
    stallTimeoutMs: ffmpeg.stallTimeoutSeconds * 1000,
    maxSegmentBytes: MAX_SEGMENT_BYTES,
  });
}
