import type { SidepipeError } from '../errors.js';
import type { ImageState } from './freshness.js';
import type { EncodedImage, ImageFormat } from './picture.js';

/** One form of the stream's picture. No width: as large as the raw frame. */
export interface ThumbnailVariant {
  readonly format: ImageFormat;
  readonly width?: number;
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
