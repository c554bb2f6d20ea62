import type { StreamConfig } from '../../config/schema/schema.js';
import type { SidepipeError } from '../../errors.js';
import { imageFailed } from '../../images/encode.js';
import type { RawPicture } from '../../images/picture.js';
import { Preview, stillPreview } from '../../images/preview.js';
import type { PreviewFormat } from '../../terms.js';
import type { ImageResource } from '../resources.js';
import { OnDemand } from './on-demand.js';

export interface LivePreviewOptions {
  readonly config: StreamConfig['preview'];
  /** Collect frames even without requests. */
  readonly always: boolean;
  readonly now: () => number;
  readonly dateOf: (at: number) => number;
  /** The stream's thumbnail: its state applies to the preview, and it replaces the preview while there are no frames. */
  readonly thumbnail: () => Promise<ImageResource>;
  readonly onError: (error: SidepipeError) => void;
}

/** Frames are collected for this long after a request for the preview. */
const DEMAND_SECONDS = 60;

/** The animated preview of one stream: made from frames that arrive anyway, and only while it is in demand. */
export class LivePreview {
  readonly #options: LivePreviewOptions;
  readonly #preview: Preview;
  readonly #demand: OnDemand;
  #collecting = false;
  /** The last shown preview, by format. */
  readonly #shown = new Map<PreviewFormat, { readonly of: string; readonly resource: ImageResource }>();

  constructor(options: LivePreviewOptions) {
    const { frames, width, quality, frameSeconds } = options.config;
    this.#options = options;
    this.#preview = new Preview({ frames, width, quality, frameSeconds, onError: options.onError });
    this.#demand = new OnDemand({ always: options.always, lastsSeconds: DEMAND_SECONDS });
  }

  /** Takes a frame while there is demand; `picture.data` is read until the promise settles. Never rejects. */
  async add(picture: RawPicture): Promise<void> {
    if (!this.#demand.lasts(this.#options.now())) return;
    this.#collecting = true;
    await this.#preview.add(picture);
  }

  /** Takes no frames for now. Old frames would be shown as new indefinitely, so a still image is shown instead. */
  rest(): void {
    if (!this.#collecting) return;
    this.#collecting = false;
    this.#shown.clear();
    this.#preview.clear();
  }

  /** Drops frames without demand. */
  expire(): void {
    if (!this.#demand.lasts(this.#options.now())) this.rest();
  }

  /** For a viewer. Never rejects, and always returns an image: a still one without frames. */
  async image(format: PreviewFormat): Promise<ImageResource> {
    this.#demand.ask(this.#options.now());
    return this.render(format);
  }

  /** The same without counting as demand. */
  async render(format: PreviewFormat): Promise<ImageResource> {
    const { thumbnail } = this.#options;
    const newest = await thumbnail();
    const made = newest.state === 'offline' ? undefined : await this.#preview.image(format);
    if (made === undefined) return this.#still(format, newest);
    const { state, maxAgeSeconds } = newest;
    const { body, contentType, etag } = made.image;
    const before = this.#shown.get(format);
    const modifiedAt = before?.of === etag ? before.resource.modifiedAt : this.#options.now();
    const last = made.capturedAt.at(-1);
    const capturedAt = last === undefined ? undefined : this.#options.dateOf(last);
    const resource = { body, contentType, etag, modifiedAt, capturedAt, state, maxAgeSeconds };
    this.#shown.set(format, { of: etag, resource });
    return resource;
  }

  async #still(format: PreviewFormat, newest: ImageResource): Promise<ImageResource> {
    const before = this.#shown.get(format);
    const { capturedAt, state, maxAgeSeconds } = newest;
    if (before?.of === newest.etag) return { ...before.resource, capturedAt, state, maxAgeSeconds };
    try {
      const { width, quality } = this.#options.config;
      const { body, contentType, etag } = await stillPreview(newest, { width, quality, format });
      const resource = { ...newest, body, contentType, etag, modifiedAt: this.#options.now() };
      this.#shown.set(format, { of: newest.etag, resource });
      return resource;
    } catch (cause) {
      this.#options.onError(imageFailed(cause));
      // The thumbnail may be returned instead; its content type shows that.
      return newest;
    }
  }
}
