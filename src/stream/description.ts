import type { GateState, ImageState, PublicationState, StreamState } from '../terms.js';
import type { SourceWarning } from './run/source-warnings.js';

/** The URLs of a stream's playlists and images: absolute, or relative to the node's root. */
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
  /** ffmpeg's name: `libx264`, `h264_vaapi`; null for a copy, and before the first run. */
  readonly encoder: string | null;
  /** Why this encoder was chosen. */
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
  /** Whether the stream is defined in the configuration or was created through the API. */
  readonly origin: 'config' | 'api';
  /** The URL is null for everyone but operators. */
  readonly source: {
    readonly kind: string;
    readonly url: string | null;
    /** Why players may display the copied video incorrectly; empty until the source was opened. */
    readonly warnings: readonly SourceWarning[];
  };
  readonly state: StreamState;
  /** Why the stream is not live; null while it is, and for everyone but operators. */
  readonly reason: { readonly code: string; readonly message: string } | null;
  /** When ffmpeg starts again after a failure; null while it runs. */
  readonly nextAttemptAt: string | null;
  readonly since: string;
  /** Number of players that recently requested a media playlist. */
  readonly viewers: number;
  readonly playback: PlaybackUrls & {
    /** `signed`: only URLs with a token of one of the stream's keys work; the URLs here have no token. */
    readonly access: 'open' | 'signed';
    /** The newest thumbnail under an immutable URL; null while there is none. */
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
    /** Frames without a thumbnail because a newer frame had arrived, or because they were damaged. */
    readonly dropped: number;
    /** Frames that the gate suppressed. */
    readonly rejected: number;
    /** Failed encodes, including retries. */
    readonly failed: number;
    /** Errors reported by the decoder. */
    readonly decoderErrors: number;
    /** Which frames are decoded for thumbnails: `all` if the video is encoded. */
    readonly decode: {
      readonly mode: 'keyframes' | 'references' | 'all';
      readonly reason: string;
      /** The longest of the source's recent keyframe intervals; null until there were two keyframes. */
      readonly keyframeIntervalSeconds: number | null;
    };
    /** What the video shows; null before its first frame. */
    readonly gate: { readonly state: GateState; readonly since: string } | null;
    /** The newest thumbnail, blurred: a ThumbHash in base64. */
    readonly placeholder: string | null;
    /** Its dominant colour: `#rrggbb`. */
    readonly dominantColour: string | null;
  };
  readonly hls: {
    readonly segments: number;
    readonly windowBytes: number;
    readonly windowSeconds: number;
    readonly mediaSequence: number;
    readonly discontinuitySequence: number;
    /** The highest of all renditions, in bits per second. */
    readonly bandwidth: number | null;
    readonly codecs: string | null;
    readonly resolution: string | null;
    readonly frameRate: number | null;
    /** Whether segments with the same number show the same time in all renditions. */
    readonly aligned: boolean;
    /** Null until the source has been opened. */
    readonly audio: {
      /** `none`: the source has no audio or sends none, or the stream is configured without audio. */
      readonly mode: 'copy' | 'encode' | 'silence' | 'none';
      /** ffmpeg's name of the source's audio codec: `aac`, `pcm_alaw`. */
      readonly sourceCodec: string | null;
      /** Whether the source announces audio but sends none. It is added when it arrives. */
      readonly isSilent: boolean;
    } | null;
    /** In the order of the multivariant playlist. The values above are those of the first one. */
    readonly renditions: readonly RenditionDescription[];
  };
  readonly storage: {
    readonly type: string;
    /**
     * `idle`: nothing to publish. `waiting`: the store has not confirmed yet that this node may write. `publishing`. `standby`: another node
     * writes this stream. `ended`. `refused`: the store rejects objects of the stream, which wait. `losing`: segments were lost recently.
     * Null without a store.
     */
    readonly state: PublicationState | null;
    /** The store in use: `s3://bucket/prefix`; the name of the second one ends with `(fallback)`. */
    readonly store: string | null;
    readonly playback: PlaybackUrls | null;
    readonly backlogBytes: number;
    readonly uploaded: number;
    readonly failed: number;
    readonly playlistLagSeconds: number | null;
    readonly lastError: string | null;
  };
  /** Null if there is none. */
  readonly monitor: {
    /** A WebSocket URL, absolute or relative to the node's root. */
    readonly url: string;
    readonly width: number;
    readonly height: number;
    /** Approximate maximum frame rate. */
    readonly fps: number;
    readonly bitrate: number;
    readonly viewers: number;
    /** Number of viewers disconnected because they were too slow. */
    readonly dropped: number;
  } | null;
  readonly ffmpeg: {
    readonly pid: number | null;
    readonly restarts: number;
    readonly speed: number | null;
    readonly fps: number | null;
  };
}
