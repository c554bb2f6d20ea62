/**
 * Pure: how a node continues the playlists on the store when it acquires the lease. RFC 8216bis 6.2.2: sequence numbers never decrease and
 * never identify two segments, regardless of the node that writes.
 */

/** The numbers of one segment in a media playlist. */
export interface SegmentNumbers {
  readonly mediaSequence: number;
  /** Includes the segment's own EXT-X-DISCONTINUITY. */
  readonly discontinuitySequence: number;
  readonly discontinuity: boolean;
}

/** A segment of this node, with the node's own numbers. */
export interface SegmentPosition extends SegmentNumbers {
  /** Milliseconds since the epoch. */
  readonly programDateTime: number;
}

/** One segment of a playlist found on the store. */
interface FoundSegment<T> {
  readonly entry: T;
  readonly key: string;
  readonly initKey: string | undefined;
  readonly durationSeconds: number;
  /** Milliseconds since the epoch; undefined if the playlist has no date. */
  readonly programDateTime: number | undefined;
  readonly discontinuity: boolean;
  readonly gap: boolean;
}

/** A media playlist found on the store. */
export interface FoundPlaylist<T> {
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly targetDurationSeconds: number;
  readonly ended: boolean;
  readonly segments: readonly FoundSegment<T>[];
  /** Every segment has a name of sidepipe's form. From another program's playlist only the numbers are continued. */
  readonly isOurs: boolean;
}

/** A segment of another writer that stays listed. */
export interface InheritedSegment<T> extends FoundSegment<T> {
  readonly numbers: SegmentNumbers;
}

export interface RenditionUploadFacts<T> {
  /** `unreadable`: there is an object, but without a number to continue. */
  readonly found: FoundPlaylist<T> | 'unreadable' | undefined;
  /** The entry of another rendition's segment, as a gap in this one after the entry `before`. */
  readonly asGap: (entry: T, before: T | undefined) => T;
  /** The segments waiting in this node, oldest first. */
  readonly own: readonly { readonly key: string; readonly position: SegmentPosition; readonly seconds: number }[];
}

export interface TakeoverFacts<T> {
  readonly lanes: readonly RenditionUploadFacts<T>[];
  /** The playlists were written so recently that players still wait for the next segment. */
  readonly isRecent: boolean;
  /** Every own segment must be listed, even if the other writer listed one of the same time. */
  readonly listsAll: boolean;
  /** Numbers that no writer of this stream can have used. */
  readonly unusedNumbers: Pick<SegmentNumbers, 'mediaSequence' | 'discontinuitySequence'>;
}

export interface Takeover<T> {
  /** By lane, what stays listed. */
  readonly tails: readonly (readonly InheritedSegment<T>[])[];
  /** The first own segment to list, by this node's media sequence. Undefined: the next new one. */
  readonly from: number | undefined;
  readonly start: NumberingStart;
}

/** The numbers of the first own segment that is listed. */
export interface NumberingStart {
  readonly mediaSequence: number;
  /** Of the previous segment. */
  readonly lastDiscontinuitySequence: number;
  /** It must have exactly these numbers, because it follows a listed segment. Otherwise they are the lowest possible. */
  readonly isExact: boolean;
  /** It follows a segment of another writer. */
  readonly discontinuity: boolean;
}

/** Larger numbers are not from a live stream. Players allocate arrays as long as the second. */
const highestMediaSequence = 2 ** 48;
const highestDiscontinuitySequence = 10_000_000;
/** Playlists of renditions are written one after the other, so one can be a few segments behind the others. */
const mostMissing = 10;
/** Maximum number of new segments that are left out because the other node has listed their time. More: the two clocks differ. */
const mostRepeated = 3;
/** Maximum that is taken over, however much the playlist lists. */
const longestTail = 100;

