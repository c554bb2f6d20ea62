/** Pure: which segments of one rendition are on the store, which are listed there, and which may be forgotten. */
import type { InheritedSegment, SegmentNumbers, SegmentPosition } from '../lease/takeover.js';

/** `pending`: being uploaded. `stored`: readable on the store. `gap`: given up, or lost from the store. */
export type SegmentState = 'pending' | 'stored' | 'gap';

/** `stored → gap`: the store has lost the segment. */
const moves: Readonly<Record<SegmentState, readonly SegmentState[]>> = {
  pending: ['stored', 'gap'],
  stored: ['gap'],
  gap: [],
};

export interface RemoteSegment<T> {
  readonly entry: T;
  readonly key: string;
  readonly bytes: number;
  readonly durationSeconds: number;
  readonly initKey: string | undefined;
  /** This node's numbers. Default: follows the previous segment, from 0. */
  readonly position?: SegmentPosition;
}

export interface WindowItem<T> extends RemoteSegment<T> {
  readonly position: SegmentPosition;
  /** The numbers in the playlists on the store. */
  numbers: SegmentNumbers;
  /** Another writer listed it; it stays listed until the window has passed. */
  readonly isInherited: boolean;
  state: SegmentState;
  /** When the first playlist that lists it was on the store. Milliseconds since the epoch. */
  listedAt: number | undefined;
  /** An object with this key may be on the store, regardless of the segment's state. */
  attempted: boolean;
}

export interface ListedEntry<T> {
  readonly entry: T;
  /** The segment is not on the store: EXT-X-GAP. */
  readonly gap: boolean;
  readonly numbers: SegmentNumbers;
}

/** What is kept of a segment that has left the window: small, because there may be 100,000. */
export interface RecordedSegment<T> {
  readonly entry: T;
  readonly key: string;
  readonly bytes: number;
  readonly position: SegmentPosition;
  /** It is not on the store: a gap, unless it is copied from another store. */
  isStored: boolean;
  readonly numbers: SegmentNumbers;
}

/** A segment that was uploaded to another store while this one was not in use. */
export interface ElsewhereSegment<T> extends RemoteSegment<T> {
  readonly position: SegmentPosition;
  /** A playlist there has listed it. */
  readonly isListed: boolean;
}

export interface Inheritance<T> {
  /** The segments that stay listed. */
  readonly tail: readonly InheritedItem<T>[];
  /** The first own segment to list, by this node's media sequence. Undefined: all. */
  readonly from: number | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Players may wait for the next segment of a playlist of which nothing stays, so the first new one must be enough. */
  readonly mustSuffice: boolean;
}

/** RFC 8216bis 6.2.2: a playlist that replaces another one contains at least three target durations. */
const leastTargetDurations = 3;
/** Limit for the wait for three target durations if segments are much shorter than the target duration: hundreds of kB. */
const mostSegments = 1000;

/** The list of a playlist that is being written, for `acknowledge` once it is on the store. */
export interface Snapshot<T> {
  readonly items: readonly WindowItem<T>[];
  /** Indexes of the first listed item and of the one after the last, counted from the first that was appended. */
  readonly first: number;
  readonly end: number;
}

export interface WindowOptions {
  readonly windowSegments: number;
  /** The current target duration of the playlist. */
  readonly targetSeconds: () => number;
  /** Maximum number of segments in the record for the playlist of the whole recording. 0: no record. */
  readonly recordSegments: number;
  /** The numbers of a segment in the playlists on the store. Default: this node's numbers. */
  readonly numbersOf?: (position: SegmentPosition) => SegmentNumbers;
}

/** A segment of another writer, found on a store, that stays listed. */
export interface InheritedItem<T> extends InheritedSegment<T> {
  readonly bytes: number;
}

/**
 * The remote window: the settled prefix of the appended segments. It lists the last `windowSegments` of them; more if these are shorter than
 * three target durations, and after an outage, when late uploads stay listed for half a window, so that players can fetch them in time.
 */
export class RemoteWindow<T> {
  readonly #options: WindowOptions;
  #items: WindowItem<T>[] = [];
  /** The index of `#items[0]`. */
  #base = 0;
  #record: RecordedSegment<T>[] = [];
  #forgotten = 0;
  #appendedSeconds = 0;
  #listedSeconds = 0;
  #listedEnd = 0;
  /** Set from `unlist` until there is a playlist again: the index after the last segment that it has to list. */
  #gatheredEnd: number | undefined;
  #lastPosition: SegmentPosition | undefined;
  /** If another writer's playlist is continued: the first own segment to list, which may not exist yet. */
  #from = 0;

