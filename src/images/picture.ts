/** One raw frame from the side pipe. `data` is lent: it may be overwritten once the call that received it settles. */
export interface RawPicture {
  /** rgb24: width × height × 3 bytes, no padding. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** The frame's capture time: milliseconds since the epoch. */
  readonly capturedAt: number;
  readonly sequence: number;
}

/** `inside` keeps the whole image, `cover` crops it to the box. Images are never enlarged. */
export type ImageFit = 'inside' | 'cover';

/** An image in its file format. */
export interface EncodedImage {
  readonly body: Uint8Array;
  readonly contentType: string;
  /** Strong entity tag including its quotes, derived from the content only. */
  readonly etag: string;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
  /** Encoding time in seconds, including waiting for a thread. */
  readonly encodeSeconds: number;
}
