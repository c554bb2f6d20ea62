import { SidepipeError } from '../errors.js';
import { type Bandwidth, measureBandwidth } from './bandwidth.js';
import { concat, sameBytes } from './bytes.js';
import {
  isDate,
  isDuration,
  type LowLatency,
  type MediaPlaylist,
  type OpenSegmentEntry,
  type PartEntry,
  type RenditionReport,
  renderDeltaUpdate,
  renderMediaPlaylist,
  type SegmentEntry,
} from './playlist.js';

export type Container = 'mpegts' | 'fmp4';

export interface Session {
  /** Random, 8 hexadecimal digits, so that no cache confuses files of different sessions. */
  readonly id: string;
  readonly container: Container;
}

/** The start of a segment. */
export interface SegmentStart {
  readonly sessionId: string;
  /** Number of the segment within the session. */
  readonly sequence: number;
  /** Milliseconds since the epoch. */
  readonly programDateTime: number;
  /** The same moment on a monotonic clock, in milliseconds. Default: the date. */
  readonly startedAt?: number;
  /** The initialization segment; required for fMP4. */
  readonly init?: Uint8Array;
  /** Segments are missing before this one, or its encoding is not continuous. */
  readonly discontinuity?: boolean;
  /** False: decoding it requires earlier media. */
  readonly isIndependent?: boolean;
}

/** One part of the open segment. */
export interface WindowPart {
  readonly body: Uint8Array;
  readonly durationSeconds: number;
  readonly isIndependent: boolean;
}

/** A complete segment. */
export interface WindowSegment extends SegmentStart {
  readonly body: Uint8Array;
  readonly durationSeconds: number;
}

export interface MediaWindowOptions {
  /** Number of segments that a playlist lists, unless the RFC's three target durations require more. */
  readonly windowSegments: number;
  /** The initial target duration: the configured segment duration. */
  readonly segmentSeconds: number;
  /** Media sequence number of the first segment. */
  readonly mediaSequence?: number;
  readonly discontinuitySequence?: number;
  /** Maximum size of all held segments; beyond it the oldest are dropped early, listed or not, except the newest. */
  readonly maxBytes?: number;
  /** If set, the playlist lists parts. */
  readonly lowLatency?: {
    /** The maximum duration of a part in seconds. Undefined until known. */
    readonly partTargetSeconds: () => number | undefined;
    /** The positions of the stream's other renditions. */
    readonly reports: () => readonly RenditionReport[];
  };
}

export interface RenderedPlaylist {
  readonly body: string;
  /** Strong, including its quotes. */
  readonly etag: string;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
}

/** A media segment, part or initialization segment as served: complete, and never changed under its name. */
export interface MediaFile {
  readonly body: Uint8Array;
  readonly contentType: string;
  /** Strong, including its quotes. */
  readonly etag: string;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
}

export interface Appended {
  /** The segment's file name. */
  readonly file: string;
  /** The name of its initialization segment. */
  readonly initFile?: string;
  readonly body: Uint8Array;
  readonly durationSeconds: number;
  /** Names of files that were dropped in the meantime. */
  readonly dropped: readonly string[];
}

/** The position of a playlist: its newest media, as `_HLS_msn` and `_HLS_part` count. */
export interface LivePosition {
  /** Number of the open segment, or of the next one while none is open. */
  readonly mediaSequence: number;
  /** Number of parts of that segment. */
  readonly parts: number;
  /** Number of parts of the segment before it. */
  readonly previousParts: number;
}

export interface WindowCounters {
  /** Currently listed. */
  readonly segments: number;
  readonly seconds: number;
  readonly listedBytes: number;
  /** Listed ones, and those that are no longer listed but can still be fetched. */
  readonly heldBytes: number;
  readonly heldSegments: number;
  /** Since the window was created. */
  readonly totalSegments: number;
  readonly totalBytes: number;
  readonly totalSeconds: number;
  /** Dropped early because of `maxBytes`. */
  readonly evicted: number;
}

