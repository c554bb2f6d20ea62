/** Pure: what of one rendition is on the store, what is listed there, and what may be forgotten. */

/** `pending`: on its way. `stored`: readable on the store that `place` names. `gap`: given up, or found to be lost. */
export type SegmentState = 'pending' | 'stored' | 'gap';

/** `stored → pending` is a copy to another store; `stored → gap` a segment that the store has lost. */
const moves: Readonly<Record<SegmentState, readonly SegmentState[]>> = {
  pending: ['stored', 'gap'],
  stored: ['pending', 'gap'],
  gap: [],
};

export interface WindowSegment<T> {
  readonly entry: T;
  readonly key: string;
  readonly bytes: number;
  readonly durationSeconds: number;
  readonly initKey: string | undefined;
}

export interface WindowItem<T> extends WindowSegment<T> {
  state: SegmentState;
  /** The number of the store that holds it, while `stored`. */
  place: number;
  /** When the playlist that first listed it was on the store. Milliseconds since the epoch. */
  listedAt: number | undefined;
  /** The stores on which an object of this key may lie, whatever became of the segment. */
  readonly attempted: Set<number>;
}

export interface ListedEntry<T> {
  readonly entry: T;
  /** The segment is not on the store: EXT-X-GAP. */
  readonly gap: boolean;
}

/** What is remembered of a segment that has left the window: small, there may be a hundred thousand. */
export interface RecordedSegment<T> {
  readonly entry: T;
  readonly key: string;
  readonly bytes: number;
  /** The number of the store that holds it; -1 for a gap. */
  place: number;
}

const nowhere = -1;

/** RFC 8216bis 6.2.2: what replaces another playlist lasts three target durations at least. */
const leastTargetDurations = 3;
/** However short the segments are beside the target duration, three of it are not waited for beyond this: hundreds of kB. */
const mostSegments = 1000;

/** What a playlist that is being written lists, for `acknowledge` when it is on the store. */
export interface Snapshot<T> {
  readonly items: readonly WindowItem<T>[];
  /** Numbers of the first item listed and of the one after the last, counted from the first ever appended. */
  readonly first: number;
  readonly end: number;
  readonly place: number;
}

export interface WindowOptions {
  readonly windowSegments: number;
  /** The target duration that a playlist would have now. */
  readonly targetSeconds: () => number;
  /** Keep a record of all segments for the playlist of the whole recording: at most so many. 0: none. */
  readonly recordSegments: number;
}

/**
 * The remote window: the settled prefix of what was appended. It lists the last `windowSegments` of it, and more where
 * these do not last three target durations, and after an outage: what was uploaded late stays listed for half a window, so
 * that players come by in time.
 */
export class RemoteWindow<T> {
  readonly #options: WindowOptions;
  #items: WindowItem<T>[] = [];
  /** The number of `#items[0]`. */
  #base = 0;
  #record: RecordedSegment<T>[] = [];
  #forgotten = 0;
  #appendedSeconds = 0;
  #listedSeconds = 0;
  #listedEnd = 0;
  /** Since `unlist`, until a playlist is there again: the number after the last segment that it has to list. */
  #gatheredEnd: number | undefined;

  constructor(options: WindowOptions) {
    this.#options = options;
  }

  /** Everything that is waiting or listed, oldest first. */
  get items(): readonly WindowItem<T>[] {
    return this.#items;
  }

