import type { Writable } from 'node:stream';
import type { StreamConfig } from '../../config/schema/schema.js';
import type { Capabilities } from '../../ffmpeg/capabilities.js';
import type { OrphanGuard } from '../../ffmpeg/guard.js';
import type { LogLine } from '../../ffmpeg/log/log-line.js';
import type { EncoderChoice } from '../../ffmpeg/output/encoders.js';
import type { SourceClock } from '../../frames/clock.js';
import type { DecodeChoice } from '../../frames/decode.js';
import type { FrameConsumer } from '../../frames/frame.js';
import type { PictureSize } from '../../frames/gate/loop-watch.js';
import type { MediaPart } from '../../hls/segmenter.js';
import type { PlaylistFile } from '../../ingest/directory.js';
import type { SourcePolicy } from '../../ingest/policy.js';
import type { Egress } from '../../ingest/relay/egress.js';
import type { RtmpPublisher } from '../../ingest/rtmp/server-types.js';
import type { Source, UnknownSource } from '../../ingest/source.js';
import type { SourceNeeds } from '../outputs/source-needs.js';
import type { Snapshots } from '../pictures/snapshots.js';
import type { WarningFacts } from './source-warnings.js';

export interface StreamRunOptions {
  readonly config: StreamConfig;
  readonly source: Source | UnknownSource;
  readonly capabilities: Capabilities;
  readonly guard: OrphanGuard;
  /** Whether media for players is made; otherwise only frames. */
  readonly makesMedia: boolean;
  readonly egress: Egress;
  /** The source policy; undefined: no restrictions. */
  readonly policy: SourcePolicy | undefined;
  /** Number of previous runs without media. */
  readonly attempt: number;
  /** Directories only: the file to play. */
  readonly file?: PlaylistFile | undefined;
  /** The maximum frame size that is decoded. */
  readonly maxPixels: number;
  readonly startTimeoutMs: number;
  readonly stallTimeoutMs: number;
  readonly maxSegmentBytes: number;
  readonly redact: (text: string) => string;
  /** What is decoded of a copied stream. */
  readonly decode: DecodeChoice;
  /** Whether this run decides that, before a segment is listed. */
  readonly isDecodeOpen: boolean;
  /** The source's needs, as far as they are known. */
  readonly needs: SourceNeeds;
  /** The earliest time for adding audio that starts late, like `now`; default: at once. */
  readonly addsAudioFrom?: number;
  /** In an earlier run audio started that ffmpeg had not found when it opened the source: probe for longer. */
  readonly isAudioLate?: boolean;
  /** HLS only: start closer to the live edge than usual, because what precedes it was played. */
  readonly startsLate?: boolean;
  /** By rendition. */
  readonly encoders: ReadonlyMap<string, EncoderChoice>;
  /** Steady time in milliseconds, like all times of a run. */
  readonly now: () => number;
  readonly delay: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Takes the frames. */
  readonly frames: FrameConsumer;
  /** Called when `frames` gets one. */
  readonly onFrame?: () => void;
  readonly onPart: (rendition: string, part: MediaPart, clock: SourceClock) => void;
  /** Called with the sizes of the frames in a part of the first rendition, as soon as it arrives. */
  readonly onSizes?: (pictures: readonly PictureSize[], now: number) => void;
  /** Keyframes, this many seconds apart, have become so rare that thumbnails are too old. Called once. */
  readonly onRareKeyframes?: (gapSeconds: number) => void;
  /** Called with what ffmpeg reports about the source when it has opened it, and again when its first keyframe has arrived. */
  readonly onOpened?: (facts: WarningFacts) => void;
  readonly onLine: (line: LogLine) => void;
  /** The consumer of full-size frames. */
  readonly snapshots: Pick<Snapshots, 'isWanted' | 'from' | 'offer' | 'fail'>;
  /** Takes the monitor's bytes; undefined without a monitor. */
  readonly onMonitor?: ((piece: Uint8Array) => void) | undefined;
  /** Push only: the publisher that writes FLV to ffmpeg until it ends or the signal aborts. */
  readonly feed?: RunFeed | undefined;
}

/** A publisher. */
export interface RunFeed
  extends Pick<RtmpPublisher, 'closed' | 'codecs' | 'tooLarge' | 'audioCodec' | 'close' | 'retain'> {
  pipe(media: Writable, options: { readonly signal: AbortSignal; readonly flushKeyframes: boolean }): Promise<unknown>;
  videoCodec(signal: AbortSignal): Promise<string | undefined>;
  /** Whether it announced no audio; known once its video codec is. */
  readonly isSilent: boolean;
}