/** What the window keeps of a segment besides its bytes. */
interface Listed {
  readonly entry: SegmentEntry & { readonly parts: readonly PartEntry[] };
  readonly bytes: number;
  /** The longest of all playlists that listed the segment. */
  longestPlaylistSeconds: number;
  /** Infinite while it is listed. */
  fetchableUntilMs: number;
}

interface Open {
  readonly file: string;
  readonly sequence: number;
  readonly entry: Omit<OpenSegmentEntry, 'parts'>;
  readonly parts: PartEntry[];
  readonly bodies: Uint8Array[];
}

const defaultMaxBytes = 512 * 1024 ** 2;
/** RFC 8216bis 6.2.2: parts further from the end than three target durations SHOULD be removed from the playlist. */
const partTargets = 3;
/** Sums of durations are not exact. */
const ROUNDING_SECONDS = 0.001;

/** The media of one rendition: what its playlist lists, and what clients may still fetch. */
export class MediaWindow {
  readonly #options: MediaWindowOptions;
  readonly #files = new Map<string, MediaFile>();
  #listed: Listed[] = [];
  #left: Listed[] = [];
  #open: Open | undefined;
  #session: Session | undefined;
  #sessionSegments = 0;
  /** Of the newest segment that has one, over all sessions. */
  #init: { readonly body: Uint8Array; readonly name: string } | undefined;
  #sessionInits = 0;
  /** The prefix of part names, and the number of parts so far. */
  #partNames: { readonly session: Session; count: number } | undefined;
  #mediaSequence: number;
  #discontinuitySequence: number;
  #targetDurationSeconds: number;
  #ended = false;
  #isIndependent = true;
  #revision = 0;
  #changedAtMs = 0;
  #rendered: { whole: RenderedPlaylist; delta: RenderedPlaylist | undefined } | undefined;
  #totals = { segments: 0, bytes: 0, seconds: 0, evicted: 0 };

  constructor(options: MediaWindowOptions) {
    this.#options = options;
    this.#mediaSequence = options.mediaSequence ?? 0;
    this.#discontinuitySequence = options.discontinuitySequence ?? 0;
    this.#targetDurationSeconds = Math.max(1, Math.round(options.segmentSeconds));
  }

