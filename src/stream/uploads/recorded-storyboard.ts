import { type StoryboardTile, storyboardVtt, type TimelineSpan } from '../../images/storyboard-vtt.js';

export interface RecordedStoryboardOptions {
  /** Maximum number of remembered tiles and time spans. About 100 bytes each. */
  readonly maxTiles?: number;
  readonly maxSpans?: number;
}

/** Dates that differ by less belong to the same time span. */
const SAME_LINE_MS = 50;

/**
 * The data for the storyboard of a whole recording. Bounded regardless of its length: too many tiles are thinned out to every second one,
 * also from then on, and if a recording is interrupted very often its oldest spans are dropped.
 */
export class RecordedStoryboard {
  readonly #maxTiles: number;
  readonly #maxSpans: number;
  #tiles: StoryboardTile[] = [];
  #spans: TimelineSpan[] = [];
  #mediaSeconds = 0;
  #stride = 1;
  #seen = 0;

  constructor({ maxTiles = 8000, maxSpans = 8000 }: RecordedStoryboardOptions = {}) {
    this.#maxTiles = maxTiles;
    this.#maxSpans = maxSpans;
  }

  /** The next segment of the recording. */
  segment({ startsAt, programDateTime, durationSeconds, discontinuity }: Omit<TimelineSpan, 'mediaSeconds'>): void {
    const last = this.#spans.at(-1);
    const offMs = last === undefined ? 0 : startsAt - last.startsAt - last.durationSeconds * 1000;
    if (last === undefined || discontinuity || Math.abs(offMs) > SAME_LINE_MS) {
      const mediaSeconds = this.#mediaSeconds;
      this.#spans.push({ startsAt, programDateTime, durationSeconds, discontinuity, mediaSeconds });
      if (this.#spans.length > this.#maxSpans) this.#spans.shift();
    } else {
      this.#spans[this.#spans.length - 1] = { ...last, durationSeconds: last.durationSeconds + durationSeconds };
    }
    this.#mediaSeconds += durationSeconds;
  }

  /** The tiles of a full sheet. */
  sheet(tiles: readonly StoryboardTile[]): void {
    for (const tile of tiles) {
      if (this.#seen % this.#stride === 0) this.#tiles.push(tile);
      this.#seen += 1;
    }
    if (this.#tiles.length <= this.#maxTiles) return;
    this.#stride *= 2;
    this.#tiles = this.#tiles.filter((_, at) => at % 2 === 0);
  }

  get tiles(): number {
    return this.#tiles.length;
  }

  get spans(): number {
    return this.#spans.length;
  }

  text(urlOf: (sheet: number) => string): string {
    return storyboardVtt({ tiles: this.#tiles, timeline: this.#spans, urlOf });
  }
}
