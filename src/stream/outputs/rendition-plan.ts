import type { StreamConfig } from '../../config/schema/schema.js';
import type { EncoderSetting } from '../../ffmpeg/output/encoders.js';
import { isCopyable } from '../../ingest/input.js';
import type { Source, UnknownSource } from '../../ingest/source.js';

/** Which renditions a stream has. Pure. */

/** The source's own video as it is, or how it is encoded. */
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

/** The name of the source's own video among the renditions. */
const SOURCE_RENDITION = 'source';

/** What cannot be copied is encoded without being asked; its rendition is called `source` all the same. */
const MADE_VIDEO: Extract<RenditionVideo, { kind: 'encode' }> = {
  ...{ kind: 'encode', encoder: 'software', height: 720, bitrate: 2_000_000, fps: undefined, preset: 'superfast' },
};

/**
 * The renditions in the order of the multivariant playlist. `source`, the source's own video, is the only one where none is
 * configured; where some are, it is there if `video: copy` is written beside them, as the first.
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
 * Pictures that come when they come are made into so many a second: of others older ffmpegs write durations into playlists that
 * are not so.
 */
function steadyRate(
  { device }: Pick<StreamConfig, 'device'>,
  { kind }: Pick<Source | UnknownSource, 'kind'>,
): number | undefined {
  if (kind === 'mjpeg') return 25;
  return kind === 'device' ? (device.fps ?? 30) : undefined;
}

/** Their names. */
export function renditionNames(config: Pick<StreamConfig, 'video' | 'renditions' | 'device'>): readonly string[] {
  return wantedRenditions(config, { kind: 'file' }).map(({ name }) => name);
}

/** Whether pictures are decoded for thumbnails alone, because no rendition needs them. */
export function isOnlyCopied(config: StreamConfig, source: Pick<Source | UnknownSource, 'kind'>): boolean {
  return wantedRenditions(config, source).every(({ video }) => video.kind === 'copy');
}

/** Whether the source's own video is passed on, alone or beside others. */
export function isCopied(config: StreamConfig, source: Pick<Source | UnknownSource, 'kind'>): boolean {
  return wantedRenditions(config, source).some(({ video }) => video.kind === 'copy');
}
