import type { SidepipeError } from '../errors.js';
import type { ImageFormat, ImageState } from '../terms.js';
import type { EncodedImage, ImageFit } from './picture.js';

/** An additional size of the thumbnail: a box; with only one side, the aspect ratio is kept. */
export interface ThumbnailSize {
  readonly name: string;
  readonly width: number;
  readonly height?: number | undefined;
  readonly fit?: ImageFit | undefined;
}

/** One variant of the thumbnail. Without a size: as large as the raw frame. */
export interface ThumbnailVariant {
  readonly format: ImageFormat;
  readonly size?: ThumbnailSize | undefined;
}

export type ThumbnailEvent =
  | {
      readonly type: 'encoded';
      readonly variant: ThumbnailVariant;
      readonly image: EncodedImage;
      readonly capturedAt: number;
      readonly sequence: number;
      /** The bytes equal those of the previous thumbnail, so there is nothing new to upload. */
      readonly unchanged: boolean;
    }
  /** A frame equalled the previous one: the thumbnails get a new date and are not made again. */
  | { readonly type: 'repeated'; readonly capturedAt: number; readonly sequence: number }
  | {
      readonly type: 'failed';
      readonly variant: ThumbnailVariant;
      /** `encode`: a new thumbnail; `transcode`: a variant requested later; `offline`: the drawn image. */
      readonly step: 'encode' | 'transcode' | 'offline';
      readonly error: SidepipeError;
      readonly retrying: boolean;
    };

/** Like the stream's `ImageResource`. */
export interface ThumbnailResource {
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly etag: string;
  readonly modifiedAt: number;
  readonly capturedAt: number | undefined;
  readonly state: ImageState;
  readonly maxAgeSeconds: number;
}

export interface ThumbnailsStatus {
  readonly state: ImageState;
  readonly capturedAt: number | undefined;
  readonly ageSeconds: number | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly bytes: number | undefined;
  /** The content hash of the newest thumbnail. */
  readonly hash: string | undefined;
  /** Of the newest good frame: its ThumbHash in base64, and a colour as `#rrggbb`. */
  readonly placeholder: string | undefined;
  readonly dominantColour: string | undefined;
  /** Number of frames that became the newest thumbnail. */
  readonly captured: number;
  /** Number of failed encodes, including retries. */
  readonly failed: number;
}
