import { resolve } from 'node:path';
import { playbackKeysOf } from '../config/schema/access.js';
import type { Config } from '../config/schema/schema.js';
import type { DesiredStream } from '../control/desired-streams.js';
import type { RtmpIngest } from '../control/rtmp-ingest.js';
import { type NodeEvents, StreamEvents } from '../events/stream-events.js';
import { readSource } from '../ingest/source.js';
import type { StreamServices } from '../stream/environment.js';
import { restartOf } from '../stream/outputs/plan.js';
import { defaultRestartPolicy } from '../stream/run/restart-policy.js';
import { Stream } from '../stream/stream.js';
import type { Logger } from '../telemetry/logger.js';
import { createStreamLog } from '../telemetry/stream-log.js';
import type { NodeOptions } from './node-options.js';
import type { Publishing } from './publishing.js';
import type { Tracing } from './tracing.js';

/** The parts of a node that its streams are made from. */
export interface StreamParts {
  readonly services: StreamServices;
  readonly events: NodeEvents;
  readonly settings: Pick<Config, 'storage' | 'api'>;
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
  const { services, settings, door, publishing, tracing, playback } = parts;
  const { storage, api } = settings;
  const log = parts.log.child({ stream: config.name });
  const source = readSource(config.source, (path) => resolve(path), config.input.format);
  const events = new StreamEvents(parts.events, config.name);
  events.subscribe(createStreamLog({ log, now: services.system.now }));
  const isStored = publishing !== undefined;
  const hasThumbnail = isStored && config.thumbnail.sequence.mode !== 'sequential';
  // Must come before the stream subscribes its uploads.
  if (tracing !== undefined) events.subscribe(tracing.traces.follow({ segments: isStored, thumbnails: hasThumbnail }));
  return new Stream({
    config,
    origin,
    source,
    services,
    // For API streams the policy applies throughout their life.
    policy: origin === 'api' ? api.sources : undefined,
    nextPublisher: config.source === 'push' ? (signal) => door.desk.next(config.name, signal) : undefined,
    restart: restartOf(config, source, { ...defaultRestartPolicy, ...parts.restart }),
    storage: {
      publisher: publishing?.publisher,
      urlOf: publishing?.urlOf,
      troubleOf: publishing?.troubleOf,
      type: storage.type,
      required: storage.required,
      cleanup: storage.cleanup,
    },
    offlineFile: parts.offlineFile(config.thumbnail.offline),
    playbackKeys: () => playbackKeysOf(playback(), config.playback),
    events,
    log,
  });
}