/** Undefined: there is nothing to continue. */
export function planTakeover<T>(facts: TakeoverFacts<T>): Takeover<T> | undefined {
  const { lanes, isRecent, unusedNumbers } = facts;
  const found = lanes.map((lane) => (typeof lane.found === 'object' && isSound(lane.found) ? lane.found : undefined));
  const isUnreadable = lanes.some((lane, index) => lane.found !== undefined && found[index] === undefined);
  const known = found.filter((playlist) => playlist !== undefined);
  if (known.length === 0 && !isUnreadable) return undefined;
  const unused = isUnreadable ? unusedNumbers : { mediaSequence: 0, discontinuitySequence: 0 };
  const next = Math.max(unused.mediaSequence, ...known.map(endOf));
  const last = Math.max(unused.discontinuitySequence, ...known.map(lastDiscontinuityOf));
  const isContinued = isRecent && !isUnreadable && known.every(({ ended, isOurs }) => isOurs && !ended);
  const tails = found.map((playlist, index) =>
    playlist && isContinued ? tailOf(playlist, lanes[index]!.asGap, known, next, last) : [],
  );
  const hasTail = tails.some((tail) => tail.length > 0);
  const from = firstOwn(facts, tails, hasTail);
  return {
    tails,
    from,
    start: {
      mediaSequence: next,
      lastDiscontinuitySequence: last,
      isExact: hasTail,
      discontinuity: hasTail && !followsOwn(facts, found, from),
    },
  };
}

function isSound<T>({ mediaSequence, discontinuitySequence }: FoundPlaylist<T>): boolean {
  return mediaSequence <= highestMediaSequence && discontinuitySequence <= highestDiscontinuitySequence;
}

function endOf<T>({ mediaSequence, segments }: FoundPlaylist<T>): number {
  return mediaSequence + segments.length;
}

function lastDiscontinuityOf<T>({ discontinuitySequence, segments }: FoundPlaylist<T>): number {
  return discontinuitySequence + segments.filter(({ discontinuity }) => discontinuity).length;
}

/** With numbers. */
function numbered<T>({ mediaSequence, discontinuitySequence, segments }: FoundPlaylist<T>): InheritedSegment<T>[] {
  let discontinuities = discontinuitySequence;
  return segments.map((segment, index) => {
    const { discontinuity } = segment;
    discontinuities += discontinuity ? 1 : 0;
    const numbers = { mediaSequence: mediaSequence + index, discontinuitySequence: discontinuities, discontinuity };
    return { ...segment, numbers };
  });
}

/**
 * The segments of a playlist that stay listed. A playlist that is behind the others is treated as if it were not: it starts and ends where
 * the one that is ahead does, with gaps at its end.
 */
function tailOf<T>(
  playlist: FoundPlaylist<T>,
  asGap: RenditionUploadFacts<T>['asGap'],
  all: readonly FoundPlaylist<T>[],
  next: number,
  last: number,
): InheritedSegment<T>[] {
  let tail = numbered(playlist);
  const missing = next - endOf(playlist);
  if (missing > mostMissing) return [];
  if (missing > 0) {
    const longest = numbered(all.find((other) => endOf(other) === next)!);
    const before = tail.at(-1);
    tail = tail.filter(({ numbers }) => numbers.mediaSequence >= longest[0]!.numbers.mediaSequence);
    for (const segment of longest.slice(-missing)) {
      // No player fetches a gap, so it needs no object.
      const entry = asGap(segment.entry, before?.entry);
      tail.push({ ...segment, entry, key: '', initKey: before?.initKey, gap: true });
    }
  }
  const end = tail.at(-1)?.numbers;
  const isAligned = end?.mediaSequence === next - 1 && end.discontinuitySequence === last;
  const isWhole = tail.every(({ numbers }, index) => numbers.mediaSequence === next - tail.length + index);
  return isAligned && isWhole ? tail.slice(-longestTail) : [];
}

