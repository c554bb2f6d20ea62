import type { Writable } from 'node:stream';
import type { StreamConfig } from '../../config/schema/schema.js';
import type { Capabilities } from '../../ffmpeg/capabilities.js';
import type { OrphanGuard } from '../../ffmpeg/guard.js';
import type { LogLine } from '../../ffmpeg/log/log-line.js';
import type { SourceFacts } from '../../ffmpeg/log/source-facts.js';
import type { EncoderChoice } from '../../ffmpeg/output/encoders.js';
import type { SourceClock } from '../../frames/clock.js';
import type { DecodeChoice } from '../../frames/decode.js';
import type { DecodedPicture } from '../../frames/frame.js';
import type { PictureSize } from '../../frames/gate/loop-watch.js';
import type { MediaPart } from '../../hls/segmenter.js';
import type { PlaylistFile } from '../../ingest/directory.js';
import type { SourcePolicy } from '../../ingest/policy.js';
import type { Egress } from '../../ingest/relay/egress.js';
import type { RtmpPublisher } from '../../ingest/rtmp/server-types.js';
import type { Source, UnknownSource } from '../../ingest/source.js';
import type { SourceNeeds } from '../outputs/source-needs.js';
import type { Snapshots } from '../pictures/snapshots.js';

export interface StreamRunOptions {
  readonly config: StreamConfig;
  readonly source: Source | UnknownSource;
  readonly capabilities: Capabilities;
  readonly guard: OrphanGuard;
  /** Whether media is made for players; else pictures alone are. */
  readonly makesMedia: boolean;
  readonly egress: Egress;
  /** What the source may be; undefined: anything. */
  readonly policy: SourcePolicy | undefined;
  /** How many runs have given nothing. */
  readonly attempt: number;
  /** Directories only: which of its files. */
  readonly file?: PlaylistFile | undefined;
  /** The largest picture that is decoded. */
  readonly maxPixels: number;
  readonly startTimeoutMs: number;
  readonly stallTimeoutMs: number;
  readonly maxSegmentBytes: number;
  readonly redact: (text: string) => string;
  /** What is decoded of a copied stream. */
  readonly decode: DecodeChoice;
  /** Whether that is to be decided in this run, before a segment is listed. */
  readonly isDecodeOpen: boolean;
  /** What the source needs, as far as it is known. */
  readonly needs: SourceNeeds;
  /** When audio that comes may be added at the earliest, as `now`; at once where it is not told. */
  readonly addsAudioFrom?: number;
  /** Audio came once that ffmpeg had not found when it opened the source: it is looked for longer. */
  readonly isAudioLate?: boolean;
  /** HLS only: begin nearer to the end of the playlist than usual, because what is before was played. */
  readonly startsLate?: boolean;
  /** By rendition. */
  readonly encoders: ReadonlyMap<string, EncoderChoice>;
  /** Steady time in milliseconds, as of all that a run gives. */
  readonly now: () => number;
  readonly delay: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Lends a buffer for the next picture. */
  readonly acquire: (bytes: number) => Uint8Array | undefined;
  readonly onPicture: (picture: DecodedPicture, capturedAt: number) => void;
  readonly onPart: (rendition: string, part: MediaPart, clock: SourceClock) => void;
  /** What the pictures of a part take, as soon as it has come; of the first rendition. */
  readonly onSizes?: (pictures: readonly PictureSize[], now: number) => void;
  /** Keyframes have become so rare, in seconds, that thumbnails are older than they should be. Called once. */
  readonly onRareKeyframes?: (gapSeconds: number) => void;
  /** What ffmpeg says of the source when it has opened it. */
  readonly onOpened?: (facts: SourceFacts) => void;
  readonly onLine: (line: LogLine) => void;
  /** Whoever wants pictures of full size. */
  readonly snapshots: Pick<Snapshots, 'isWanted' | 'from' | 'offer' | 'fail'>;
  /** Takes the monitor's bytes; undefined where there is no monitor. */
  readonly onMonitor?: ((piece: Uint8Array) => void) | undefined;
  /** Push only: who writes FLV to ffmpeg, until it ends or the signal aborts. */
  readonly feed?: RunFeed | undefined;
}

/** A publisher. */
export interface RunFeed
  extends Pick<RtmpPublisher, 'closed' | 'codecs' | 'tooLarge' | 'audioCodec' | 'close' | 'retain'> {
  pipe(media: Writable, options: { readonly signal: AbortSignal; readonly flushKeyframes: boolean }): Promise<unknown>;
  videoCodec(signal: AbortSignal): Promise<string | undefined>;
  /** Whether it promises no sound; known once its video's codec is. */
  readonly isSilent: boolean;
}
