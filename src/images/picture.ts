/** One picture as it comes off the side pipe. `data` is lent: it may be overwritten once the call that took it settles. */
export interface RawPicture {
  /** rgb24: width × height × 3 bytes, no padding. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** The source's time of the picture: milliseconds since the epoch. */
  readonly capturedAt: number;
  readonly sequence: number;
}

/** `inside` keeps the whole picture, `cover` crops it to the box. Pictures are never enlarged. */
export type ImageFit = 'inside' | 'cover';

export interface EncodedImage {
  readonly body: Uint8Array;
  readonly contentType: string;
  /** Strong entity tag with its quotes, made of the content alone. */
  readonly etag: string;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
  /** How long the encoder took, waiting for a thread included. Seconds. */
  readonly encodeSeconds: number;
}
