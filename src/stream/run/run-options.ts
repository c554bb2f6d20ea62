import type { Readable, Writable } from 'node:stream';
import type { Config, StreamConfig } from '../../config/schema/schema.js';
import type { Capabilities } from '../../ffmpeg/capabilities.js';
import type { OrphanGuard } from '../../ffmpeg/guard.js';
import type { LogLine } from '../../ffmpeg/log/log-line.js';
import type { EncoderChoice } from '../../ffmpeg/output/encoders.js';
import type { AccessUnitPlan } from '../../ffmpeg/output/webrtc.js';
import type { SourceClock } from '../../frames/clock.js';
import type { DecodeChoice } from '../../frames/decode.js';
import type { FrameConsumer } from '../../frames/frame.js';
import type { PictureSize } from '../../frames/gate/loop-watch.js';
import type { MediaPart } from '../../hls/segmenter.js';
import type { PlaylistFile } from '../../ingest/directory.js';
import type { SourcePolicy } from '../../ingest/policy.js';
import type { Publisher } from '../../ingest/publisher.js';
import type { Egress } from '../../ingest/relay/egress.js';
import type { Source, UnknownSource } from '../../ingest/source.js';
import type { WantedWebRtc } from '../outputs/access-unit-plan.js';
import type { SourceNeeds } from '../outputs/source-needs.js';
import type { Snapshots } from '../pictures/snapshots.js';
import type { StreamSystem } from '../system.js';
import type { WarningFacts } from './source-warnings.js';

/** The ffmpeg binary, and what surrounds each of its processes. */
export interface FfmpegTools {
  readonly capabilities: Capabilities;
  readonly guard: OrphanGuard;
  readonly egress: Egress;
}

/** The limits of one run, for all streams of a node. */
export interface RunLimits {
  /** The maximum frame size that is decoded, width × height. */
  readonly maxPixels: number;
  readonly startTimeoutMs: number;
  readonly stallTimeoutMs: number;
  readonly maxSegmentBytes: number;
}

/** More than any valid segment; beyond this, the source has no keyframes. */
const MAX_SEGMENT_BYTES = 512 * 1024 ** 2;

export function runLimitsOf({ maxPixels, startTimeoutSeconds, stallTimeoutSeconds }: Config['ffmpeg']): RunLimits {
  return {
    maxPixels,
    startTimeoutMs: startTimeoutSeconds * 1000,
    stallTimeoutMs: stallTimeoutSeconds * 1000,
    maxSegmentBytes: MAX_SEGMENT_BYTES,
  };
}

/** What earlier runs of a stream taught, for the next one: see `LearnedSettings`. */
export interface RunSettings {
  /** As found: the URL may name another kind. */
  readonly source: Source | UnknownSource;
  /** What is decoded of a copied stream. */
  readonly decode: DecodeChoice;
  /** Whether this run decides that, before a segment is listed. */
  readonly isDecodeOpen: boolean;
  /** The source's needs, as far as they are known. */
  readonly needs: SourceNeeds;
  /** By rendition. */
  readonly encoders: ReadonlyMap<string, EncoderChoice>;
  /** The earliest time for adding audio that starts late, in steady time; default: at once. */
  readonly addsAudioFrom?: number;
  /** In an earlier run audio started that ffmpeg had not found when it opened the source: probe for longer. */
  readonly isAudioLate?: boolean;
  /** HLS only: start closer to the live edge than usual, because what precedes it was played. */
  readonly startsLate?: boolean;
}

/** What a run opens of its source. */
export interface SourcePart {
  /** Directories only: the file to play. */
  readonly file: PlaylistFile | undefined;
  /** Number of previous runs without media: each run tries the host's next address. */
  readonly attempt: number;
}

/** Receives what a run delivers beside frames, while it runs. */
export interface RunListener {
  /** A frame was offered to the consumer of frames. */
  frame?(): void;
  part(rendition: string, part: MediaPart, clock: SourceClock): void;
  /** The sizes of the frames in a part of the first rendition, as soon as it arrives. */
  sizes?(pictures: readonly PictureSize[], now: number): void;
  /** Keyframes, this many seconds apart, have become so rare that thumbnails are too old. Called once. */
  rareKeyframes?(gapSeconds: number): void;
  /** What ffmpeg reports about the source when it has opened it, and again when its first keyframe has arrived. */
  opened?(facts: WarningFacts): void;
  line(line: LogLine): void;
  /** Bytes of the monitor's output. */
  monitor?(piece: Uint8Array): void;
  /** The pipes with access units, to be read continuously, as the plan says. */
  accessUnits?(pipes: readonly Readable[], plan: AccessUnitPlan): void;
}

export interface StreamRunOptions {
  readonly config: StreamConfig;
  readonly settings: RunSettings;
  readonly part: SourcePart;
  /** Whether media for players is made; otherwise only frames. */
  readonly makesMedia: boolean;
  /** Push only: the publisher that writes its media to ffmpeg until it ends or the signal aborts. */
  readonly feed: RunFeed | undefined;
  /** The source policy; undefined: no restrictions. */
  readonly policy: SourcePolicy | undefined;
  readonly ffmpeg: FfmpegTools;
  readonly limits: RunLimits;
  readonly system: Pick<StreamSystem, 'now' | 'delay'>;
  readonly redact: (text: string) => string;
  /** Undefined without WebRTC. */
  readonly webrtc?: WantedWebRtc | undefined;
  /** The consumer of the frames for thumbnails. */
  readonly frames: FrameConsumer;
  readonly listener: RunListener;
  /** The consumer of full-size frames. */
  readonly snapshots: Pick<Snapshots, 'isWanted' | 'from' | 'offer' | 'fail'>;
}

/** A publisher. */
export interface RunFeed
  extends Pick<Publisher, 'closed' | 'codecs' | 'format' | 'tooLarge' | 'audioCodec' | 'close' | 'retain'> {
  pipe(media: Writable, options: { readonly signal: AbortSignal; readonly flushKeyframes: boolean }): Promise<unknown>;
  videoCodec(signal: AbortSignal): Promise<string | undefined>;
  /** Whether it announced no audio; known once its video codec is. */
  readonly isSilent: boolean;
}
