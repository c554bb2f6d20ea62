/** One tile of a storyboard: its sheet and position, and its capture time. */
export interface StoryboardTile {
  readonly sheet: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Milliseconds, on the scale of `TimelineSpan.startsAt`. */
  readonly capturedAt: number;
}

/** A media segment on the player's time axis. */
export interface TimelineSpan {
  /** Capture time of its first frame on a monotonic clock, in milliseconds. */
  readonly startsAt: number;
  /** Its date in the playlist: milliseconds since the epoch. */
  readonly programDateTime: number;
  /** Its start on the time axis, in seconds. */
  readonly mediaSeconds: number;
  readonly durationSeconds: number;
  /** Whether a discontinuity precedes it. */
  readonly discontinuity: boolean;
}

export interface StoryboardVttOptions {
  readonly tiles: readonly StoryboardTile[];
  /** In the order of the playlist. */
  readonly timeline: readonly TimelineSpan[];
  readonly urlOf: (sheet: number) => string;
}

interface PlacedTile {
  readonly tile: StoryboardTile;
  readonly seconds: number;
  /** As in the playlist: milliseconds since the epoch. */
  readonly date: number;
}

/**
 * The WebVTT of a storyboard: cues that each refer to a part of a sheet (Media Fragments' `#xywh`). A tile covers the time from its
 * capture to the next one; the first of a continuous piece also covers the start of that piece, and none extends over a discontinuity.
 * Tiles captured outside any segment are omitted. Each cue's identifier is the date of its tile: a live player's time axis starts where
 * the player joined, so only dates suit all players.
 */
export function storyboardVtt({ tiles, timeline, urlOf }: StoryboardVttOptions): string {
  const sorted = tiles.toSorted((one, other) => one.capturedAt - other.capturedAt);
  const cues = piecesOf(timeline).flatMap((piece) => cuesOf(piece, sorted, urlOf));
  return ['WEBVTT\n', ...cues].join('\n');
}

/** The timeline split at its discontinuities. */
function piecesOf(timeline: readonly TimelineSpan[]): TimelineSpan[][] {
  const pieces: TimelineSpan[][] = [];
  for (const span of timeline) {
    const piece = pieces.at(-1);
    if (piece === undefined || span.discontinuity) pieces.push([span]);
    else piece.push(span);
  }
  return pieces;
}

function cuesOf(
  piece: readonly TimelineSpan[],
  sorted: readonly StoryboardTile[],
  urlOf: (sheet: number) => string,
): string[] {
  const placed = placedIn(piece, sorted);
  const first = piece[0]?.mediaSeconds ?? 0;
  const end = piece.reduce((latest, span) => Math.max(latest, span.mediaSeconds + span.durationSeconds), first);
  return placed.flatMap(({ tile, seconds, date }, at) => {
    const from = Math.round((at === 0 ? first : seconds) * 1000);
    const to = Math.round((placed[at + 1]?.seconds ?? end) * 1000);
    if (from >= to) return [];
    const { x, y, width, height } = tile;
    const id = new Date(date).toISOString();
    return [`${id}\n${timestamp(from)} --> ${timestamp(to)}\n${urlOf(tile.sheet)}#xywh=${x},${y},${width},${height}\n`];
  });
}

/** Each tile in the last span that contains its time, so that overlapping times count once. */
function placedIn(piece: readonly TimelineSpan[], sorted: readonly StoryboardTile[]): PlacedTile[] {
  const placed = new Map<StoryboardTile, PlacedTile>();
  for (const { startsAt, programDateTime, mediaSeconds, durationSeconds } of piece) {
    const endsAt = startsAt + durationSeconds * 1000;
    for (let at = firstSince(sorted, startsAt); at < sorted.length; at += 1) {
      const tile = sorted[at];
      if (tile === undefined || tile.capturedAt >= endsAt) break;
      const sinceMs = tile.capturedAt - startsAt;
      placed.set(tile, { tile, seconds: mediaSeconds + sinceMs / 1000, date: programDateTime + sinceMs });
    }
  }
  return [...placed.values()].sort((one, other) => one.seconds - other.seconds);
}

/** The index of the first tile from then on. */
function firstSince(sorted: readonly StoryboardTile[], time: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle]?.capturedAt ?? 0) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

function timestamp(milliseconds: number): string {
  const part = (unit: number, modulo: number, digits: number) =>
    String(Math.floor(milliseconds / unit) % modulo).padStart(digits, '0');
  return `${part(3_600_000, 1e9, 2)}:${part(60_000, 60, 2)}:${part(1000, 60, 2)}.${part(1, 1000, 3)}`;
}
