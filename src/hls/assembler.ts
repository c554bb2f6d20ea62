import { type ParsedEntry, parseMediaPlaylist } from './parse.js';
import type { Container } from './window.js';

/** A media segment of which everything is known that a playlist needs. */
export interface ReadySegment {
  /** ffmpeg's number. Strictly rising within one assembler. */
  readonly sequence: number;
  readonly file: string;
  readonly body: Uint8Array;
  /** When its last byte came: milliseconds since the epoch. */
  readonly completedAtMs: number;
  readonly durationSeconds: number;
  /** The initialization segment (fMP4). */
  readonly init?: Uint8Array;
  /** Segments are missing between the one before and this one, or ffmpeg itself says so. */
  readonly discontinuity: boolean;
}

export interface SegmentAssemblerOptions {
  readonly container: Container;
  /** Bytes of complete segments that wait for their playlist. Beyond it the oldest go. */
  readonly maxPendingBytes?: number;
  readonly maxPendingSegments?: number;
}

export interface AssemblerCounters {
  readonly ready: number;
  /** Listed by ffmpeg, never received. */
  readonly skipped: number;
  /** Received, never listed, sent twice, or too many waiting. */
  readonly discarded: number;
  readonly pendingBytes: number;
  readonly pendingSegments: number;
}

interface Body {
  readonly body: Uint8Array;
  readonly completedAtMs: number;
}

interface Listing extends ParsedEntry {
  /** How many playlists found a segment after this one both listed and complete. */
  overtaken: number;
}

const defaultMaxPendingBytes = 64 * 1024 ** 2;
const defaultMaxPendingSegments = 16;

/**
 * Joins the segments and playlists of one run of ffmpeg. They come in any order, because ffmpeg does not wait for an
 * answer: a segment is ready when its body is complete, a playlist has told its duration, and (fMP4) the initialization
 * segment is there; ready segments leave in the order of their numbers.
 *
 * A listed segment that does not come is given up when two playlists have come that found a later listed one complete,
 * so one or two segment lengths later; or when too many wait behind it; or at `finish`. The next ready one then begins a
 * discontinuity.
 */
export class SegmentAssembler {
  readonly #options: SegmentAssemblerOptions;
  readonly #bodies = new Map<string, Body>();
  readonly #inits = new Map<string, Uint8Array>();
  #listings: Listing[] = [];
  /** The highest number that is done with, ready or skipped. */
  #done = -1;
  #hole = false;
  #ended = false;
  #counters = { ready: 0, skipped: 0, discarded: 0 };

  constructor(options: SegmentAssemblerOptions) {
    this.#options = options;
  }

  /** ffmpeg has said that no segment will follow. */
  get ended(): boolean {
    return this.#ended;
  }

  counters(): AssemblerCounters {
    return { ...this.#counters, pendingBytes: this.#pendingBytes(), pendingSegments: this.#bodies.size };
  }

  /** Takes one complete object; returns the segments that are ready by it, in order. */
  object(file: string, body: Uint8Array, completedAtMs: number): ReadySegment[] {
    if (file.endsWith('.m3u8')) {
      this.#list(new TextDecoder().decode(body));
    } else if (this.#options.container === 'fmp4' && file.endsWith('.mp4')) {
      this.#inits.set(file, body);
      this.#trimInits();
    } else {
      this.#counters.discarded += this.#bodies.has(file) ? 1 : 0;
      this.#bodies.set(file, { body, completedAtMs });
    }
    const ready = this.#take(false);
    this.#trimBodies();
    return ready;
  }

  /** ffmpeg is gone and everything that it sent has arrived: whatever can still be used, and nothing waits any more. */
  finish(): ReadySegment[] {
    const ready = this.#take(true);
    this.#counters.discarded += this.#bodies.size;
    this.#bodies.clear();
    this.#inits.clear();
    this.#listings = [];
    return ready;
  }

  #list(text: string): void {
    const playlist = parseMediaPlaylist(text);
    if (playlist === undefined) {
      return;
    }
    this.#ended ||= playlist.ended;
    const known = new Set(this.#listings.map((listing) => listing.sequence));
    for (const entry of playlist.entries) {
      if (entry.sequence > this.#done && !known.has(entry.sequence)) {
        this.#listings.push({ ...entry, overtaken: 0 });
      } else if (entry.sequence <= this.#done && this.#bodies.delete(entry.uri)) {
        // It came after it was given up.
        this.#counters.discarded += 1;
      }
    }
    this.#listings.sort((one, other) => one.sequence - other.sequence);
    let laterIsComplete = false;
    for (const listing of this.#listings.toReversed()) {
      listing.overtaken += laterIsComplete ? 1 : 0;
      laterIsComplete ||= this.#isComplete(listing);
    }
  }

  #take(final: boolean): ReadySegment[] {
    const ready: ReadySegment[] = [];
    for (let listing = this.#listings[0]; listing !== undefined; listing = this.#listings[0]) {
      if (this.#isComplete(listing)) {
        ready.push(this.#ready(listing));
      } else if (final || this.#isGivenUp(listing)) {
        this.#counters.skipped += 1;
        this.#counters.discarded += this.#bodies.delete(listing.uri) ? 1 : 0;
        this.#hole = true;
      } else {
        break;
      }
      this.#done = listing.sequence;
      this.#listings.shift();
    }
    return ready;
  }

  #ready(listing: Listing): ReadySegment {
    const body = this.#bodies.get(listing.uri) as Body;
    const init = listing.initUri === undefined ? undefined : this.#inits.get(listing.initUri);
    // A number that no playlist listed is a hole too. Before the first segment of all there is nothing to be missed.
    const missing = this.#hole || listing.sequence !== this.#done + 1;
    const discontinuity = listing.discontinuity || (missing && this.#counters.ready > 0);
    this.#bodies.delete(listing.uri);
    this.#hole = false;
    this.#counters.ready += 1;
    return {
      sequence: listing.sequence,
      file: listing.uri,
      body: body.body,
      completedAtMs: body.completedAtMs,
      durationSeconds: listing.durationSeconds,
      discontinuity,
      ...(init === undefined ? {} : { init }),
    };
  }

  #isComplete(listing: Listing): boolean {
    const initIsThere =
      this.#options.container === 'mpegts' || (listing.initUri !== undefined && this.#inits.has(listing.initUri));
    return initIsThere && this.#bodies.has(listing.uri);
  }

  #isGivenUp(listing: Listing): boolean {
    return listing.overtaken >= 2 || this.#listings.length > this.#maxPendingSegments();
  }

  /** Bounds what waits when playlists never come, or never list what came. */
  #trimBodies(): void {
    const maxBytes = this.#options.maxPendingBytes ?? defaultMaxPendingBytes;
    while (this.#bodies.size > this.#maxPendingSegments() || this.#pendingBytes() > maxBytes) {
      const [oldest] = this.#bodies.keys();
      if (oldest === undefined) {
        break;
      }
      this.#bodies.delete(oldest);
      this.#counters.discarded += 1;
    }
  }

  /** ffmpeg writes one initialization segment a run; more than a few are somebody's mistake. */
  #trimInits(): void {
    for (const file of [...this.#inits.keys()].slice(0, -4)) {
      this.#inits.delete(file);
    }
  }

  #maxPendingSegments(): number {
    return this.#options.maxPendingSegments ?? defaultMaxPendingSegments;
  }

  #pendingBytes(): number {
    return [...this.#bodies.values()].reduce((sum, { body }) => sum + body.byteLength, 0);
  }
}
