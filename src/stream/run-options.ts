import type { Writable } from 'node:stream';
import type { StreamConfig } from '../config/schema.js';
import type { Capabilities } from '../ffmpeg/capabilities.js';
import type { EncoderChoice } from '../ffmpeg/encoders.js';
import type { OrphanGuard } from '../ffmpeg/guard.js';
import type { LogLine } from '../ffmpeg/log-line.js';
import type { SourceClock } from '../frames/clock.js';
import type { DecodeChoice } from '../frames/decode.js';
import type { DecodedPicture } from '../frames/frame.js';
import type { ReadySegment } from '../hls/assembler.js';
import type { SegmentSink } from '../hls/sink.js';
import type { PlaylistFile } from '../ingest/directory.js';
import type { Egress } from '../ingest/egress.js';
import type { SourcePolicy } from '../ingest/policy.js';
import type { Source, UnknownSource } from '../ingest/source.js';
import type { KeyframeShelf } from './keyframe-shelf.js';
import type { Snapshots } from './snapshots.js';
import type { SourceNeeds } from './source-needs.js';

export interface RunOptions {
  readonly config: StreamConfig;
  readonly source: Source | UnknownSource;
  readonly capabilities: Capabilities;
  readonly guard: OrphanGuard;
  /** Where segments come in; undefined: pictures alone are wanted. */
  readonly sink: SegmentSink | undefined;
  readonly egress: Egress;
  /** What the source may be; undefined: anything. */
  readonly policy: SourcePolicy | undefined;
  /** How many runs have given nothing. */
  readonly attempt: number;
  /** Directories only: which of its files. */
  readonly file?: PlaylistFile | undefined;
  readonly startTimeoutMs: number;
  readonly stallTimeoutMs: number;
  readonly maxSegmentBytes: number;
  readonly redact: (text: string) => string;
  /** What is decoded of a copied stream. */
  readonly decode: DecodeChoice;
  /** Undefined where keyframes cannot be chosen. */
  readonly shelf?: KeyframeShelf | undefined;
  /** What the source needs, as far as it is known. */
  readonly needs: SourceNeeds;
  /** By rendition. */
  readonly encoders: ReadonlyMap<string, EncoderChoice>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly delay: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Lends a buffer for the next picture. */
  readonly acquire: (bytes: number) => Uint8Array | undefined;
  readonly onPicture: (picture: DecodedPicture, capturedAt: number) => void;
  readonly onSegment: (rendition: string, segment: ReadySegment, clock: SourceClock) => void;
  readonly onLine: (line: LogLine) => void;
  /** Whoever wants pictures of full size. */
  readonly snapshots: Pick<Snapshots, 'isWanted' | 'from' | 'offer' | 'fail'>;
  /** Takes the monitor's bytes; undefined where there is no monitor. */
  readonly onMonitor?: ((piece: Uint8Array) => void) | undefined;
  /** Push only: who writes FLV to ffmpeg, until it ends or the signal aborts. */
  readonly feed?: Feed | undefined;
}

/** A publisher. */
interface Feed {
  pipe(media: Writable, options: { readonly signal: AbortSignal; readonly flushKeyframes: boolean }): Promise<unknown>;
  videoCodec(signal: AbortSignal): Promise<string | undefined>;
  /** Whether it promises no sound; known once its video's codec is. */
  readonly isSilent: boolean;
}
