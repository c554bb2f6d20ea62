import type { GateState, ImageState, PublicationState, StreamState } from '../terms.js';
import type { SourceWarning } from './run/source-warnings.js';

/** Where a stream is played and seen: absolute, or from the node's root. */
export interface PlaybackUrls {
  readonly hls: string;
  readonly thumbnail: string;
  readonly preview: string;
  readonly storyboard: string;
}

/** One rendition of a stream in the API. */
export interface RenditionDescription {
  readonly name: string;
  readonly video: 'copy' | 'encode';
  /** As ffmpeg calls it: `libx264`, `h264_vaapi`; null for a copy, and before the first run. */
  readonly encoder: string | null;
  /** Why it is this one, in words. */
  readonly encoderReason: string | null;
  readonly segments: number;
  readonly mediaSequence: number;
  readonly bandwidth: number | null;
  readonly codecs: string | null;
  readonly resolution: string | null;
  readonly frameRate: number | null;
}

/** A stream in the API (`GET /api/v1/streams/{stream}`). Times are RFC 3339 with milliseconds. */
export interface StreamDescription {
  readonly name: string;
  /** Whether it stands in the configuration or was made through the API. */
  readonly origin: 'config' | 'api';
  /** The URL is null for those who are not operators. */
  readonly source: {
    readonly kind: string;
    readonly url: string | null;
    /** Why players may not show the copied video as it was meant; empty until the source was opened. */
    readonly warnings: readonly SourceWarning[];
  };
  readonly state: StreamState;
  /** Why the stream is not live, in words; null while it is, and for those who are not operators. */
  readonly reason: { readonly code: string; readonly message: string } | null;
  /** When ffmpeg is started again after a failure; null while it runs. */
  readonly nextAttemptAt: string | null;
  readonly since: string;
  /** Players that asked for a media playlist lately. */
  readonly viewers: number;
  readonly playback: PlaybackUrls & {
    /** `signed`: only URLs with a token of one of the stream's keys are answered; those here have none. */
    readonly access: 'open' | 'signed';
    /** The newest picture under an address whose picture never changes; null while there is none to show. */
    readonly thumbnailImmutable: string | null;
  };
  readonly thumbnail: {
    readonly capturedAt: string | null;
    readonly ageSeconds: number | null;
    readonly state: ImageState;
    readonly width: number | null;
    readonly height: number | null;
    readonly bytes: number | null;
    readonly captured: number;
    /** Frames of which no picture was made because a newer one had come, or because they were torn. */
    readonly dropped: number;
    /** Frames that the gate held back. */
    readonly rejected: number;
    /** Encodes that went wrong, retries included. */
    readonly failed: number;
    /** Errors that the decoder told of. */
    readonly decoderErrors: number;
    /** Which pictures are decoded for thumbnails: `all` where the video is encoded. */
    readonly decode: {
      readonly mode: 'keyframes' | 'references' | 'all';
      readonly reason: string;
      /** The longest of the latest times between two keyframes of the source; null until there were two. */
      readonly keyframeIntervalSeconds: number | null;
    };
    /** What the stream shows; null before its first frame. */
    readonly gate: { readonly state: GateState; readonly since: string } | null;
    /** The newest picture, blurred: a ThumbHash in base64. */
    readonly placeholder: string | null;
    /** The colour that most of it has: `#rrggbb`. */
    readonly dominantColour: string | null;
  };
  readonly hls: {
    readonly segments: number;
    readonly windowBytes: number;
    readonly windowSeconds: number;
    readonly mediaSequence: number;
    readonly discontinuitySequence: number;
    /** The highest of all renditions, bits a second. */
    readonly bandwidth: number | null;
    readonly codecs: string | null;
    readonly resolution: string | null;
    readonly frameRate: number | null;
    /** Whether segments of the same number show the same time in all renditions. */
    readonly aligned: boolean;
    /** Null until the source was opened. */
    readonly audio: {
      /** `none`: the source has no audio or sends none, or none is wanted. */
      readonly mode: 'copy' | 'encode' | 'silence' | 'none';
      /** ffmpeg's name of the source's audio codec: `aac`, `pcm_alaw`. */
      readonly sourceCodec: string | null;
      /** Whether the source announces audio but sends none. It is added when it comes. */
      readonly isSilent: boolean;
    } | null;
    /** In the order of the multivariant playlist. What stands above is of the first. */
    readonly renditions: readonly RenditionDescription[];
  };
  readonly storage: {
    readonly type: string;
    /**
     * `idle`: there is nothing to publish. `waiting`: the store has not said yet whether this node may write. `publishing`. `standby`: another node writes this
     * stream. `ended`. `refused`: the store does not accept objects of the stream; they wait. `losing`: segments were lost a moment
     * ago. Null without a store.
     */
    readonly state: PublicationState | null;
    /** The store in use: `s3://bucket/prefix`; the second one's name ends with `(fallback)`. */
    readonly store: string | null;
    readonly playback: PlaybackUrls | null;
    readonly backlogBytes: number;
    readonly uploaded: number;
    readonly failed: number;
    readonly playlistLagSeconds: number | null;
    readonly lastError: string | null;
  };
  /** Null where there is none. */
  readonly monitor: {
    /** A WebSocket, absolute or from the node's root. */
    readonly url: string;
    readonly width: number;
    readonly height: number;
    /** About so many pictures a second at most. */
    readonly fps: number;
    readonly bitrate: number;
    readonly viewers: number;
    /** Viewers that were let go because they took too little. */
    readonly dropped: number;
  } | null;
  readonly ffmpeg: {
    readonly pid: number | null;
    readonly restarts: number;
    readonly speed: number | null;
    readonly fps: number | null;
  };
}
