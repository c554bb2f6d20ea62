import type { DecodedPicture } from './frame.js';
import { NutDemuxer } from './nut-demuxer.js';
import { invalid } from './nut-header.js';

export interface SplitterOptions {
  /** Lends a buffer of at least `bytes` for the next picture; undefined lets that picture pass by unread. */
  readonly acquire: (bytes: number) => Uint8Array | undefined;
  /** A whole picture, in a buffer that `acquire` gave. */
  readonly onPicture: (picture: DecodedPicture) => void;
  /** A picture that passed by because `acquire` gave no buffer. */
  readonly onSkipped?: () => void;
  /** A whole picture, but of another size than announced, passed by. Where nobody wants to know it is an error. */
  readonly onResized?: () => void;
}

/**
 * Cuts ffmpeg's NUT output into pictures. Throws `frame-invalid` on bytes that are not NUT, on a picture of another size than
 * announced, and then takes no more. Pure.
 */
export class NutSplitter {
  readonly #demuxer: NutDemuxer;

  constructor({ acquire, onPicture, onSkipped, onResized }: SplitterOptions) {
    this.#demuxer = new NutDemuxer({
      acquire: ({ bytes }, { width, height }) => {
        if (bytes === width * height * 3) return acquire(bytes);
        // ffmpeg tells the size once, at the beginning: after a change in mid-stream only the number of bytes shows it.
        if (bytes % 3 === 0 && onResized !== undefined) return undefined;
        throw invalid(`a picture of ${bytes} bytes where ${width}×${height} was announced`);
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
