import type { SidepipeError } from '../errors.js';
import type { ImageFormat, ImageState } from '../terms.js';
import type { EncodedImage, ImageFit } from './picture.js';

/** A further size of the stream's picture: a box, of which one side alone keeps the proportions. */
export interface ThumbnailSize {
  readonly name: string;
  readonly width: number;
  readonly height?: number | undefined;
  readonly fit?: ImageFit | undefined;
}

/** One form of the stream's picture. No size: as large as the raw frame. */
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
      /** The bytes are those of the picture before: nothing new to upload. */
      readonly unchanged: boolean;
    }
  /** A frame was the same as the one before: its pictures are dated anew, none is made. */
  | { readonly type: 'repeated'; readonly capturedAt: number; readonly sequence: number }
  | {
      readonly type: 'failed';
      readonly variant: ThumbnailVariant;
      /** `encode`: a new picture; `transcode`: a form asked for later; `offline`: the drawn picture. */
      readonly step: 'encode' | 'transcode' | 'offline';
      readonly error: SidepipeError;
      readonly retrying: boolean;
    };

/** As the stream's `ImageResource`. */
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
  /** Frames that became the newest picture. */
  readonly captured: number;
  /** Encodes that went wrong, retries included. */
  readonly failed: number;
}
