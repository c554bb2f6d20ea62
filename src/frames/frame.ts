/** One decoded picture as it leaves ffmpeg: packed RGB, 3 bytes a pixel, rows without padding, top row first. */
export interface DecodedPicture {
  /** Exactly `width * height * 3` bytes. Lent: see the consumer's contract for how long it stays valid. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Presentation time on the stream's own timeline, in seconds. */
  readonly ptsSeconds: number;
}

/** A picture with the time at which the source took it. */
export interface Frame extends DecodedPicture {
  /** Milliseconds since the epoch: when the source gave this picture, whatever decoding and queueing took since. */
  readonly capturedAt: number;
  /** Counts the frames of one stream over all its ffmpeg runs, from 0. */
  readonly sequence: number;
}
