import type { StreamConfig } from '../config/schema/schema.js';
import type { SidepipeError } from '../errors.js';
import type { StreamEvents } from '../events/stream-events.js';
import type { Capabilities } from '../ffmpeg/capabilities.js';
import type { EncoderProber } from '../ffmpeg/encoder-prober.js';
import type { OrphanGuard } from '../ffmpeg/guard.js';
import type { SourcePolicy, StreamOrigin } from '../ingest/policy.js';
import type { Egress } from '../ingest/relay/egress.js';
import type { RtmpPublisher } from '../ingest/rtmp/server-types.js';
import type { Source, UnknownSource } from '../ingest/source.js';
import type { StreamLoad } from '../load/guard.js';
import type { StorePublisher } from '../storage/publish/types.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { PlaybackKey } from './live-stream.js';
import type { SnapshotPlaces } from './pictures/snapshot-places.js';
import type { RestartPolicy } from './run/restart-policy.js';
import type { StartLimiter } from './run/start-limiter.js';

/** The stores, as one stream sees them. */
interface StreamStorage {
  /** Undefined: nothing is uploaded. */
  readonly publisher: StorePublisher | undefined;
  readonly type: string;
  /** Where the keys of a store, named as in `PublicationStatus`, can be fetched; without a trailing slash. */
  readonly urlOf: ((store: string) => string | undefined) | undefined;
  /** Why a store accepts nothing; undefined while it does. */
  readonly troubleOf: ((store: string) => SidepipeError | undefined) | undefined;
  /** Whether a stream that is not on the store is not ready. */
  readonly required: boolean;
  readonly cleanup: 'delete' | 'keep';
}

/** All that one stream needs of the node around it. */
export interface StreamEnvironment {
  readonly config: StreamConfig;
  readonly origin: StreamOrigin;
  readonly source: Source | UnknownSource;
  readonly capabilities: Capabilities;
  readonly encoders: Pick<EncoderProber, 'choose'>;
  readonly guard: OrphanGuard;
  readonly egress: Egress;
  /** What the source may be: set for streams that came through the API. */
  readonly policy: SourcePolicy | undefined;
  /** Push only: the stream's next publisher. */
  readonly nextPublisher: ((signal: AbortSignal) => Promise<RtmpPublisher | undefined>) | undefined;
  readonly storage: StreamStorage;
  readonly publicUrl: string | undefined;
  /** A picture to be shown while there is none; undefined: one is drawn. */
  readonly offlineFile: Uint8Array | undefined;
  /** Carries everything that happens to the stream to whoever subscribes. */
  readonly events: StreamEvents;
  /** What the machine bears. */
  readonly load: StreamLoad;
  /** Staggers the starts of all streams. */
  readonly starts: StartLimiter;
  /** Shared by all streams. */
  readonly snapshotPlaces: SnapshotPlaces;
  /** Counts what players report. */
  readonly metrics: Pick<Metrics, 'playerReports' | 'playerThroughput' | 'playerBitrate'>;
  /** The keys that sign playback at the moment; undefined while it is open to everyone. */
  readonly playbackKeys: () => readonly PlaybackKey[] | undefined;
  /** Adds the stream's name to each line. */
  readonly log: Logger;
  readonly restart: RestartPolicy;
  /** The largest picture that is decoded, width × height. */
  readonly maxPixels: number;
  readonly startTimeoutMs: number;
  readonly stallTimeoutMs: number;
  readonly maxSegmentBytes: number;
  /** Takes secrets out of a text. */
  readonly redact: (text: string) => string;
  /** Steady time in milliseconds (see `NodeClock`): what everything inside a stream is measured with. */
  readonly now: () => number;
  /** The date of a moment of steady time, in milliseconds since the epoch: for everything that leaves the stream. */
  readonly dateOf: (at: number) => number;
  /** Settles after `ms`; rejects when the signal aborts. */
  readonly delay: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly random: () => number;
  /** 8 hexadecimal digits, another each time. */
  readonly randomId: () => string;
  readonly cpuSecondsOf: (pid: number | undefined) => Promise<number | undefined>;
}
