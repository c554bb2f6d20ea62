import type { StreamConfig } from '../config/schema.js';
import type { SourceClock } from '../frames/clock.js';
import type { ReadySegment } from '../hls/assembler.js';
import type { Bandwidth } from '../hls/bandwidth.js';
import { inspectMedia, type MediaDescription } from '../hls/inspect.js';
import { renderMultivariantPlaylist, type SegmentEntry } from '../hls/playlist.js';
import { mergeSignatures, trackSignature } from '../hls/signature.js';
import { MediaWindow, type WindowCounters } from '../hls/window.js';
import type { TimelineSpan } from '../images/storyboard-vtt.js';
import { etagOf } from './etag.js';
import type { HlsView, MediaResource, PlaylistResource } from './types.js';

/** A segment as the window lists it, with all that a copy of the playlist elsewhere needs. */
export interface ListedSegment {
  readonly file: string;
  readonly body: Uint8Array;
  readonly init: { readonly file: string; readonly body: Uint8Array } | undefined;
  readonly entry: SegmentEntry;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
}

export interface HlsOutputOptions {
  readonly config: StreamConfig;
  /** 8 hexadecimal digits, another each time. */
  readonly randomId: () => string;
  readonly now: () => number;
  /** Called for each segment, in order, once the window lists it. */
  readonly onListed: (segment: ListedSegment) => void;
  /** Called when what the multivariant playlist says has changed. */
  readonly onDescribed: () => void;
  readonly onInspectionFailed: (error: unknown) => void;
}

/**
 * Sequence numbers begin with the quarters of a second since then, so that they grow over restarts of the node without a state
 * file: no live stream has four segments a second.
 */
const EPOCH = Date.UTC(2026, 0, 1);
const NUMBER_EVERY_MS = 250;
/** A date may drift this far from what the durations before it say until it is told anew. */
const DATE_DRIFT_MS = 500;
/** By so much a date may come before the end of the segment before it: less than players notice. */
const DATE_SLEW_MS = 20;
/** Less than this is the shift that reordered pictures need. */
const LATE_START_SECONDS = 0.25;

/** The HLS side of one stream: its window over all ffmpeg runs, and what players and the publisher see of it. */
export class HlsOutput implements HlsView {
  readonly rendition: string;
  readonly #options: HlsOutputOptions;
  readonly #window: MediaWindow;
  #sessionId = '';
  #signature: string | undefined;
  /** Where the next segment begins on ffmpeg's timeline, in seconds. */
  #positionSeconds = 0;
  #nextSequence = 0;
  #nextDate: number | undefined;
  #described: MediaDescription | undefined;
  #bandwidth: Bandwidth | undefined;
  #multivariant: PlaylistResource | undefined;
  #closed = false;

