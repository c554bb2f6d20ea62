import sharp from 'sharp';
import type { SidepipeError } from '../errors.js';
import type { ImageFormat } from '../terms.js';
import { boxOf, encode, imageFailed, type PixelBox, smallFrame } from './encode.js';
import type { EncodedImage, RawPicture } from './picture.js';
import { SerialQueue } from './serial-queue.js';
import type { StoryboardTile } from './storyboard-vtt.js';

export interface StoryboardOptions {
  /** Width of one tile in a sheet. */
  readonly tileWidth: number;
  readonly columns: number;
  readonly rows: number;
  readonly format: ImageFormat;
  readonly quality: number;
  /** Maximum number of sheets, including the one that is being filled. */
  readonly maxSheets: number;
  /** The number of the first sheet. Default 0. */
  readonly firstSheet?: number;
  /** Called when a sheet is full, or was closed because the aspect ratio changed: it will never change. Must not throw. */
  readonly onFull?: (sheet: { readonly number: number; readonly image: EncodedImage }) => void;
  /** Must not throw. */
  readonly onError?: (error: SidepipeError) => void;
}

export interface StoryboardSheet {
  readonly image: EncodedImage;
  /** Whether it is full, so that it will never change. */
  readonly complete: boolean;
}

interface FullSheet {
  readonly number: number;
  readonly image: EncodedImage;
  readonly newestAt: number;
}

/**
 * The rolling storyboard of a stream: numbered sheets of small images. Memory: full sheets are encoded, the one that is being filled is
 * rgb24 (5 × 5 of 160×90: 1 MB). An unfinished sheet is encoded only on request.
 */
export class Storyboard {
  readonly #options: StoryboardOptions;
  readonly #turns = new SerialQueue();
  #full: readonly FullSheet[] = [];
  #tiles: readonly StoryboardTile[] = [];
  #open: number;
  #box: PixelBox = { width: 0, height: 0 };
  #canvas = new Uint8Array(0);
  #used = 0;
  #made: EncodedImage | undefined;

  constructor(options: StoryboardOptions) {
    this.#options = options;
    this.#open = options.firstSheet ?? 0;
  }

  /** The available tiles, oldest first, for the WebVTT. */
  get tiles(): readonly StoryboardTile[] {
    return this.#tiles;
  }

  /** The numbers of the available sheets, oldest first. */
  get sheets(): readonly number[] {
    const full = this.#full.map(({ number }) => number);
    return this.#used > 0 ? [...full, this.#open] : full;
  }

  /** The number of the sheet that is being filled, or that the next frame will start. */
  get open(): number {
    return this.#open;
  }

  /** Takes the next frame; `picture.data` is read until the promise settles. Never rejects. */
  async add(picture: RawPicture): Promise<void> {
    try {
      const box = boxOf(picture, this.#options.tileWidth);
      const small = await smallFrame(picture, box);
      await this.#turns.run(() => this.#place(small, box, picture.capturedAt));
    } catch (cause) {
      this.#options.onError?.(imageFailed(cause));
    }
  }

  /** Undefined if there is no such sheet, or encoding fails (reported to `onError`). */
  async sheet(number: number): Promise<StoryboardSheet | undefined> {
    const full = this.#full.find((sheet) => sheet.number === number);
    if (full !== undefined) return { image: full.image, complete: true };
    try {
      return await this.#turns.run(() => this.#sheetNow(number));
    } catch (cause) {
      this.#options.onError?.(imageFailed(cause));
      return undefined;
    }
  }

  /** Closes the open sheet, so that the next frame starts a new one. */
  finish(): Promise<void> {
    return this.#turns.run(async () => {
      if (this.#used > 0) await this.#finish();
    });
  }

  /** Drops all sheets. */
  clear(): void {
    void this.#turns.run(async () => {
      if (this.#used > 0) this.#open += 1;
      this.#full = [];
      this.#tiles = [];
      this.#used = 0;
      this.#made = undefined;
      this.#canvas = new Uint8Array(0);
    });
  }

  /** Drops the full sheets whose tiles were all captured before then. Returns their numbers. */
  expire(before: number): readonly number[] {
    const gone = this.#full.filter(({ newestAt }) => newestAt < before).map(({ number }) => number);
    this.#drop(gone);
    return gone;
  }

  /** Runs in the queue, because the sheet may have been finished since the request. */
  async #sheetNow(number: number): Promise<StoryboardSheet | undefined> {
    const full = this.#full.find((sheet) => sheet.number === number);
    if (full !== undefined) return { image: full.image, complete: true };
    if (number !== this.#open || this.#used === 0) return undefined;
    this.#made ??= await this.#encode();
    return { image: this.#made, complete: false };
  }

  async #place(small: Uint8Array, box: PixelBox, capturedAt: number): Promise<void> {
    const { columns, rows, tileWidth } = this.#options;
    // A change of the source's aspect ratio starts a new sheet.
    if (box.height !== this.#box.height && this.#used > 0) await this.#finish();
    if (this.#used === 0) {
      this.#box = box;
      this.#canvas = new Uint8Array(box.width * columns * box.height * rows * 3);
    }
    const x = (this.#used % columns) * tileWidth;
    const y = Math.floor(this.#used / columns) * box.height;
    const line = tileWidth * 3;
    for (let row = 0; row < box.height; row += 1) {
      const at = ((y + row) * columns * tileWidth + x) * 3;
      this.#canvas.set(small.subarray(row * line, (row + 1) * line), at);
    }
    this.#tiles = [...this.#tiles, { sheet: this.#open, x, y, ...box, capturedAt }];
    this.#used += 1;
    this.#made = undefined;
    if (this.#used === columns * rows) await this.#finish();
  }

  /** Encodes the open sheet as final and starts the next one. If encoding fails, the sheet and its tiles are dropped. */
  async #finish(): Promise<void> {
    const number = this.#open;
    try {
      const image = await this.#encode().catch(() => this.#encode());
      const newestAt = Math.max(...this.#tiles.filter(({ sheet }) => sheet === number).map((tile) => tile.capturedAt));
      this.#full = [...this.#full, { number, image, newestAt }];
      this.#options.onFull?.({ number, image });
    } catch (cause) {
      this.#drop([number]);
      this.#options.onError?.(imageFailed(cause));
    } finally {
      this.#open += 1;
      this.#used = 0;
      this.#made = undefined;
      this.#canvas = new Uint8Array(0);
    }
    this.#drop(this.#full.slice(0, Math.max(0, this.#full.length + 1 - this.#options.maxSheets)).map((s) => s.number));
  }

  #drop(numbers: readonly number[]): void {
    this.#full = this.#full.filter(({ number }) => !numbers.includes(number));
    this.#tiles = this.#tiles.filter(({ sheet }) => !numbers.includes(sheet));
  }

  #encode(): Promise<EncodedImage> {
    const { columns, rows, format, quality } = this.#options;
    const width = this.#box.width * columns;
    // Only the rows with tiles.
    const height = this.#box.height * Math.min(rows, Math.ceil(this.#used / columns));
    const canvas = this.#canvas.subarray(0, width * height * 3);
    return encode(() => sharp(canvas, { raw: { width, height, channels: 3 } }), format, quality);
  }
}
