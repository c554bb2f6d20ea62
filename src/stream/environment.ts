import type { StreamConfig } from '../config/schema/schema.js';
import type { SidepipeError } from '../errors.js';
import type { StreamEvents } from '../events/stream-events.js';
import type { EncoderProber } from '../ffmpeg/encoder-prober.js';
import type { SourcePolicy, StreamOrigin } from '../ingest/policy.js';
import type { Publisher } from '../ingest/publisher.js';
import type { Source, UnknownSource } from '../ingest/source.js';
import type { StreamLoad } from '../load/guard.js';
import type { StorePublisher } from '../storage/publish/types.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { WebRtcSessions } from '../webrtc/sessions.js';
import type { PlaybackKey } from './live-stream.js';
import type { WantedWebRtc } from './outputs/access-unit-plan.js';
import type { SnapshotPlaces } from './pictures/snapshot-places.js';
import type { RestartPolicy } from './run/restart-policy.js';
import type { FfmpegTools, RunLimits } from './run/run-options.js';
import type { StartLimiter } from './run/start-limiter.js';
import type { StreamSystem } from './system.js';

/** The stores as a stream uses them. */
interface StreamStorage {
  /** Undefined: nothing is uploaded. */
  readonly publisher: StorePublisher | undefined;
  readonly type: string;
  /** The base URL of a store's objects, for a store name as in `PublicationStatus`; without a trailing slash. */
  readonly urlOf: ((store: string) => string | undefined) | undefined;
  /** Why a store rejects everything; undefined while it does not. */
  readonly troubleOf: ((store: string) => SidepipeError | undefined) | undefined;
  /** Whether a stream that is not on the store counts as not ready. */
  readonly required: boolean;
  readonly cleanup: 'delete' | 'keep';
}

/** What a node provides to all its streams alike. */
export interface StreamServices {
  readonly ffmpeg: FfmpegTools;
  readonly limits: RunLimits;
  readonly encoders: Pick<EncoderProber, 'choose'>;
  readonly system: StreamSystem;
  /** The load of the machine. */
  readonly load: StreamLoad;
  /** Staggers the starts of all streams. */
  readonly starts: StartLimiter;
  readonly snapshotPlaces: SnapshotPlaces;
  /** Counts player reports. */
  readonly metrics: Pick<Metrics, 'playerReports' | 'playerThroughput' | 'playerBitrate'>;
  readonly publicUrl: string | undefined;
  /** Undefined: WebRTC is disabled. */
  readonly webrtc?: (WantedWebRtc & { readonly sessions: WebRtcSessions }) | undefined;
  /** Removes secrets from a text. */
  readonly redact: (text: string) => string;
}

/** Everything that a stream needs from its node. */
export interface StreamEnvironment {
  readonly config: StreamConfig;
  readonly origin: StreamOrigin;
  readonly source: Source | UnknownSource;
  readonly services: StreamServices;
  /** The source policy: set for streams created through the API. */
  readonly policy: SourcePolicy | undefined;
  /** Push only: waits for the stream's next publisher. */
  readonly nextPublisher: ((signal: AbortSignal) => Promise<Publisher | undefined>) | undefined;
  readonly restart: RestartPolicy;
  readonly storage: StreamStorage;
  /** An image to show while there is no thumbnail; undefined: one is drawn. */
  readonly offlineFile: Uint8Array | undefined;
  /** The keys that currently sign playback; undefined while playback is open to everyone. */
  readonly playbackKeys: () => readonly PlaybackKey[] | undefined;
  /** Delivers everything that happens to the stream to subscribers. */
  readonly events: StreamEvents;
  /** Adds the stream's name to each line. */
  readonly log: Logger;
}