  /** Of the record: how many segments were dropped because there is a limit. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** How much of what was appended no playlist on the store lists yet. Seconds. */
  get lagSeconds(): number {
    return Math.max(0, this.#appendedSeconds - this.#listedSeconds);
  }

  get settled(): boolean {
    return this.#items.every((item) => item.state !== 'pending');
  }

  append(segment: WindowSegment<T>): WindowItem<T> {
    const item: WindowItem<T> = { ...segment, state: 'pending', place: 0, listedAt: undefined, attempted: new Set() };
    this.#items.push(item);
    this.#appendedSeconds += item.durationSeconds;
    return item;
  }

  /** False, and nothing changes, for a move that there is not: the same news heard twice. */
  move(item: WindowItem<T>, state: SegmentState, place = item.place): boolean {
    if (!moves[item.state].includes(state)) return false;
    item.state = state;
    item.place = place;
    return true;
  }

  /**
   * What a playlist on the store `place` may list now; undefined while that is not one segment, or after `unlist` not
   * everything that has been in the window then: a player that comes from the playlist before would find too little.
   */
  snapshot(now: number, place: number, { final = false } = {}): Snapshot<T> | undefined {
    const pending = this.#items.findIndex((item) => item.state === 'pending');
    const end = pending < 0 ? this.#items.length : pending;
    // A playlist that has never listed a segment of this store begins with one, not with gaps.
    let first = this.#items.findIndex((item) => here(item, place) || item.listedAt !== undefined);
    if (first < 0 && final && this.#listedEnd > 0) first = 0;
    if (first < 0 || first >= end) return undefined;
    const keep = this.#enough(end, this.#options.windowSegments);
    while (end - first > keep && this.#mayLeave(this.#items[first]!, now)) first += 1;
    const items = this.#items.slice(first, end);
    if (!final && !items.some((item) => here(item, place) || item.listedAt !== undefined)) return undefined;
    if (!final && this.#gatheredEnd !== undefined) {
      if (this.#base + end < this.#gatheredEnd || items.length < this.#enough(end, 0)) return undefined;
    }
    return { items, first: this.#base + first, end: this.#base + end, place };
  }

  /** The snapshot's playlist is on the store. Returns what no playlist there lists any more. */
  acknowledge(snapshot: Snapshot<T>, now: number): readonly WindowItem<T>[] {
    this.#gatheredEnd = undefined;
    for (const item of snapshot.items) item.listedAt ??= now;
    for (let number = this.#listedEnd; number < snapshot.end; number += 1) {
      this.#listedSeconds += this.#items[number - this.#base]?.durationSeconds ?? 0;
    }
    this.#listedEnd = Math.max(this.#listedEnd, snapshot.end);
    return this.#drop(snapshot.first - this.#base);
  }

  /** Forgets all but the newest `keep`, and what they lack of three target durations: for a node that only stands by. */
  prune(keep: number): readonly WindowItem<T>[] {
    if (this.#items.length <= keep) return [];
    const excess = this.#items.length - this.#enough(this.#items.length, keep);
    if (excess <= 0) return [];
    for (let number = Math.max(this.#listedEnd, this.#base); number < this.#base + excess; number += 1) {
      this.#listedSeconds += this.#items[number - this.#base]!.durationSeconds;
    }
    this.#listedEnd = Math.max(this.#listedEnd, this.#base + excess);
    return this.#drop(excess);
  }

  /** No playlist in use lists anything of this window any more: another store, or another writer, has taken over. */
  unlist(): void {
    for (const item of this.#items) item.listedAt = undefined;
    this.#gatheredEnd = this.#base + this.#items.length;
  }

  /** Uploads begin: after `unlist`, the first playlist waits for what is in the window by now. */
  gather(): void {
    if (this.#gatheredEnd !== undefined) this.#gatheredEnd = this.#base + this.#items.length;
  }

  /** Every segment of the recording, as far as it is remembered. */
  recording(place: number): readonly ListedEntry<T>[] {
    return this.#recording(this.#items, place);
  }

  /** The same up to the first segment that is still on its way. */
  settledRecording(place: number): readonly ListedEntry<T>[] {
    const pending = this.#items.findIndex((item) => item.state === 'pending');
    return this.#recording(pending < 0 ? this.#items : this.#items.slice(0, pending), place);
  }

  /** Of the recording: what is in the window no more and lies on another store than `place`. */
  recordedElsewhere(place: number): readonly RecordedSegment<T>[] {
    return this.#record.filter((item) => item.place !== place && item.place !== nowhere);
  }

  #recording(items: readonly WindowItem<T>[], place: number): readonly ListedEntry<T>[] {
    return [
      ...this.#record.map((item) => ({ entry: item.entry, gap: item.place !== place })),
      ...items.map((item) => listed(item, place)),
    ];
  }

  /** How many of the items before `end`: `least`, and as many more as it takes for three target durations. */
  #enough(end: number, least: number): number {
    const seconds = leastTargetDurations * this.#options.targetSeconds();
    let [count, lasting] = [0, 0];
    while (count < least || (lasting < seconds && count < mostSegments)) {
      // What is not there yet counts as the shortest that there can be: one more is always wanted.
      lasting += this.#items[end - count - 1]?.durationSeconds ?? 0;
      count += 1;
    }
    return count;
  }

  #mayLeave(item: WindowItem<T>, now: number): boolean {
    if (item.state === 'gap') return true;
    if (item.listedAt === undefined) return false;
    return now - item.listedAt >= (this.#options.windowSegments * item.durationSeconds * 1000) / 2;
  }

  #drop(count: number): readonly WindowItem<T>[] {
    if (count <= 0) return [];
    const dropped = this.#items.splice(0, count);
    this.#base += count;
    if (this.#options.recordSegments > 0) {
      for (const { entry, key, bytes, state, place } of dropped) {
        this.#record.push({ entry, key, bytes, place: state === 'stored' ? place : nowhere });
      }
      const excess = this.#record.length - this.#options.recordSegments;
      // In strides, because removing from the front of a long array costs its length.
      if (excess > this.#options.recordSegments / 10) {
        this.#record.splice(0, excess);
        this.#forgotten += excess;
      }
    }
    return dropped;
  }
}

export function listed<T>(item: WindowItem<T>, place: number): ListedEntry<T> {
  return { entry: item.entry, gap: !here(item, place) };
}

function here<T>(item: WindowItem<T>, place: number): boolean {
  return item.state === 'stored' && item.place === place;
}
