import type { StreamConfig } from '../../config/schema/schema.js';
import type { SidepipeError } from '../../errors.js';
import type { DecodedPicture, Frame } from '../../frames/frame.js';
import type { PictureSize } from '../../frames/gate/loop-watch.js';
import type { EncodedImage } from '../../images/picture.js';
import type { RejectedFrame } from '../../images/rejected-frames.js';
import type { StoryboardTile, TimelineSpan } from '../../images/storyboard-vtt.js';
import type { ThumbnailSize } from '../../images/thumbnail.js';
import type { ImageFormat, PreviewFormat } from '../../terms.js';
import type { ImagesView } from '../live-stream.js';
import type { ImageResource, ImmutableImage, PlaylistResource, SheetResource } from '../resources.js';
import { LivePreview } from './live-preview.js';
import { LiveStoryboard } from './live-storyboard.js';
import { Pictures, type PicturesOptions, type PicturesStatus } from './pictures.js';

/** What is uploaded besides the thumbnails. */
export interface FurtherPictures {
  preview(format: PreviewFormat, image: ImageResource): void;
  /** The rolling storyboard changed: its newest sheet, and its WebVTT for the URLs that it gets. */
  storyboard(change: {
    readonly number: number;
    readonly sheet: SheetResource;
    readonly text: LiveStoryboard['text'];
  }): void;
  /** A sheet is final, full or not. */
  fullSheet(sheet: {
    readonly number: number;
    readonly image: EncodedImage;
    readonly tiles: readonly StoryboardTile[];
  }): void;
}

export interface StreamImagesOptions extends Omit<PicturesOptions, 'onGood'> {
  readonly config: StreamConfig;
  /** The segments that the playlist currently lists. */
  readonly timeline: () => readonly TimelineSpan[];
  /** Making a preview or storyboard failed. */
  readonly onFailed: (error: SidepipeError) => void;
  readonly onFurther: FurtherPictures;
  /** Whether frames are available for previews and storyboards. Default: yes. */
  readonly extras?: (() => boolean) | undefined;
}

/** All images of one stream: thumbnails, preview and storyboard, from the same frames. */
export class StreamImages implements ImagesView {
  readonly #options: StreamImagesOptions;
  readonly #pictures: Pictures;
  readonly #preview: LivePreview;
  readonly #storyboard: LiveStoryboard;
  #publishing: Promise<void> | undefined;
  #sheetIsNew = false;

  constructor(options: StreamImagesOptions) {
    const { config, now, dateOf, uploads, timeline, onFailed, onFurther } = options;
    this.#options = options;
    this.#pictures = new Pictures({ ...options, onGood: (frame) => this.#good(frame) });
    this.#preview = new LivePreview({
      config: config.preview,
      always: uploads && config.preview.upload,
      now,
      dateOf,
      thumbnail: async () => (await this.#pictures.thumbnail(this.formats[0] ?? 'jpg'))!,
      onError: onFailed,
    });
    this.#storyboard = new LiveStoryboard({
      config,
      always: uploads && config.storyboard.upload,
      now,
      timeline,
      onError: onFailed,
      onFull: (sheet) => onFurther.fullSheet(sheet),
    });
  }

  get formats(): readonly ImageFormat[] {
    return this.#pictures.formats;
  }

  get widths(): readonly number[] {
    return this.#pictures.widths;
  }

  get sizes(): readonly ThumbnailSize[] {
    return this.#pictures.sizes;
  }

  get sizeNames(): readonly string[] {
    return this.#pictures.sizes.map(({ name }) => name);
  }

  /** The frames that the gate suppressed recently, newest first. */
  get rejected(): readonly RejectedFrame[] {
    const { dateOf } = this.#options;
    return this.#pictures.rejected.list().map((frame) => ({ ...frame, capturedAt: dateOf(frame.capturedAt) }));
  }

  get status(): PicturesStatus {
    return this.#pictures.status;
  }

  /** Takes the sizes of the source's frames that arrived at `now` (steady time), decoded or not, keyframes or not. */
  pictureSizes(pictures: readonly PictureSize[], now: number): void {
    this.#pictures.pictureSizes(pictures, now);
  }

  /** Lends a buffer for the next frame. */
  acquire(bytes: number): Uint8Array {
    return this.#pictures.acquire(bytes);
  }

  offer(picture: DecodedPicture, capturedAt: number): void {
    this.#pictures.offer(picture, capturedAt);
  }

  /** Called once per second: drops what is no longer in demand. */
  expire(): void {
    this.#pictures.expire();
    this.#preview.expire();
    this.#storyboard.expire();
  }

  thumbnail(
    format: ImageFormat,
    size?: number | string,
  ): ImageResource | undefined | Promise<ImageResource | undefined> {
    return this.#pictures.thumbnail(format, size);
  }

  /** The offline image. */
  offline(format: ImageFormat, size?: string): Promise<ImageResource | undefined> {
    return this.#pictures.offline(format, size);
  }

  immutable(format: ImageFormat, hash: string): ImmutableImage | undefined {
    return this.#pictures.immutable(format, hash);
  }

  preview(format: PreviewFormat): Promise<ImageResource> {
    return this.#preview.image(format);
  }

  storyboard(): PlaylistResource {
    return this.#storyboard.index();
  }

  sheet(number: number): Promise<SheetResource | undefined> {
    return this.#storyboard.sheet(number);
  }

  /** No frame will follow for now, so the storyboard's open sheet is final. */
  async finish(): Promise<void> {
    const { uploads, config } = this.#options;
    if (uploads && config.storyboard.upload) await this.#storyboard.finish();
  }

  /** Settles when the last accepted frame is processed. */
  async close(): Promise<void> {
    await this.#pictures.close();
    await this.#publishing;
  }

  async #good(frame: Frame): Promise<void> {
    if (this.#options.extras?.() === false) this.#preview.rest();
    else {
      const [, isNew] = await Promise.all([this.#preview.add(frame), this.#storyboard.add(frame)]);
      this.#sheetIsNew ||= isNew;
    }
    if (!this.#options.uploads) return;
    // Encoded after the frame has been returned; frames that arrive meanwhile are in the next one.
    this.#publishing ??= this.#publish().finally(() => {
      this.#publishing = undefined;
    });
  }

  async #publish(): Promise<void> {
    const { config, onFurther } = this.#options;
    if (config.preview.upload) {
      const { format } = config.preview;
      onFurther.preview(format, await this.#preview.render(format));
    }
    if (!config.storyboard.upload || !this.#sheetIsNew) return;
    this.#sheetIsNew = false;
    const newest = await this.#storyboard.newest();
    if (newest !== undefined) {
      onFurther.storyboard({ ...newest, text: (urlOf) => this.#storyboard.text(urlOf) });
    }
  }
}