  /** A new ffmpeg run: its first segment starts a discontinuity and continues an ended playlist. */
  begin(session: Session): void {
    // The caller closes an open segment when a run ends, because the segment must be published too.
    this.#open = undefined;
    this.#session = session;
    this.#sessionSegments = 0;
    this.#sessionInits = 0;
    if (this.#partNames?.session.container === session.container) return;
    this.#partNames = { session, count: 0 };
    // The announced part will not come, because it would be of another type.
    if (this.#options.lowLatency !== undefined && this.#revision > 0) this.#changed(this.#changedAtMs);
  }

  /**
   * Lists another complete segment. Throws `internal` for a segment of another session than the newest one, or one that no playlist
   * can list.
   */
  append(segment: WindowSegment, nowMs: number): Appended {
    this.#check(segment, segment.durationSeconds);
    this.openSegment(segment, nowMs);
    const { body, durationSeconds, isIndependent = true } = segment;
    this.#take({ body, durationSeconds, isIndependent }, nowMs);
    return this.closeSegment(nowMs)!;
  }

  /** Opens a segment; its parts follow. Throws `internal` like `append`. */
  openSegment(start: SegmentStart, nowMs: number): void {
    const session = this.#check(start, 0);
    const initFile = start.init === undefined ? undefined : this.#nameInit(session, start.init, nowMs);
    const initBefore = this.#listed.at(-1)?.entry.initUri;
    // EXT-X-MAP cannot be undone within a playlist: after a change from fMP4 to MPEG-TS the list starts over.
    if (initFile === undefined && initBefore !== undefined) this.#removeFromPlaylist(this.#listed.length, nowMs);
    this.#isIndependent &&= start.isIndependent !== false;
    const follows = this.#sessionSegments > 0 && start.discontinuity !== true && initFile === initBefore;
    this.#open = {
      file: `${session.id}-${start.sequence}.${extensionOf(session)}`,
      sequence: start.sequence,
      entry: {
        programDateTime: start.programDateTime,
        startedAt: start.startedAt ?? start.programDateTime,
        discontinuity: !follows && this.#totals.segments > 0,
        isIndependent: start.isIndependent ?? true,
        ...(initFile === undefined ? {} : { initUri: initFile }),
      },
      parts: [],
      bodies: [],
    };
  }

  /** Adds a part to the open segment; returns its file name. Throws `internal` without an open segment. */
  addPart(part: WindowPart, nowMs: number): string {
    const { uri, file } = this.#take(part, nowMs);
    this.#files.set(uri, file);
    this.#changed(nowMs);
    return uri;
  }

  /** Completes the open segment and lists it. Undefined if it is empty. */
  closeSegment(nowMs: number): Appended | undefined {
    const open = this.#open;
    if (open === undefined || open.parts.length === 0) return undefined;
    this.#open = undefined;
    const { file, parts } = open;
    const body = this.#joinParts(open, nowMs);
    const durationSeconds = secondsOf(parts);
    const bytes = body.byteLength;
    const entry = { uri: file, durationSeconds, ...open.entry, parts };
    this.#listed.push({ entry, bytes, longestPlaylistSeconds: 0, fetchableUntilMs: Number.POSITIVE_INFINITY });
    this.#sessionSegments += 1;
    this.#ended = false;
    this.#totals.segments += 1;
    this.#totals.bytes += bytes;
    this.#totals.seconds += durationSeconds;
    this.#raiseTarget(durationSeconds);
    this.#removeFromPlaylist(this.#removable(), nowMs);
    this.#changed(nowMs);
    const dropped = this.expire(nowMs);
    const initFile = open.entry.initUri;
    return { file, body, durationSeconds, dropped, ...(initFile === undefined ? {} : { initFile }) };
  }

  /** No further segment will follow; the playlist says so until the first segment of another session. */
  end(nowMs: number): void {
    this.closeSegment(nowMs);
    if (!this.#ended && this.#listed.length > 0) {
      this.#ended = true;
      this.#changed(nowMs);
    }
  }

  /** Drops what has left the playlist and need no longer be available; returns the names of the dropped files. */
  expire(nowMs: number): string[] {
    this.#left = this.#left.filter(({ fetchableUntilMs }) => fetchableUntilMs > nowMs);
    const maxBytes = this.#options.maxBytes ?? defaultMaxBytes;
    while (bytesOf(this.#left) + bytesOf(this.#listed) > maxBytes && this.#left.length + this.#listed.length > 1) {
      if (this.#left.length === 0) {
        this.#removeFromPlaylist(1, nowMs);
        this.#changed(nowMs);
      }
      this.#left.shift();
      this.#totals.evicted += 1;
    }
    return this.#dropFiles();
  }

  playlist(): MediaPlaylist {
    const isLowLatency = this.#options.lowLatency?.partTargetSeconds() !== undefined && !this.#ended;
    const entries = this.#entries(isLowLatency);
    const lowLatency = isLowLatency ? this.#lowLatency(entries) : undefined;
    return {
      targetDurationSeconds: this.#targetDurationSeconds,
      mediaSequence: this.#mediaSequence,
      discontinuitySequence: this.#discontinuitySequence,
      ended: this.#ended,
      entries,
      ...(lowLatency === undefined ? {} : { lowLatency }),
    };
  }

  /** No further segment will follow. */
  get hasEnded(): boolean {
    return this.#ended;
  }

  get targetDurationSeconds(): number {
    return this.#targetDurationSeconds;
  }

  /** Whether decoding could start with every segment so far. */
  get isIndependent(): boolean {
    return this.#isIndependent;
  }

  /** Whether there is a playlist: none exists before its first complete segment, which players without low latency start with. */
  get hasMedia(): boolean {
    return this.#totals.segments > 0;
  }

  /** The playlist as served, rendered once per change; undefined before there is anything to play. */
  rendered(): RenderedPlaylist | undefined {
    return this.#render()?.whole;
  }

  /** The playlist for a client that knows the previous one (`_HLS_skip=YES`). */
  renderedDelta(): RenderedPlaylist | undefined {
    const rendered = this.#render();
    if (rendered === undefined) return undefined;
    rendered.delta ??= {
      ...rendered.whole,
      body: renderDeltaUpdate(this.playlist()),
      etag: `"${rendered.whole.etag.slice(1, -1)}-delta"`,
    };
    return rendered.delta;
  }

  /** A segment, part or initialization segment by file name, while clients may fetch it. */
  resource(file: string): MediaFile | undefined {
    return this.#files.get(file);
  }

  /** Whether a file is the part that the playlist announces as the next one: requests for it may wait. */
  isNextPart(file: string): boolean {
    return !this.#ended && this.#options.lowLatency !== undefined && file === this.#nextPartUri();
  }

  position(): LivePosition {
    return {
      mediaSequence: this.#mediaSequence + this.#listed.length,
      parts: this.#open?.parts.length ?? 0,
      previousParts: this.#listed.at(-1)?.entry.parts.length ?? 0,
    };
  }

  /** For the listed segments; undefined before the first one. */
  bandwidth(): Bandwidth | undefined {
    const sizes = this.#listed.map(({ bytes, entry }) => ({ bytes, durationSeconds: entry.durationSeconds }));
    return measureBandwidth(sizes, this.#targetDurationSeconds);
  }

  counters(): WindowCounters {
    const initNames = new Set(this.#listed.concat(this.#left).flatMap(({ entry }) => entry.initUri ?? []));
    const initBytes = [...initNames].reduce((sum, name) => sum + (this.#files.get(name)?.body.byteLength ?? 0), 0);
    const openBytes = (this.#open?.bodies ?? []).reduce((sum, body) => sum + body.byteLength, 0);
    return {
      segments: this.#listed.length,
      seconds: secondsOf(this.#listed.map(({ entry }) => entry)),
      listedBytes: bytesOf(this.#listed),
      heldBytes: bytesOf(this.#listed) + bytesOf(this.#left) + initBytes + openBytes,
      heldSegments: this.#listed.length + this.#left.length,
      totalSegments: this.#totals.segments,
      totalBytes: this.#totals.bytes,
      totalSeconds: this.#totals.seconds,
      evicted: this.#totals.evicted,
    };
  }

  #check(segment: SegmentStart, durationSeconds: number): Session {
    const session = this.#session;
    if (session === undefined || session.id !== segment.sessionId) {
      throw unlistable(
        `Segment ${segment.sequence} belongs to session ${segment.sessionId}, which is not the current one.`,
      );
    }
    if (!isDuration(durationSeconds)) {
      throw unlistable(`Segment ${segment.sequence} has a duration of ${durationSeconds} s.`);
    }
    if (!isDate(segment.programDateTime)) {
      throw unlistable(`Segment ${segment.sequence} has a date that a playlist cannot express.`);
    }
    if ((session.container === 'fmp4') !== (segment.init !== undefined)) {
      throw unlistable(
        `Segment ${segment.sequence}: fMP4 requires an initialization segment, and MPEG-TS must not have one.`,
      );
    }
    return session;
  }

  #take(part: WindowPart, nowMs: number): { uri: string; file: MediaFile } {
    const open = this.#open;
    if (open === undefined) throw unlistable('A part arrived without an open segment.');
    if (!isDuration(part.durationSeconds)) {
      throw unlistable(`A part has a duration of ${part.durationSeconds} s.`);
    }
    const uri = this.#nextPartUri()!;
    this.#partNames!.count += 1;
    open.parts.push({ uri, durationSeconds: part.durationSeconds, isIndependent: part.isIndependent });
    open.bodies.push(part.body);
    this.#raiseTarget(secondsOf(open.parts));
    return { uri, file: { body: part.body, contentType: this.#contentType(), etag: `"${uri}"`, modifiedAt: nowMs } };
  }

  /** Parts become views of the segment's bytes, so that nothing is stored twice. */
  #joinParts({ file, sequence, parts, bodies }: Open, nowMs: number): Uint8Array {
    const body = whole(bodies) ?? concat(bodies);
    const { id } = this.#session!;
    const common = { contentType: this.#contentType(), modifiedAt: nowMs };
    this.#files.set(file, { body, etag: `"${id}-${sequence}"`, ...common });
    let offset = 0;
    parts.forEach(({ uri }, index) => {
      const length = bodies[index]!.byteLength;
      const part = this.#files.get(uri);
      if (part !== undefined) this.#files.set(uri, { ...part, body: body.subarray(offset, offset + length) });
      offset += length;
    });
    return body;
  }

  #contentType(): string {
    return this.#session!.container === 'mpegts' ? 'video/mp2t' : 'video/iso.segment';
  }

  /**
   * Parts are numbered over all segments and sessions, so that the next one's name is known before its segment, and stays right even if
   * ffmpeg restarts before that part.
   */
  #nextPartUri(): string | undefined {
    const names = this.#partNames;
    return names === undefined ? undefined : `${names.session.id}-p${names.count}.${extensionOf(names.session)}`;
  }

  /**
   * Equal bytes keep their name, also in another session: the playlist then has a single EXT-X-MAP, and WebKit has no audio after a
   * second one. Other bytes get another name.
   */
  #nameInit(session: Session, body: Uint8Array, nowMs: number): string {
    if (this.#init === undefined || !sameBytes(this.#init.body, body)) {
      this.#sessionInits += 1;
      const number = this.#sessionInits === 1 ? '' : `-${this.#sessionInits}`;
      this.#init = { body, name: `${session.id}-init${number}.mp4` };
    }
    const { name } = this.#init;
    if (!this.#files.has(name)) {
      this.#files.set(name, { body, contentType: 'video/mp4', etag: `"${name}"`, modifiedAt: nowMs });
    }
    return name;
  }

  /**
   * RFC 8216bis 4.4.3.1: the EXTINF duration of each Media Segment, when rounded to the nearest integer, MUST be less than or equal to
   * the Target Duration. Clients poll by it, so it never shrinks.
   */
  #raiseTarget(durationSeconds: number): void {
    this.#targetDurationSeconds = Math.max(this.#targetDurationSeconds, Math.round(durationSeconds));
  }

  /** RFC 8216bis 4.4.4.9: no listed part is longer than the part target. A single frame can be, if the source paused. */
  #lowLatency(entries: readonly SegmentEntry[]): LowLatency {
    const lowLatency = this.#options.lowLatency!;
    const open = this.#open;
    const parts = [...entries.flatMap((entry) => entry.parts ?? []), ...(open?.parts ?? [])];
    const longest = Math.max(0, ...parts.map(({ durationSeconds }) => durationSeconds));
    return {
      // Rounded like the written value.
      partTargetSeconds: Math.max(lowLatency.partTargetSeconds() ?? 0, Math.ceil(longest * 1000) / 1000),
      openSegment: open === undefined || open.parts.length === 0 ? undefined : { ...open.entry, parts: open.parts },
      nextPartUri: this.#nextPartUri(),
      reports: lowLatency.reports(),
    };
  }

  #entries(hasParts: boolean): SegmentEntry[] {
    let left = partTargets * this.#targetDurationSeconds - secondsOf(this.#open?.parts ?? []);
    return this.#listed
      .toReversed()
      .map(({ entry }) => {
        const { parts, ...plain } = entry;
        left -= entry.durationSeconds;
        const isNear = hasParts && left > -ROUNDING_SECONDS;
        return isNear ? { ...plain, parts } : plain;
      })
      .reverse();
  }

  /**
   * RFC 8216bis 6.2.2: the server MUST NOT remove a Media Segment from a Playlist without an EXT-X-ENDLIST tag if that
   * would produce a Playlist whose duration is less than three times the Target Duration.
   */
  #removable(): number {
    let seconds = secondsOf(this.#listed.map(({ entry }) => entry));
    let count = 0;
    while (this.#listed.length - count > this.#options.windowSegments) {
      seconds -= this.#listed[count]?.entry.durationSeconds ?? 0;
      if (seconds < 3 * this.#targetDurationSeconds) break;
      count += 1;
    }
    return count;
  }

  #removeFromPlaylist(count: number, nowMs: number): void {
    for (const segment of this.#listed.splice(0, count)) {
      this.#mediaSequence += 1;
      // RFC 8216bis 6.2.2: a server that removes an EXT-X-DISCONTINUITY tag MUST increment the value of the
      // EXT-X-DISCONTINUITY-SEQUENCE tag.
      this.#discontinuitySequence += segment.entry.discontinuity ? 1 : 0;
      // RFC 8216bis 6.2.2: the Media Segment MUST remain available to clients for a period of time equal to the duration
      // of the segment plus the duration of the longest Playlist distributed by the server containing that segment.
      const seconds = segment.entry.durationSeconds + segment.longestPlaylistSeconds;
      segment.fetchableUntilMs = nowMs + seconds * 1000;
      this.#left.push(segment);
    }
  }

  #changed(nowMs: number): void {
    const seconds = secondsOf(this.#listed.map(({ entry }) => entry)) + secondsOf(this.#open?.parts ?? []);
    for (const segment of this.#listed) {
      segment.longestPlaylistSeconds = Math.max(segment.longestPlaylistSeconds, seconds);
    }
    this.#revision += 1;
    this.#changedAtMs = nowMs;
    this.#rendered = undefined;
  }

  #render(): { whole: RenderedPlaylist; delta: RenderedPlaylist | undefined } | undefined {
    if (!this.hasMedia) return undefined;
    this.#rendered ??= {
      whole: {
        body: renderMediaPlaylist(this.playlist()),
        // Session ids are random, so no other playlist at this URL ever had this tag, not even before a restart of the node.
        etag: `"${this.#session?.id ?? ''}-${this.#revision}"`,
        modifiedAt: this.#changedAtMs,
      },
      delta: undefined,
    };
    return this.#rendered;
  }

  /** Files are kept as long as a segment needs them. */
  #dropFiles(): string[] {
    const held = [...this.#listed, ...this.#left].flatMap(({ entry }) => namesOf(entry.uri, entry));
    const needed = new Set(
      this.#open === undefined
        ? held
        : [...held, ...namesOf(this.#open.file, { ...this.#open.entry, parts: this.#open.parts })],
    );
    const dropped = [...this.#files.keys()].filter((file) => !needed.has(file));
    for (const file of dropped) this.#files.delete(file);
    return dropped;
  }
}

function namesOf(file: string, { initUri, parts }: Pick<OpenSegmentEntry, 'initUri' | 'parts'>): string[] {
  return [file, ...(initUri === undefined ? [] : [initUri]), ...parts.map(({ uri }) => uri)];
}

function extensionOf({ container }: Session): string {
  return container === 'fmp4' ? 'm4s' : 'ts';
}

function bytesOf(segments: readonly Listed[]): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0);
}

function secondsOf(items: readonly { readonly durationSeconds: number }[]): number {
  return items.reduce((sum, { durationSeconds }) => sum + durationSeconds, 0);
}

/** How much more memory than its size a segment may keep allocated instead of being copied. */
const MAX_SLACK = 1.25;

/** Whether the bodies are already adjacent in memory, with little else around them. */
function whole(bodies: readonly Uint8Array[]): Uint8Array | undefined {
  const { buffer, byteOffset } = bodies[0]!;
  let end = byteOffset;
  for (const body of bodies) {
    if (body.buffer !== buffer || body.byteOffset !== end) return undefined;
    end += body.byteLength;
  }
  const bytes = end - byteOffset;
  return buffer.byteLength > MAX_SLACK * bytes ? undefined : new Uint8Array(buffer, byteOffset, bytes);
}

function unlistable(message: string): SidepipeError {
  return new SidepipeError(message, { code: 'internal', fault: 'node' });
}
