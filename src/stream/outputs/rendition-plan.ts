import type { StreamConfig } from '../../config/schema/schema.js';
import type { EncoderSetting } from '../../ffmpeg/output/encoders.js';
import { isCopyable } from '../../ingest/input.js';
import type { Source, UnknownSource } from '../../ingest/source.js';

/** Determines a stream's renditions. Pure. */

/** The source's own video as a copy, or its encoding. */
export type RenditionVideo =
  | { readonly kind: 'copy' }
  | {
      readonly kind: 'encode';
      readonly encoder: EncoderSetting;
      readonly height: number;
      readonly bitrate: number;
      readonly fps: number | undefined;
      readonly preset: string;
    };

export interface WantedRendition {
  readonly name: string;
  readonly video: RenditionVideo;
}

/** The name of the rendition with the source's own video. */
const SOURCE_RENDITION = 'source';

/** Sources that cannot be copied are encoded automatically; the rendition is still called `source`. */
const MADE_VIDEO: Extract<RenditionVideo, { kind: 'encode' }> = {
  ...{ kind: 'encode', encoder: 'software', height: 720, bitrate: 2_000_000, fps: undefined, preset: 'superfast' },
};

/**
 * The renditions in the order of the multivariant playlist. Without configured renditions there is only `source`, the source's own video;
 * with renditions and `video: copy` it is the first one.
 */
export function wantedRenditions(
  config: Pick<StreamConfig, 'video' | 'renditions' | 'device'>,
  source: Pick<Source | UnknownSource, 'kind'>,
): readonly WantedRendition[] {
  const { video, renditions = [] } = config;
  const encoded = renditions.map(({ name, ...how }): WantedRendition => {
    return { name, video: { ...how, kind: 'encode', fps: how.fps ?? steadyRate(config, source) } };
  });
  if (encoded.length > 0 && video === undefined) return encoded;
  const own = isCopyable(source, config.device)
    ? ({ kind: 'copy' } as const)
    : { ...MADE_VIDEO, fps: steadyRate(config, source) };
  return [{ name: SOURCE_RENDITION, video: own }, ...encoded];
}

/**
 * Irregular frames are converted to a constant rate: for a variable rate, older ffmpeg versions write wrong durations into playlists.
 */
function steadyRate(
  { device }: Pick<StreamConfig, 'device'>,
  { kind }: Pick<Source | UnknownSource, 'kind'>,
): number | undefined {
  if (kind === 'mjpeg') return 25;
  return kind === 'device' ? (device.fps ?? 30) : undefined;
}

/** The names of the renditions. */
export function renditionNames(config: Pick<StreamConfig, 'video' | 'renditions' | 'device'>): readonly string[] {
  return wantedRenditions(config, { kind: 'file' }).map(({ name }) => name);
}

/** Whether frames are decoded only for thumbnails, because no rendition needs them. */
export function isOnlyCopied(config: StreamConfig, source: Pick<Source | UnknownSource, 'kind'>): boolean {
  return wantedRenditions(config, source).every(({ video }) => video.kind === 'copy');
}

/** Whether the first rendition is the source's own video. */
export function isFirstCopied(
  config: Pick<StreamConfig, 'video' | 'renditions' | 'device'>,
  source: Pick<Source | UnknownSource, 'kind'>,
): boolean {
  return wantedRenditions(config, source)[0]?.video.kind === 'copy';
}

/** Whether the source's own video is passed on, alone or in addition to others. */
export function isCopied(config: StreamConfig, source: Pick<Source | UnknownSource, 'kind'>): boolean {
  return wantedRenditions(config, source).some(({ video }) => video.kind === 'copy');
}
