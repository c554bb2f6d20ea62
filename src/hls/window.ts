import { SidepipeError } from '../errors.js';
import { type Bandwidth, measureBandwidth } from './bandwidth.js';
import { type MediaPlaylist, renderMediaPlaylist } from './playlist.js';
import { bytesOf, type ListedSegment, type MediaFile, sameBytes, secondsOf, toEntry } from './window-segment.js';
import type {
  Appended,
  MediaWindowOptions,
  RenderedPlaylist,
  Session,
  WindowCounters,
  WindowSegment,
} from './window-types.js';

export type { Container, MediaWindowOptions, WindowCounters } from './window-types.js';

const defaultMaxBytes = 512 * 1024 ** 2;

/** The media segments of one rendition: those that its playlist lists, and those that clients may still be fetching. */
export class MediaWindow {
  readonly #options: MediaWindowOptions;
  readonly #files = new Map<string, MediaFile>();
  #listed: ListedSegment[] = [];
  #left: ListedSegment[] = [];
  #session: Session | undefined;
  #sessionSegments = 0;
  #init: { body: Uint8Array | undefined; count: number } = { body: undefined, count: 0 };
  #mediaSequence: number;
  #discontinuitySequence: number;
  #targetDurationSeconds: number;
  #ended = false;
  #revision = 0;
  #rendered: RenderedPlaylist | undefined;
  #totals = { segments: 0, bytes: 0, seconds: 0, evicted: 0 };

  constructor(options: MediaWindowOptions) {
    this.#options = options;
    this.#mediaSequence = options.mediaSequence ?? 0;
    this.#discontinuitySequence = options.discontinuitySequence ?? 0;
    this.#targetDurationSeconds = Math.max(1, Math.round(options.segmentSeconds));
  }

  /** A new run of ffmpeg: its first segment begins a discontinuity, and an ended playlist goes on with it. */
  begin(session: Session): void {
    this.#session = session;
    this.#sessionSegments = 0;
    this.#init = { body: undefined, count: 0 };
  }

