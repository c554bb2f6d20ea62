import type { StreamConfig } from '../config/schema.js';
import { TIMELINE_OFFSET_SECONDS } from '../ffmpeg/hls-output.js';
import type { SourceClock } from '../frames/clock.js';
import type { ReadySegment } from '../hls/assembler.js';
import type { Bandwidth } from '../hls/bandwidth.js';
import { inspectMedia, type MediaDescription } from '../hls/inspect.js';
import type { SegmentEntry, VariantStream } from '../hls/playlist.js';
import { mergeSignatures, trackSignature } from '../hls/signature.js';
import { type Container, MediaWindow } from '../hls/window.js';
import { SegmentDates } from './segment-dates.js';

/** A segment as the window lists it, with all that a copy of the playlist elsewhere needs. */
export interface ListedSegment {
  readonly rendition: string;
  readonly file: string;
  readonly body: Uint8Array;
  readonly init: { readonly file: string; readonly body: Uint8Array } | undefined;
  readonly entry: SegmentEntry;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  /** When its last byte was there: milliseconds since the epoch. */
  readonly completedAtMs: number;
}

/** The sequence numbers that a stream's first segment has. */
export interface FirstNumbers {
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
}

export interface RenditionOptions {
  readonly name: string;
  readonly config: StreamConfig;
  readonly first: FirstNumbers;
  readonly now: () => number;
  /** Called when a player has to be told something else. */
  readonly onDescribed: () => void;
  readonly onInspectionFailed: (error: unknown) => void;
}

export interface AddOptions {
  readonly segment: ReadySegment;
  readonly discontinuity: boolean;
  /** Milliseconds since the epoch. */
  readonly programDateTime: number;
}

/** Less than this is the shift that reordered pictures need. */
const LATE_START_SECONDS = 0.25;

/** One rendition of a stream over all ffmpeg runs: its window, and what is known of its tracks. */
export class Rendition {
  readonly name: string;
  readonly window: MediaWindow;
  readonly #options: RenditionOptions;
  readonly #dates = new SegmentDates();
  #session: { readonly id: string; readonly container: Container } | undefined;
  #signature: string | undefined;
  #described: MediaDescription | undefined;
  #bandwidth: Bandwidth | undefined;
  #closed = false;

  constructor(options: RenditionOptions) {
    const { name, config, first } = options;
    this.name = name;
    this.#options = options;
    this.window = new MediaWindow({
      windowSegments: config.hls.windowSegments,
      segmentSeconds: config.hls.segmentSeconds,
      ...first,
    });
  }

  get description(): MediaDescription | undefined {
    return this.#described;
  }

  /** A new ffmpeg run begins. */
  begin(session: { readonly id: string; readonly container: Container }): void {
    this.#session = session;
    this.window.begin(session);
    this.#dates.begin();
  }

  dateOf(segment: ReadySegment, clock: SourceClock): number {
    return this.#dates.dateOf(segment, clock);
  }

  /** Whether the encoding changed within a run, as when a camera's resolution is set: players must be told. Once a segment. */
  isChanged({ sequence, body, init }: ReadySegment): boolean {
    const signature = trackSignature({ container: this.#session!.container, segment: body, ...(init && { init }) });
    const { known, changed } = mergeSignatures(sequence === 0 ? undefined : this.#signature, signature);
    this.#signature = known;
    return changed;
  }

  add({ segment, discontinuity, programDateTime }: AddOptions): ListedSegment {
    const { sequence, body, durationSeconds, init } = segment;
    const added = { sessionId: this.#session!.id, sequence, body, durationSeconds, programDateTime, discontinuity };
    const { file } = this.window.append(init === undefined ? added : { ...added, init }, this.#options.now());
    const { entries, mediaSequence, discontinuitySequence } = this.window.playlist();
    const entry = entries.at(-1)!;
    const initResource = entry.initUri === undefined ? undefined : this.window.resource(entry.initUri);
    return {
      rendition: this.name,
      file,
      body,
      init: initResource === undefined ? undefined : { file: entry.initUri!, body: initResource.body },
      entry,
      completedAtMs: segment.completedAtMs,
      mediaSequence: mediaSequence + entries.length - 1,
      // A playlist that began here would keep this segment's own discontinuity in its text, not in the number.
      discontinuitySequence: discontinuitySequence + entries.slice(0, -1).filter((each) => each.discontinuity).length,
    };
  }

  /** What there is to learn from a segment that was added. */
  look(segment: ReadySegment, isChanged: boolean): void {
    // The first segment may be too short to show everything.
    if (this.#described === undefined || segment.sequence <= 1 || isChanged) void this.#inspect(segment);
    else this.#options.onDescribed();
  }

  end(): void {
    this.window.end(this.#options.now());
    this.#closed = true;
  }

  /** What the multivariant playlist says of it; undefined until enough is known. */
  variant(): VariantStream | undefined {
    const measured = this.window.bandwidth();
    const described = this.#described;
    if (measured === undefined || described === undefined) return undefined;
    this.#bandwidth = steadied(this.#bandwidth, measured);
    return {
      uri: `${this.name}/index.m3u8`,
      bandwidth: this.#bandwidth.peak,
      averageBandwidth: this.#bandwidth.average,
      codecs: described.codecs,
      ...(described.width && described.height ? { width: described.width, height: described.height } : {}),
      ...(described.frameRate ? { frameRate: described.frameRate } : {}),
    };
  }

  async #inspect(segment: ReadySegment): Promise<void> {
    const { onDescribed, onInspectionFailed } = this.#options;
    const session = this.#session!;
    try {
      const { body, init } = segment;
      const described = await inspectMedia({ container: session.container, segment: body, ...(init && { init }) });
      if (this.#closed || session !== this.#session) return;
      // A stream that was joined between two keyframes begins with the next one, not at the timeline's zero.
      const late = described.startSeconds - (session.container === 'mpegts' ? TIMELINE_OFFSET_SECONDS : 0);
      if (segment.sequence === 0 && late > LATE_START_SECONDS) this.#dates.beganLate(late);
      this.#described = completed(described, segment.sequence === 1 ? this.#described : undefined);
      onDescribed();
    } catch (error) {
      onInspectionFailed(error);
    }
  }
}

/**
 * What the playlist says of the bit rate: the highest peak so far, and an average that stays until it is a tenth off. Players
 * read it once, and each change of the playlist is an upload.
 */
function steadied(before: Bandwidth | undefined, measured: Bandwidth): Bandwidth {
  const up = (bits: number) => Math.ceil(bits / 1000) * 1000;
  const peak = Math.max(before?.peak ?? 0, up(measured.peak));
  const isNear = before !== undefined && Math.abs(measured.average - before.average) < before.average / 10;
  return { peak, average: Math.min(peak, isNear ? before.average : up(measured.average)) };
}

/** A description with what another of the same session knows better: a segment can be too short for audio or a frame rate. */
function completed(described: MediaDescription, other: MediaDescription | undefined): MediaDescription {
  if (other === undefined) return described;
  return {
    ...described,
    frameRate: described.frameRate || other.frameRate,
    ...(other.hasAudio && !described.hasAudio ? { hasAudio: true, codecs: other.codecs } : {}),
  };
}