/** After the listed segments, and not long before their end, because players would see the same again. */
function firstOwn<T>(
  { lanes, listsAll }: TakeoverFacts<T>,
  tails: readonly (readonly InheritedSegment<T>[])[],
  hasTail: boolean,
): number | undefined {
  let from = Number.NEGATIVE_INFINITY;
  for (const [index, { found, own }] of lanes.entries()) {
    const listed = new Set(typeof found === 'object' ? found.segments.map(({ key }) => key) : []);
    const lastListed = own.findLast(({ key }) => listed.has(key))?.position.mediaSequence;
    if (lastListed !== undefined) from = Math.max(from, lastListed + 1);
    const end = tails[index]!.at(-1);
    if (!hasTail || listsAll || end === undefined || own.length === 0) continue;
    const first = firstAfter(end, own);
    if (first === undefined) continue;
    from = Math.max(from, first);
  }
  const known = lanes.flatMap(({ own }) => own.map(({ position }) => position.mediaSequence));
  if (known.every((number) => number < from)) return known.length === 0 ? undefined : from;
  return Math.max(from, Math.min(...known));
}

/** By its own number. It may not exist yet: the times of both nodes show which one it will be. */
function firstAfter<T>(
  { programDateTime: startsAt, durationSeconds }: InheritedSegment<T>,
  own: RenditionUploadFacts<T>['own'],
): number | undefined {
  if (startsAt === undefined) return undefined;
  // The last segment of a stopped node can be very short: times must not go back before its start either.
  const earliest = (seconds: number) => Math.max(startsAt + (durationSeconds - seconds / 2) * 1000, startsAt);
  const first = own.find(({ position, seconds }) => position.programDateTime >= earliest(seconds));
  if (first !== undefined) return first.position.mediaSequence;
  const { position, seconds } = own.at(-1)!;
  const missingMs = earliest(seconds) - position.programDateTime - seconds * 1000;
  const repeated = Math.max(0, Math.ceil(missingMs / (seconds * 1000)));
  return position.mediaSequence + 1 + (repeated <= mostRepeated ? repeated : 0);
}

/** In every lane the last listed segment is this node's, and the next one follows it. */
function followsOwn<T>(
  { lanes }: TakeoverFacts<T>,
  found: readonly (FoundPlaylist<T> | undefined)[],
  from: number | undefined,
): boolean {
  return found.every((playlist, index) => {
    if (playlist === undefined) return true;
    const last = lanes[index]!.own.find(({ key }) => key === playlist.segments.at(-1)?.key);
    return last !== undefined && last.position.mediaSequence + 1 === from;
  });
}

/** Converts this node's segment numbers to those of the playlists on the store. One for all renditions. */
export class Numbering {
  #mediaOffset = 0;
  #discontinuityOffset = 0;
  #revision = 0;
  #start: NumberingStart | undefined;
  #forcedAt: number | undefined;

  /** Changes each time the numbering changes. */
  get revision(): number {
    return this.#revision;
  }

  /** From the first segment numbered after this, or the same one in another rendition. */
  continueAt(start: NumberingStart): void {
    this.#revision += 1;
    this.#start = start;
    this.#forcedAt = undefined;
  }

  of(position: SegmentPosition): SegmentNumbers {
    if (this.#start !== undefined) this.#fix(this.#start, position);
    const { mediaSequence, discontinuitySequence } = position;
    return {
      mediaSequence: mediaSequence + this.#mediaOffset,
      discontinuitySequence: discontinuitySequence + this.#discontinuityOffset,
      discontinuity: position.discontinuity || mediaSequence === this.#forcedAt,
    };
  }

  #fix(start: NumberingStart, { mediaSequence, discontinuitySequence, discontinuity }: SegmentPosition): void {
    this.#start = undefined;
    const media = start.mediaSequence - mediaSequence;
    const isNew = discontinuity || start.discontinuity || !start.isExact;
    const discontinuities = start.lastDiscontinuitySequence + (isNew ? 1 : 0) - discontinuitySequence;
    this.#mediaOffset = start.isExact ? media : Math.max(this.#mediaOffset, media);
    this.#discontinuityOffset = start.isExact ? discontinuities : Math.max(this.#discontinuityOffset, discontinuities);
    this.#forcedAt = start.discontinuity ? mediaSequence : undefined;
  }
}