  constructor(options: WindowOptions) {
    this.#options = options;
  }

  /** Everything that is waiting or listed, oldest first. */
  get items(): readonly WindowItem<T>[] {
    return this.#items;
  }

  /** Number of segments dropped from the record because of its limit. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** Duration of the appended segments that no playlist on the store lists yet, in seconds. */
  get lagSeconds(): number {
    return Math.max(0, this.#appendedSeconds - this.#listedSeconds);
  }

  get settled(): boolean {
    return this.#items.every((item) => item.state !== 'pending');
  }

  /** The continued playlist of another writer already lists the time of this segment. */
  repeats(position: SegmentPosition | undefined): boolean {
    return position !== undefined && position.mediaSequence < this.#from;
  }

  append(segment: RemoteSegment<T>): WindowItem<T> {
    const position = segment.position ?? after(this.#lastPosition);
    this.#lastPosition = position;
    const item: WindowItem<T> = {
      ...segment,
      position,
      numbers: this.#numbersOf(position),
      isInherited: false,
      state: 'pending',
      listedAt: undefined,
      attempted: false,
    };
    this.#items.push(item);
    this.#appendedSeconds += item.durationSeconds;
    return item;
  }

  /** Number of `items` that no playlist on the store has listed. */
  get unlisted(): number {
    return Math.max(0, this.#base + this.#items.length - this.#listedEnd);
  }

  /**
   * Another store was in use in the meantime. `window`: the segments that its playlist lists, and later ones; only these are kept here.
   * `record`: the ones in between. Returns the segments that are no longer listed.
   */
  refill(
    window: readonly ElsewhereSegment<T>[],
    record: readonly Omit<RecordedSegment<T>, 'numbers'>[],
  ): readonly WindowItem<T>[] {
    const stored = this.#items.filter(({ state, isInherited }) => state === 'stored' && !isInherited);
    const known = new Map(stored.map((item) => [item.key, item]));
    const stays = new Set(window.map(({ key }) => key));
    const dropped = this.#items.filter(({ key }) => !(stays.has(key) && known.has(key)));
    this.#base += this.#items.length;
    this.#items = [];
    this.#drop(0, dropped);
    if (this.#options.recordSegments > 0) this.#mergeRecord(record);
    this.#listedEnd = this.#base;
    this.#appendedSeconds = this.#listedSeconds;
    for (const { isListed, ...segment } of window) {
      const item = known.get(segment.key);
      if (item === undefined) this.append(segment);
      else {
        this.#items.push(item);
        this.#appendedSeconds += item.durationSeconds;
      }
      if (!isListed) continue;
      // Segments that players have seen do not count as lag.
      this.#listedSeconds += segment.durationSeconds;
      this.#listedEnd += 1;
    }
    this.#lastPosition = window.at(-1)?.position ?? this.#lastPosition;
    this.unlist();
    return dropped;
  }

  #mergeRecord(others: readonly Omit<RecordedSegment<T>, 'numbers'>[]): void {
    const stored = new Set(this.#record.filter(({ isStored }) => isStored).map(({ key }) => key));
    const added = others
      .filter(({ key }) => !stored.has(key))
      .map((one) => ({ ...one, numbers: this.#numbersOf(one.position) }));
    const replaced = new Set(added.map(({ key }) => key));
    this.#record = [...this.#record.filter(({ key }) => !replaced.has(key)), ...added].sort(
      (a, b) => a.position.mediaSequence - b.position.mediaSequence,
    );
  }

  /** Another store is in use: pending segments no longer belong to this one. */
  dropPending(): readonly WindowItem<T>[] {
    const dropped = this.#items.filter(({ state }) => state === 'pending');
    this.#items = this.#items.filter(({ state }) => state !== 'pending');
    return dropped;
  }

  /** False, without a change, for an invalid transition, such as the same report twice. */
  move(item: WindowItem<T>, state: SegmentState): boolean {
    if (!moves[item.state].includes(state)) return false;
    item.state = state;
    return true;
  }

  /**
   * The list that a playlist on the store may have now. Undefined if that is not even one segment or, after `unlist`, not everything that was
   * in the window then, because a player of the previous playlist would find too little.
   */
  snapshot(now: number, { final = false } = {}): Snapshot<T> | undefined {
    const pending = this.#items.findIndex((item) => item.state === 'pending');
    const end = pending < 0 ? this.#items.length : pending;
    // A playlist that has never listed a segment starts with one, not with gaps.
    let first = this.#items.findIndex((item) => item.state === 'stored' || item.listedAt !== undefined);
    if (first < 0 && final && this.#listedEnd > 0) first = 0;
    if (first < 0 || first >= end) return undefined;
    first = Math.max(first, this.#firstWithoutMap(end));
    const keep = this.#enough(end, this.#options.windowSegments);
    while (end - first > keep && this.#mayLeave(this.#items[first]!, now)) first += 1;
    const items = this.#items.slice(first, end);
    if (!final && !items.some((item) => item.state === 'stored' || item.listedAt !== undefined)) return undefined;
    if (!final && this.#gatheredEnd !== undefined) {
      if (this.#base + end < this.#gatheredEnd || items.length < this.#enough(end, 0)) return undefined;
    }
    return { items, first: this.#base + first, end: this.#base + end };
  }

  /** The snapshot's playlist is on the store. Returns the segments that no playlist there lists any more. */
  acknowledge(snapshot: Snapshot<T>, now: number): readonly WindowItem<T>[] {
    this.#gatheredEnd = undefined;
    for (const item of snapshot.items) item.listedAt ??= now;
    for (let number = this.#listedEnd; number < snapshot.end; number += 1) {
      this.#listedSeconds += this.#items[number - this.#base]?.durationSeconds ?? 0;
    }
    this.#listedEnd = Math.max(this.#listedEnd, snapshot.end);
    const leaving = snapshot.first - this.#base;
    return leaving > 0 ? this.#drop(leaving) : [];
  }

  /** Forgets all but the newest `keep`, or as many as three target durations need: for a node on standby. */
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

  /** Uploads start: after `unlist`, the first playlist waits for the segments that are in the window now. */
  gather(): void {
    if (this.#gatheredEnd !== undefined) this.#gatheredEnd = this.#base + this.#items.length;
  }

  /**
   * The store's playlist is from another writer. Its `tail` stays listed; of the segments here, those from `from` on follow it, with new
   * numbers. Returns the segments that are no longer listed, or never will be. The tail stays for half a window even if a whole one waits here,
   * because players that are behind must not lose their next segments.
   */
  inherit({ tail, from, now, mustSuffice }: Inheritance<T>): readonly WindowItem<T>[] {
    this.#from = from ?? 0;
    const own = new Map(this.#items.map((item) => [item.key, item]));
    const kept = tail.map((segment): WindowItem<T> => {
      const mine = own.get(segment.key);
      const item = mine ?? inheritedItem(segment);
      // It is on the store, regardless of this node's state.
      item.state = segment.gap ? 'gap' : 'stored';
      item.numbers = segment.numbers;
      item.listedAt ??= now;
      if (!segment.gap) item.attempted = true;
      return item;
    });
    const stays = new Set(kept);
    const follows = this.#items.filter(
      (item) => !stays.has(item) && !item.isInherited && item.position.mediaSequence >= this.#from,
    );
    const following = new Set(follows);
    const dropped = this.#items.filter((item) => !stays.has(item) && !following.has(item));
    this.#drop(0, dropped);
    for (const item of follows) item.numbers = this.#numbersOf(item.position);
    this.#items = [...kept, ...follows];
    this.#listedEnd = this.#base + kept.length;
    this.#listedSeconds = this.#appendedSeconds - secondsOf(follows);
    if (kept.length > 0) this.#gatheredEnd = undefined;
    else if (mustSuffice || this.#gatheredEnd !== undefined) this.#gatheredEnd = this.#base + follows.length;
    return dropped;
  }

  /** Another node writes the stream: its objects on the store do not belong to the segments that wait here. */
  disinherit(): readonly WindowItem<T>[] {
    const dropped = this.#items.filter(({ isInherited }) => isInherited);
    if (dropped.length === 0) return [];
    const wereListed = this.#items.slice(0, Math.max(0, this.#listedEnd - this.#base));
    this.#items = this.#items.filter(({ isInherited }) => !isInherited);
    this.#base += dropped.length;
    this.#listedEnd = this.#base + wereListed.filter(({ isInherited }) => !isInherited).length;
    return dropped;
  }

  /** All segments of the recording in the record. */
  recording(): readonly ListedEntry<T>[] {
    return this.#recording(this.#items);
  }

  /** The same up to the first pending segment. */
  settledRecording(): readonly ListedEntry<T>[] {
    const pending = this.#items.findIndex((item) => item.state === 'pending');
    return this.#recording(pending < 0 ? this.#items : this.#items.slice(0, pending));
  }

  /** The segments of the recording that have left the window. */
  get recorded(): readonly RecordedSegment<T>[] {
    return this.#record;
  }

  #recording(items: readonly WindowItem<T>[]): readonly ListedEntry<T>[] {
    return [
      ...this.#record.map(({ entry, isStored, numbers }) => ({ entry, gap: !isStored, numbers })),
      ...items.filter(({ isInherited }) => !isInherited).map((item) => listed(item)),
    ];
  }

  /** Number of items before `end` to list: `least`, or more if needed for three target durations. */
  #enough(end: number, least: number): number {
    const seconds = leastTargetDurations * this.#options.targetSeconds();
    let [count, lasting] = [0, 0];
    while (count < least || (lasting < seconds && count < mostSegments)) {
      // A segment that does not exist yet counts as 0 s, so one more is always required.
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

  #numbersOf(position: SegmentPosition): SegmentNumbers {
    return this.#options.numbersOf?.(position) ?? position;
  }

  /** EXT-X-MAP cannot be removed within a playlist: after a change from fMP4 to MPEG-TS the list starts at the change. */
  #firstWithoutMap(end: number): number {
    if (this.#items[end - 1]?.initKey !== undefined) return 0;
    for (let index = end - 1; index > 0; index -= 1) {
      if (this.#items[index - 1]!.initKey !== undefined) return index;
    }
    return 0;
  }

  #drop(count: number, dropped: readonly WindowItem<T>[] = this.#items.splice(0, count)): readonly WindowItem<T>[] {
    this.#base += count;
    if (this.#options.recordSegments > 0) {
      for (const { entry, key, bytes, state, position, numbers, isInherited } of dropped) {
        if (!isInherited) this.#record.push({ entry, key, bytes, position, isStored: state === 'stored', numbers });
      }
      const excess = this.#record.length - this.#options.recordSegments;
      // In batches, because removing from the front of an array costs its length.
      if (excess > this.#options.recordSegments / 10) {
        this.#record.splice(0, excess);
        this.#forgotten += excess;
      }
    }
    return dropped;
  }
}

export function listed<T>(item: WindowItem<T>): ListedEntry<T> {
  return { entry: item.entry, gap: item.state !== 'stored', numbers: item.numbers };
}

/**
 * The sequence numbers of a playlist with this list. Derived from its last segment, because the first ones of a long recording may have been
 * numbered before another node wrote in between.
 */
export function startOf<T>(
  list: readonly ListedEntry<T>[],
): Pick<SegmentNumbers, 'mediaSequence' | 'discontinuitySequence'> {
  const last = list.at(-1)?.numbers;
  if (last === undefined) return { mediaSequence: 0, discontinuitySequence: 0 };
  const discontinuities = list.filter(({ numbers }) => numbers.discontinuity).length;
  return {
    mediaSequence: Math.max(0, last.mediaSequence - list.length + 1),
    discontinuitySequence: Math.max(0, last.discontinuitySequence - discontinuities),
  };
}

function inheritedItem<T>(segment: InheritedItem<T>): WindowItem<T> {
  const { entry, key, bytes, durationSeconds, initKey, numbers, programDateTime = 0 } = segment;
  return {
    ...{ entry, key, bytes, durationSeconds, initKey, numbers },
    position: { ...numbers, programDateTime },
    isInherited: true,
    state: 'stored',
    listedAt: undefined,
    attempted: false,
  };
}

function after(last: SegmentPosition | undefined): SegmentPosition {
  const mediaSequence = last === undefined ? 0 : last.mediaSequence + 1;
  const discontinuitySequence = last?.discontinuitySequence ?? 0;
  return { mediaSequence, discontinuitySequence, discontinuity: false, programDateTime: last?.programDateTime ?? 0 };
}

function secondsOf<T>(items: readonly WindowItem<T>[]): number {
  return items.reduce((sum, { durationSeconds }) => sum + durationSeconds, 0);
}
