import type { DecodedPicture } from './frame.js';
import { NutDemuxer } from './nut-demuxer.js';
import { invalid } from './nut-header.js';

export interface SplitterOptions {
  /** Lends a buffer of at least `bytes` bytes for the next frame; undefined skips that frame. */
  readonly acquire: (bytes: number) => Uint8Array | undefined;
  /** A complete frame, in a buffer from `acquire`. */
  readonly onPicture: (picture: DecodedPicture) => void;
  /** A frame that was skipped because `acquire` returned no buffer. */
  readonly onSkipped?: () => void;
  /** A complete frame of another size than announced, which was skipped. Without this callback it is an error. */
  readonly onResized?: () => void;
}

/**
 * Splits ffmpeg's NUT output into frames. Throws `frame-invalid` on bytes that are not NUT or on a frame of another size than announced,
 * and then accepts no more. Pure.
 */
export class NutSplitter {
  readonly #demuxer: NutDemuxer;

  constructor({ acquire, onPicture, onSkipped, onResized }: SplitterOptions) {
    this.#demuxer = new NutDemuxer({
      acquire: ({ bytes }, { width, height }) => {
        if (bytes === width * height * 3) return acquire(bytes);
        // ffmpeg announces the size once, at the start; a change mid-stream only shows in the number of bytes.
        if (bytes % 3 === 0 && onResized !== undefined) return undefined;
        throw invalid(`frame of ${bytes} bytes instead of ${width}×${height}`);
      },
      onPacket: ({ ptsSeconds, bytes }, data, { width, height }) => {
        if (bytes !== width * height * 3) onResized?.();
        else if (data === undefined) onSkipped?.();
        else onPicture({ data, width, height, ptsSeconds });
      },
    });
  }

  push(piece: Uint8Array): void {
    this.#demuxer.push(piece);
  }
}