  constructor(options: HlsOutputOptions) {
    const { config, now } = options;
    this.#options = options;
    this.rendition = config.renditions?.[0]?.name ?? 'source';
    const first = Math.max(0, Math.floor((now() - EPOCH) / NUMBER_EVERY_MS));
    this.#window = new MediaWindow({
      windowSegments: config.hls.windowSegments,
      segmentSeconds: config.hls.segmentSeconds,
      mediaSequence: first,
      discontinuitySequence: first,
    });
  }

  get renditions(): readonly string[] {
    return [this.rendition];
  }

  get description(): MediaDescription | undefined {
    return this.#described;
  }

  /** A new ffmpeg run begins. */
  begin(): void {
    this.#sessionId = this.#options.randomId();
    this.#window.begin({ id: this.#sessionId, container: this.#options.config.hls.container });
    this.#positionSeconds = 0;
    this.#nextSequence = 0;
    this.#nextDate = undefined;
  }

  add(segment: ReadySegment, clock: SourceClock): void {
    const { now, onListed } = this.#options;
    const { sequence, body, durationSeconds, init, discontinuity } = segment;
    const programDateTime = this.#dateOf(segment, clock);
    const sessionId = this.#sessionId;
    const isChanged = this.#isChanged(segment);
    const added = {
      sessionId,
      sequence,
      body,
      durationSeconds,
      programDateTime,
      discontinuity: discontinuity || isChanged,
    };
    const { file } = this.#window.append(init === undefined ? added : { ...added, init }, now());
    const playlist = this.#window.playlist();
    const entry = playlist.entries.at(-1)!;
    const initResource = entry.initUri === undefined ? undefined : this.#window.resource(entry.initUri);
    onListed({
      file,
      body,
      init: initResource === undefined ? undefined : { file: entry.initUri!, body: initResource.body },
      entry,
      mediaSequence: playlist.mediaSequence + playlist.entries.length - 1,
      // A playlist that began here would keep this segment's own discontinuity in its text, not in the number.
      discontinuitySequence:
        playlist.discontinuitySequence + playlist.entries.slice(0, -1).filter((each) => each.discontinuity).length,
    });
    // The first segment may be too short to show everything.
    if (this.#described === undefined || sequence <= 1 || isChanged) void this.#inspect(segment);
    else this.#refreshMultivariant();
  }

  /** No segment will follow, for good. */
  end(): void {
    this.#window.end(this.#options.now());
    this.#closed = true;
  }

  /** Lets go of segments that nobody may fetch any more. */
  expire(): void {
    this.#window.expire(this.#options.now());
  }

  counters(): WindowCounters & { mediaSequence: number; discontinuitySequence: number; bandwidth: number | null } {
    const { mediaSequence, discontinuitySequence } = this.#window.playlist();
    const bandwidth = this.#window.bandwidth()?.peak ?? null;
    return { ...this.#window.counters(), mediaSequence, discontinuitySequence, bandwidth };
  }

  /** The listed segments on the time axis that begins with the first of them. */
  timeline(): readonly TimelineSpan[] {
    let mediaSeconds = 0;
    return this.#window.playlist().entries.map(({ programDateTime, durationSeconds, discontinuity }) => {
      const span = { startsAt: programDateTime, durationSeconds, discontinuity, mediaSeconds };
      mediaSeconds += durationSeconds;
      return span;
    });
  }

  multivariant(): PlaylistResource | undefined {
    return this.#multivariant;
  }

  playlist(rendition: string): PlaylistResource | undefined {
    return rendition === this.rendition ? this.#window.rendered() : undefined;
  }

  segment(rendition: string, file: string): MediaResource | undefined {
    return rendition === this.rendition ? this.#window.resource(file) : undefined;
  }

  /** Whether the encoding changed within a run, as when a camera's resolution is set: players must be told. */
  #isChanged({ sequence, body, init }: ReadySegment): boolean {
    const { container } = this.#options.config.hls;
    const signature = trackSignature({ container, segment: body, ...(init && { init }) });
    const { known, changed } = mergeSignatures(sequence === 0 ? undefined : this.#signature, signature);
    this.#signature = known;
    return changed;
  }

  /** The date of a segment's first picture: by the source's clock at first, then by the durations since. */
  #dateOf(segment: ReadySegment, clock: SourceClock): number {
    const { sequence, durationSeconds, completedAtMs } = segment;
    // Segments that were lost took their time too: about as much as this one.
    this.#positionSeconds += (sequence - this.#nextSequence) * durationSeconds;
    this.#nextSequence = sequence + 1;
    const measured = clock.wallTimeOf(this.#positionSeconds) ?? completedAtMs - durationSeconds * 1000;
    const expected = segment.discontinuity ? undefined : this.#nextDate;
    const date = Math.round(expected === undefined ? measured : steered(expected, measured));
    this.#positionSeconds += durationSeconds;
    this.#nextDate = date + durationSeconds * 1000;
    return date;
  }

  async #inspect(segment: ReadySegment): Promise<void> {
    const { config, onInspectionFailed } = this.#options;
    const sessionId = this.#sessionId;
    try {
      const { body, init } = segment;
      const described = await inspectMedia({ container: config.hls.container, segment: body, ...(init && { init }) });
      if (this.#closed || sessionId !== this.#sessionId) return;
      // A stream that was joined between two keyframes begins with the next one, not at the timeline's zero.
      if (segment.sequence === 0 && described.startSeconds > LATE_START_SECONDS) {
        this.#positionSeconds += described.startSeconds;
      }
      this.#described = completed(described, segment.sequence === 1 ? this.#described : undefined);
      this.#refreshMultivariant();
    } catch (error) {
      onInspectionFailed(error);
    }
  }

  #refreshMultivariant(): void {
    const measured = this.#window.bandwidth();
    const described = this.#described;
    if (measured === undefined || described === undefined) return;
    const bandwidth = steadied(this.#bandwidth, measured);
    this.#bandwidth = bandwidth;
    const body = renderMultivariantPlaylist([
      {
        uri: `${this.rendition}/index.m3u8`,
        bandwidth: bandwidth.peak,
        averageBandwidth: bandwidth.average,
        codecs: described.codecs,
        ...(described.width && described.height ? { width: described.width, height: described.height } : {}),
        ...(described.frameRate ? { frameRate: described.frameRate } : {}),
      },
    ]);
    const etag = etagOf(body);
    if (etag === this.#multivariant?.etag) return;
    this.#multivariant = { body, etag, modifiedAt: this.#options.now() };
    this.#options.onDescribed();
  }
}

/**
 * The date of a segment that should begin at `expected` and by the clock begins at `measured`: as expected, until the clock is
 * far off; then at once forward, but backward only in steps, for dates must not overlap.
 */
function steered(expected: number, measured: number): number {
  if (Math.abs(measured - expected) < DATE_DRIFT_MS) return expected;
  return measured > expected ? measured : expected - DATE_SLEW_MS;
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
