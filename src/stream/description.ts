import { z } from 'zod';
import { gateStates, imageStates, publicationStates, streamStates } from '../terms.js';

/** A stream in the API (`GET /api/v1/streams/{stream}`): one schema for the types and the OpenAPI document. */

const time = z.iso.datetime().describe('RFC 3339, with milliseconds.');
const count = z.number().int();

const playback = z.object({ hls: z.string(), thumbnail: z.string(), preview: z.string(), storyboard: z.string() });

const warning = z.object({
  code: z.enum(['codec', 'chroma', 'bit-depth', 'size-unknown', 'interlaced', 'rotated']),
  /** A sentence without its full stop. */
  message: z.string(),
  remedy: z.string(),
});

const thumbnail = z.object({
  capturedAt: time.nullable(),
  ageSeconds: z.number().nullable(),
  state: z.enum(imageStates),
  width: count.nullable(),
  height: count.nullable(),
  bytes: count.nullable(),
  captured: count,
  dropped: count.describe('Frames dropped because a newer one had arrived, or because they were incomplete.'),
  rejected: count.describe('Frames that the gate rejected.'),
  failed: count.describe('Failed encodes, including retries.'),
  /** Errors reported by the decoder. */
  decoderErrors: count,
  /** Which frames are decoded for thumbnails: `all` if the video is encoded. */
  decode: z.object({
    mode: z.enum(['keyframes', 'references', 'all']),
    reason: z.string(),
    /** The longest of the source's recent keyframe intervals; null until there were two keyframes. */
    keyframeIntervalSeconds: z.number().nullable(),
  }),
  gate: z
    .object({ state: z.enum(gateStates), since: time })
    .nullable()
    .describe('What the gate detects in the video.'),
  placeholder: z.string().nullable().describe('The newest thumbnail, blurred: a ThumbHash in base64.'),
  /** `#rrggbb`. */
  dominantColour: z.string().nullable(),
});

const tracks = {
  bandwidth: z.number().nullable().describe('Peak bitrate in bits per second.'),
  codecs: z.string().nullable(),
  resolution: z.string().nullable(),
  frameRate: z.number().nullable(),
};

const rendition = z.object({
  name: z.string(),
  video: z.enum(['copy', 'encode']),
  encoder: z.string().nullable().describe("ffmpeg's name of the encoder; null for a copy, and before the first run."),
  encoderReason: z.string().nullable().describe('Why this encoder was selected.'),
  segments: count,
  mediaSequence: count,
  ...tracks,
});

const hls = z.object({
  segments: count,
  windowBytes: count,
  windowSeconds: z.number(),
  mediaSequence: count,
  discontinuitySequence: count,
  ...tracks,
  aligned: z.boolean().describe('Whether segments with the same number cover the same time in all renditions.'),
  audio: z
    .object({
      mode: z
        .enum(['copy', 'encode', 'silence', 'none'])
        .describe('`none`: the source has no audio or sends none, or audio is disabled.'),
      sourceCodec: z.string().nullable().describe("ffmpeg's name of the source's audio codec."),
      isSilent: z.boolean().describe('The source announces audio but sends none. It is added when it arrives.'),
    })
    .nullable()
    .describe('Null until the source has been opened.'),
  renditions: z.array(rendition).describe('In the order of the multivariant playlist.'),
});

const storage = z.object({
  type: z.string(),
  /**
   * `idle`: nothing to publish. `waiting`: the store has not confirmed yet that this node may write. `publishing`. `standby`: another node
   * writes this stream. `ended`. `refused`: the store rejects objects of the stream, which wait. `losing`: segments were lost recently.
   * Null without a store.
   */
  state: z.enum(publicationStates).nullable(),
  /** The store in use: `s3://bucket/prefix`; the name of the second one ends with `(fallback)`. */
  store: z.string().nullable(),
  playback: playback.nullable(),
  backlogBytes: count,
  uploaded: count,
  failed: count,
  playlistLagSeconds: z.number().nullable(),
  lastError: z.string().nullable(),
});

export const streamDescriptionSchema = z
  .object({
    name: z.string(),
    origin: z
      .enum(['config', 'api'])
      .describe('Where the stream was defined: in the configuration file or through the API.'),
    source: z.object({
      kind: z.string(),
      url: z.string().nullable().describe('Without secrets. Null without the admin token.'),
      warnings: z
        .array(warning)
        .describe(
          'Why players may display the copied video incorrectly. Empty until the source has been opened, and without the admin token.',
        ),
    }),
    state: z.enum(streamStates),
    reason: z
      .object({ code: z.string(), message: z.string() })
      .nullable()
      .describe('Why the stream is not live. Null without the admin token.'),
    nextAttemptAt: time
      .nullable()
      .describe('When ffmpeg is restarted after a failure. Null while it runs, and without the admin token.'),
    since: time,
    viewers: count.describe('Players that requested a media playlist recently, and WebRTC viewers.'),
    playback: playback.extend({
      access: z
        .enum(['open', 'signed'])
        .describe(
          '`signed`: playback URLs need a token signed with one of the stream’s keys; the URLs here have none.',
        ),
      /** The newest thumbnail under an immutable URL; null while there is none. */
      thumbnailImmutable: z.string().nullable(),
    }),
    thumbnail,
    hls,
    storage,
    monitor: z
      .object({
        url: z.string().describe('A WebSocket for JSMpeg players.'),
        width: count,
        height: count,
        fps: z.number().describe('Approximate maximum frame rate.'),
        bitrate: count,
        viewers: count,
        dropped: count.describe('Viewers disconnected because they read too slowly.'),
      })
      .nullable()
      .describe('The low-latency, video-only view.'),
    webrtc: z
      .object({
        url: z.string().describe('The WHEP endpoint.'),
        state: z
          .enum(['playable', 'waiting', 'unplayable'])
          .describe('`waiting`: there is no media yet. `unplayable`: browsers cannot play it over WebRTC.'),
        reason: z.string().nullable().describe('Why it is unplayable.'),
        video: z.enum(['h264', 'hevc']).nullable(),
        audio: z.enum(['opus', 'pcmu', 'pcma']).nullable(),
        viewers: count,
        dropped: count.describe('How often a viewer was too slow and lost frames up to the next keyframe.'),
      })
      .nullable()
      .describe('Playback over WebRTC. Null if it is disabled.'),
    ffmpeg: z.object({
      pid: count.nullable().describe('Null without the admin token.'),
      restarts: count,
      speed: z.number().nullable(),
      fps: z.number().nullable(),
    }),
  })
  .meta({ id: 'Stream' });

/** A stream in the API. Times are RFC 3339 with milliseconds. */
export type StreamDescription = z.infer<typeof streamDescriptionSchema>;
/** The URLs of a stream's playlists and images: absolute, or relative to the node's root. */
export type PlaybackUrls = z.infer<typeof playback>;
/** One rendition of a stream in the API. */
export type RenditionDescription = z.infer<typeof rendition>;
/** Why players may display a copied video incorrectly. */
export type SourceWarning = z.infer<typeof warning>;
