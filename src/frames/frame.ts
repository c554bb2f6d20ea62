/** One decoded frame from ffmpeg: packed RGB, 3 bytes per pixel, rows without padding, top row first. */
export interface DecodedPicture {
  /** Exactly `width * height * 3` bytes. Lent: see the consumer's contract for how long it stays valid. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Presentation time on the stream's own timeline, in seconds. */
  readonly ptsSeconds: number;
}

/** A frame with its capture time. */
export interface Frame extends DecodedPicture {
  /** Milliseconds since the epoch: when the source captured this frame, excluding the time for decoding and queueing. */
  readonly capturedAt: number;
  /** Frame counter of one stream over all its ffmpeg runs, from 0. */
  readonly sequence: number;
}

/** Takes the frames of a source, each in a buffer that it has lent. */
export interface FrameConsumer {
  /** Lends a buffer of at least `bytes` bytes for the next frame; undefined skips that frame. */
  acquire(bytes: number): Uint8Array | undefined;
  /** A frame in a lent buffer. `capturedAt`: steady time. Never throws, never waits. */
  offer(picture: DecodedPicture, capturedAt: number): void;
}
