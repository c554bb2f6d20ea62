import type { StreamConfig } from '../config/schema.js';
import type { DecodedPicture } from '../frames/frame.js';
import { FrameSlot } from '../frames/slot.js';
import type { ThumbnailEvent, ThumbnailsStatus } from '../images/thumbnail.js';
import { Thumbnails } from '../images/thumbnails.js';
import { boxHeight } from './plan.js';
import type { ImageFormat, ImageResource, ImagesView } from './types.js';

export interface PicturesOptions {
  readonly config: StreamConfig;
  readonly now: () => number;
  /** Whether pictures are uploaded, so that every configured format is made from every frame. */
  readonly uploads: boolean;
  readonly onEvent: (event: ThumbnailEvent) => void;
  /** A frame that a newer one replaced because the encoder was busy. */
  readonly onDropped: () => void;
}

/** The pictures of one stream over all its ffmpeg runs: newest frame wins, sharp encodes, memory serves. */
export class Pictures implements ImagesView {
  readonly #options: PicturesOptions;
  readonly #thumbnails: Thumbnails;
  readonly #slot: FrameSlot;
  #sequence = 0;
  #dropped = 0;

  constructor(options: PicturesOptions) {
    const { config, now, onEvent, uploads } = options;
    const { thumbnail } = config;
    this.#options = options;
    const [format = 'jpg', ...further] = thumbnail.formats;
    this.#thumbnails = new Thumbnails({
      ...thumbnail,
      formats: [format, ...further],
      name: config.name,
      height: boxHeight(thumbnail),
      everyFormat: uploads,
      isNewest: () => !this.#slot.hasWaiting,
      onEvent,
      clock: now,
    });
    this.#slot = new FrameSlot({
      consume: (frame) => this.#thumbnails.accept(frame),
      onDropped: () => {
        this.#dropped += 1;
        options.onDropped();
      },
    });
  }

  get formats(): readonly ImageFormat[] {
    return this.#thumbnails.formats;
  }

  get status(): ThumbnailsStatus & { readonly dropped: number } {
    return { ...this.#thumbnails.status(this.#options.now()), dropped: this.#dropped };
  }

  /** Lends a buffer for the next picture. */
  acquire(bytes: number): Uint8Array {
    return this.#slot.acquire(bytes);
  }

  offer(picture: DecodedPicture, capturedAt: number): void {
    this.#slot.offer({ ...picture, capturedAt, sequence: this.#sequence });
    this.#sequence += 1;
  }

  thumbnail(format: ImageFormat): Promise<ImageResource | undefined> {
    return this.#thumbnails.thumbnail(format, this.#options.now());
  }

  /** The picture that says that there is none. */
  offline(format: ImageFormat): Promise<ImageResource | undefined> {
    // What will be shown when the newest picture is as old as that.
    const then = this.#options.now() + this.#options.config.thumbnail.offlineAfterSeconds * 1000;
    return this.#thumbnails.thumbnail(format, then);
  }

  /** Settles when the last frame that was taken in is done with. */
  close(): Promise<void> {
    return this.#slot.idle();
  }
}