  /**
   * Lists one more segment. Throws `internal` for a segment that is not of the session that began last, or that no
   * playlist could list.
   */
  append(segment: WindowSegment, nowMs: number): Appended {
    const session = this.#check(segment);
    const extension = session.container === 'fmp4' ? 'm4s' : 'ts';
    const file = `${session.id}-${segment.sequence}.${extension}`;
    const initFile = segment.init === undefined ? undefined : this.#nameInit(session, segment.init, nowMs);
    const initBefore = this.#listed.at(-1)?.initFile;
    if (initFile === undefined && initBefore !== undefined) {
      // EXT-X-MAP cannot be undone within a playlist: after a change from fMP4 to MPEG-TS the list begins anew.
      this.#removeFromPlaylist(this.#listed.length, nowMs);
    }
    const follows = this.#sessionSegments > 0 && segment.discontinuity !== true && initFile === initBefore;
    this.#files.set(file, {
      body: segment.body,
      contentType: extension === 'ts' ? 'video/mp2t' : 'video/iso.segment',
      etag: `"${session.id}-${segment.sequence}"`,
      modifiedAt: nowMs,
    });
    this.#listed.push({
      file,
      initFile,
      bytes: segment.body.byteLength,
      durationSeconds: segment.durationSeconds,
      programDateTime: segment.programDateTime,
      discontinuity: !follows && this.#totals.segments > 0,
      longestPlaylistSeconds: 0,
      fetchableUntilMs: Number.POSITIVE_INFINITY,
    });
    this.#sessionSegments += 1;
    this.#ended = false;
    this.#totals.segments += 1;
    this.#totals.bytes += segment.body.byteLength;
    this.#totals.seconds += segment.durationSeconds;
    // RFC 8216bis 4.4.3.1: the EXTINF duration of each Media Segment, when rounded to the nearest integer, MUST be less
    // than or equal to the Target Duration. Clients poll by it, so it never shrinks.
    this.#targetDurationSeconds = Math.max(this.#targetDurationSeconds, Math.round(segment.durationSeconds));
    this.#removeFromPlaylist(this.#removable(), nowMs);
    this.#changed(nowMs);
    const dropped = this.expire(nowMs);
    return { file, dropped, ...(initFile === undefined ? {} : { initFile }) };
  }

  /** No segment will follow: the playlist says so until another session's first segment comes. */
  end(nowMs: number): void {
    if (!this.#ended && this.#listed.length > 0) {
      this.#ended = true;
      this.#changed(nowMs);
    }
  }

  /** Drops what has left the playlist and need no longer be fetchable; returns the names of the dropped files. */
  expire(nowMs: number): string[] {
    const dropped: string[] = [];
    this.#left = this.#left.filter((segment) => {
      const due = segment.fetchableUntilMs <= nowMs;
      if (due) {
        dropped.push(segment.file);
      }
      return !due;
    });
    const maxBytes = this.#options.maxBytes ?? defaultMaxBytes;
    while (bytesOf(this.#left) + bytesOf(this.#listed) > maxBytes && this.#left.length + this.#listed.length > 1) {
      if (this.#left.length === 0) {
        this.#removeFromPlaylist(1, nowMs);
        this.#changed(nowMs);
      }
      dropped.push(...this.#left.splice(0, 1).map((segment) => segment.file));
      this.#totals.evicted += 1;
    }
    for (const file of dropped) {
      this.#files.delete(file);
    }
    return [...dropped, ...this.#dropInits()];
  }

  playlist(): MediaPlaylist {
    return {
      targetDurationSeconds: this.#targetDurationSeconds,
      mediaSequence: this.#mediaSequence,
      discontinuitySequence: this.#discontinuitySequence,
      ended: this.#ended,
      entries: this.#listed.map(toEntry),
    };
  }

  /** The playlist as it is served, made once per change; undefined before the first segment. */
  rendered(): RenderedPlaylist | undefined {
    return this.#rendered;
  }

  /** A segment or initialization segment by its file name, while clients may fetch it. */
  resource(file: string): MediaFile | undefined {
    return this.#files.get(file);
  }

  /** Over the listed segments; undefined before the first one. */
  bandwidth(): Bandwidth | undefined {
    return measureBandwidth(this.#listed, this.#targetDurationSeconds);
  }

  counters(): WindowCounters {
    return {
      segments: this.#listed.length,
      seconds: secondsOf(this.#listed),
      listedBytes: bytesOf(this.#listed),
      heldBytes: [...this.#files.values()].reduce((sum, file) => sum + file.body.byteLength, 0),
      heldSegments: this.#listed.length + this.#left.length,
      totalSegments: this.#totals.segments,
      totalBytes: this.#totals.bytes,
      totalSeconds: this.#totals.seconds,
      evicted: this.#totals.evicted,
    };
  }

  #check(segment: WindowSegment): Session {
    const session = this.#session;
    if (session === undefined || session.id !== segment.sessionId) {
      throw unlistable(`Segment ${segment.sequence} is of session ${segment.sessionId}, which is not the current one.`);
    }
    if (!Number.isFinite(segment.durationSeconds) || segment.durationSeconds < 0) {
      throw unlistable(`Segment ${segment.sequence} has a duration of ${segment.durationSeconds} s.`);
    }
    if (!Number.isFinite(segment.programDateTime)) {
      throw unlistable(`Segment ${segment.sequence} has no date.`);
    }
    if ((session.container === 'fmp4') !== (segment.init !== undefined)) {
      throw unlistable(`Segment ${segment.sequence} and its container disagree on an initialization segment.`);
    }
    return session;
  }

  #nameInit(session: Session, body: Uint8Array, nowMs: number): string {
    const same = this.#init.body !== undefined && sameBytes(this.#init.body, body);
    // A name never changes its bytes: other bytes in the same session get another name.
    const count = same ? this.#init.count : this.#init.count + 1;
    const name = count === 1 ? `${session.id}-init.mp4` : `${session.id}-init-${count}.mp4`;
    this.#init = { body, count };
    if (!this.#files.has(name)) {
      this.#files.set(name, { body, contentType: 'video/mp4', etag: `"${name}"`, modifiedAt: nowMs });
    }
    return name;
  }

  /**
   * RFC 8216bis 6.2.2: the server MUST NOT remove a Media Segment from a Playlist without an EXT-X-ENDLIST tag if that
   * would produce a Playlist whose duration is less than three times the Target Duration.
   */
  #removable(): number {
    let seconds = secondsOf(this.#listed);
    let count = 0;
    while (this.#listed.length - count > this.#options.windowSegments) {
      seconds -= this.#listed[count]?.durationSeconds ?? 0;
      if (seconds < 3 * this.#targetDurationSeconds) {
        break;
      }
      count += 1;
    }
    return count;
  }

  #removeFromPlaylist(count: number, nowMs: number): void {
    for (const segment of this.#listed.splice(0, count)) {
      this.#mediaSequence += 1;
      // RFC 8216bis 6.2.2: a server that removes an EXT-X-DISCONTINUITY tag MUST increment the value of the
      // EXT-X-DISCONTINUITY-SEQUENCE tag.
      this.#discontinuitySequence += segment.discontinuity ? 1 : 0;
      // RFC 8216bis 6.2.2: the Media Segment MUST remain available to clients for a period of time equal to the duration
      // of the segment plus the duration of the longest Playlist distributed by the server containing that segment.
      segment.fetchableUntilMs = nowMs + (segment.durationSeconds + segment.longestPlaylistSeconds) * 1000;
      this.#left.push(segment);
    }
  }

  #changed(nowMs: number): void {
    const seconds = secondsOf(this.#listed);
    for (const segment of this.#listed) {
      segment.longestPlaylistSeconds = Math.max(segment.longestPlaylistSeconds, seconds);
    }
    this.#revision += 1;
    this.#rendered = {
      body: renderMediaPlaylist(this.playlist()),
      // Session identities are random, so no other playlist at this URL ever had this tag, in this node's life or before.
      etag: `"${this.#session?.id ?? ''}-${this.#revision}"`,
      modifiedAt: nowMs,
    };
  }

  /** Initialization segments live as long as any segment that needs them. */
  #dropInits(): string[] {
    const needed = new Set([...this.#listed, ...this.#left].flatMap((segment) => [segment.file, segment.initFile]));
    const dropped = [...this.#files.keys()].filter((file) => !needed.has(file));
    for (const file of dropped) {
      this.#files.delete(file);
    }
    return dropped;
  }
}

function unlistable(message: string): SidepipeError {
  return new SidepipeError(message, { code: 'internal', fault: 'node' });
}
