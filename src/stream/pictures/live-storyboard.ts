import type { StreamConfig } from '../../config/schema/schema.js';
import type { SidepipeError } from '../../errors.js';
import type { EncodedImage, RawPicture } from '../../images/picture.js';
import { Storyboard } from '../../images/storyboard.js';
import { type StoryboardTile, storyboardVtt, type TimelineSpan } from '../../images/storyboard-vtt.js';
import { etagOf } from '../etag.js';
import type { PlaylistResource, SheetResource } from '../resources.js';
import { OnDemand } from './on-demand.js';

export interface LiveStoryboardOptions {
  readonly config: StreamConfig;
  /** Collect tiles even without requests. */
  readonly always: boolean;
  readonly now: () => number;
  /** The segments that the playlist currently lists. */
  readonly timeline: () => readonly TimelineSpan[];
  readonly onError: (error: SidepipeError) => void;
  /** Called with a final sheet and its tiles. */
  readonly onFull: (sheet: { number: number; image: EncodedImage; tiles: readonly StoryboardTile[] }) => void;
}

/** Tiles are collected for this long after a request for the storyboard, because viewers who pause come back to it. */
const DEMAND_SECONDS = 600;
/** Sheets are numbered from the seconds since then, so that caches do not confuse sheets of different runs of the node. */
const EPOCH = Date.UTC(2026, 0, 1);

/** The storyboard of a stream's window: small images of what players can seek to, while it is in demand. */
export class LiveStoryboard {
  readonly #options: LiveStoryboardOptions;
  readonly #storyboard: Storyboard;
  readonly #demand: OnDemand;
  #lastAt = Number.NEGATIVE_INFINITY;
  #text: PlaylistResource | undefined;
  readonly #sheets = new Map<number, SheetResource>();

  constructor(options: LiveStoryboardOptions) {
    const { config, now, always, onError, onFull } = options;
    const { width, columns, rows, quality } = config.storyboard;
    this.#options = options;
    this.#demand = new OnDemand({ always, lastsSeconds: DEMAND_SECONDS });
    this.#storyboard = new Storyboard({
      tileWidth: width,
      columns,
      rows,
      format: 'jpg',
      quality,
      maxSheets: sheetsOf(config),
      firstSheet: Math.max(0, Math.floor((now() - EPOCH) / 1000)),
      onError,
      onFull: ({ number, image }) =>
        onFull({ number, image, tiles: this.#storyboard.tiles.filter(({ sheet }) => sheet === number) }),
    });
  }

  /** Takes a frame when one is due; `picture.data` is read until the promise settles. True: the storyboard changed. */
  async add(picture: RawPicture): Promise<boolean> {
    const { config, now } = this.#options;
    const elapsedSeconds = (picture.capturedAt - this.#lastAt) / 1000;
    // Frames are never exact to the millisecond, so a tenth of the interval early is in time.
    const isDue = elapsedSeconds < 0 || elapsedSeconds >= config.storyboard.intervalSeconds * 0.9;
    if (!isDue || !this.#demand.lasts(now())) return false;
    this.#lastAt = picture.capturedAt;
    await this.#storyboard.add(picture);
    return true;
  }

  /** Drops tiles without demand, and those that left the window. */
  expire(): void {
    if (!this.#demand.lasts(this.#options.now())) {
      if (this.#storyboard.tiles.length > 0) this.#storyboard.clear();
      this.#lastAt = Number.NEGATIVE_INFINITY;
      return;
    }
    const startsAt = this.#options.timeline()[0]?.startsAt;
    if (startsAt !== undefined) this.#storyboard.expire(startsAt);
  }

  /** Closes the open sheet at the end of a recording. */
  finish(): Promise<void> {
    return this.#storyboard.finish();
  }

  /** The WebVTT for a viewer: initially empty, because tiles are collected from the first request on. */
  index(): PlaylistResource {
    const { now } = this.#options;
    this.#demand.ask(now());
    const body = this.text(
      (sheet, version) => `storyboard-${sheet}.jpg${version === undefined ? '' : `?v=${version}`}`,
    );
    if (this.#text?.body !== body) this.#text = { body, etag: etagOf(body), modifiedAt: now() };
    return this.#text;
  }

  /** The WebVTT with other URLs. An unfinished sheet has a version in its URL, because players fetch each URL once. */
  text(urlOf: (sheet: number, version: number | undefined) => string): string {
    const { tiles, open } = this.#storyboard;
    const version = tiles.filter(({ sheet }) => sheet === open).length;
    return storyboardVtt({
      tiles,
      timeline: this.#options.timeline(),
      urlOf: (sheet) => urlOf(sheet, sheet === open ? version : undefined),
    });
  }

  /** The sheet that is being filled, with its number. */
  async newest(): Promise<{ number: number; sheet: SheetResource } | undefined> {
    const number = this.#storyboard.sheets.at(-1);
    const sheet = number === undefined ? undefined : await this.sheet(number);
    return sheet && number !== undefined ? { number, sheet } : undefined;
  }

  /** Undefined if there is no such sheet. */
  async sheet(number: number): Promise<SheetResource | undefined> {
    const made = await this.#storyboard.sheet(number);
    if (made === undefined) return undefined;
    const { image, complete } = made;
    const before = this.#sheets.get(number);
    if (before?.etag === image.etag && before.complete === complete) return before;
    const { body, contentType, etag } = image;
    const resource = { body, contentType, etag, complete, modifiedAt: this.#options.now() };
    this.#sheets.set(number, resource);
    for (const known of this.#sheets.keys()) if (!this.#storyboard.sheets.includes(known)) this.#sheets.delete(known);
    return resource;
  }
}

/** The number of sheets that cover the window plus one, including the one being filled; more if segments are longer than configured. */
export function sheetsOf({ hls, storyboard }: StreamConfig): number {
  const windowSeconds = hls.windowSegments * Math.max(hls.segmentSeconds, 10);
  const sheetSeconds = storyboard.columns * storyboard.rows * storyboard.intervalSeconds;
  return Math.min(100, Math.ceil(windowSeconds / sheetSeconds) + 2);
}
