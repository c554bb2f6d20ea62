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
}

/**
 * Cuts ffmpeg's NUT output into pictures. Throws `frame-invalid` on bytes that are not NUT, on a picture of another size than
 * announced, and then takes no more. Pure.
 */
export class NutSplitter {
  readonly #demuxer: NutDemuxer;

  constructor({ acquire, onPicture, onSkipped }: SplitterOptions) {
    this.#demuxer = new NutDemuxer({
      acquire: ({ bytes }, { width, height }) => {
        if (bytes !== width * height * 3)
          throw invalid(`a picture of ${bytes} bytes where ${width}×${height} was announced`);
        return acquire(bytes);
      },
      onPacket: ({ ptsSeconds }, data, { width, height }) => {
        if (data === undefined) onSkipped?.();
        else onPicture({ data, width, height, ptsSeconds });
      },
    });
  }

  push(piece: Uint8Array): void {
    this.#demuxer.push(piece);
  }
}
