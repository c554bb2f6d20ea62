import type { StreamConfig } from '../../config/schema/schema.js';
import type { SourceClock } from '../../frames/clock.js';
import type { MediaDescription } from '../../hls/inspect.js';
import { type RenditionReport, renderMultivariantPlaylist } from '../../hls/playlist.js';
import { PartsInStep, type RenditionPart } from '../../hls/rendition-aligner.js';
import type { MediaPart } from '../../hls/segmenter.js';
import type { Container, WindowCounters } from '../../hls/window.js';
import type { TimelineSpan } from '../../images/storyboard-vtt.js';
import { etagOf } from '../etag.js';
import type { HlsView, LowLatencyView } from '../live-stream.js';
import { renditionNames } from '../outputs/rendition-plan.js';
import type { MediaResource, PlaylistResource } from '../resources.js';
import { type FirstNumbers, type ListedSegment, Rendition } from './rendition.js';
import { SegmentDates } from './segment-dates.js';

export type { ListedSegment } from './rendition.js';

export interface HlsOutputOptions {
  readonly config: StreamConfig;
  /** 8 hexadecimal digits, different each time. */
  readonly randomId: () => string;
  /** Steady time. */
  readonly now: () => number;
  /** The date of a moment of steady time, in milliseconds since the epoch. */
  readonly dateOf: (at: number) => number;
  /** Called for each segment, in order, once the window lists it. */
  readonly onListed: (segment: ListedSegment) => void;
  /** Called when the content of the multivariant playlist changed. */
  readonly onDescribed: () => void;
  readonly log: { warn(fields: object, message: string): void };
}

/** A rendition as the API shows it. */
export interface RenditionStatus {
  readonly name: string;
  readonly description: MediaDescription | undefined;
  readonly bandwidth: number | null;
  readonly segments: number;
  readonly mediaSequence: number;
}

/**
 * Sequence numbers start with the time since then, so that they increase over restarts of the node without a state file. Media sequence
 * numbers count quarter seconds, because no live stream has four segments per second. Discontinuity sequence numbers count units of five
 * seconds and restart at 0 after a month, because players keep arrays as long as these numbers (hls.js 1.7 copied one with a hundred
 * million entries at each change, which took ten seconds).
 */
const EPOCH = Date.UTC(2026, 0, 1);
const NUMBER_EVERY_MS = 250;
const DISCONTINUITY_EVERY_MS = 5_000;
const MOST_DISCONTINUITIES = 500_000;
/** Segments that start further apart were not cut at the same keyframe. */
const ALIGNMENT_SECONDS = 0.25;
/** A rendition that is this far behind no longer delays the others. */
const MAX_WAITING_BYTES = 64 * 1024 ** 2;
/** Number of segments remembered for renditions that are behind. */
const MAX_REMEMBERED = 32;

/** What the segments of all renditions with one number have in common. */
interface CommonStart {
  readonly startSeconds: number;
  readonly programDateTime: number;
  readonly startedAt: number;
  readonly discontinuity: boolean;
}

/** The HLS side of one stream: its windows over all ffmpeg runs, and their view for players and the publisher. */
export class HlsOutput implements HlsView {
  readonly #options: HlsOutputOptions;
  readonly #renditions: readonly Rendition[];
  readonly #dates = new SegmentDates();
  readonly #inStep: PartsInStep;
  /** By number within the run. */
  readonly #starts = new Map<number, CommonStart>();
  #isAligned = true;
  /** The end of the newest segment over all runs: steady time. */
  #endsAt: number | undefined;
  #multivariant: PlaylistResource | undefined;

  constructor(options: HlsOutputOptions) {
    const { config, now, log } = options;
    this.#options = options;
    this.#inStep = new PartsInStep({ renditions: renditionNames(config), maxWaitingBytes: MAX_WAITING_BYTES });
    const first = firstNumbers(now());
    const onDescribed = () => this.#refreshMultivariant();
    this.#renditions = renditionNames(config).map((name) => {
      const reports = () => this.#reports(name);
      const shared = { config, first, now, onDescribed, log };
      return new Rendition({ ...shared, name, reports });
    });
  }

  get renditions(): readonly string[] {
    return this.#renditions.map(({ name }) => name);
  }

  /** Of the first rendition. */
  get description(): MediaDescription | undefined {
    return this.#renditions[0]?.description;
  }

  /** Whether segments with the same number show the same time in all renditions. */
  get aligned(): boolean {
    return this.#isAligned;
  }

  /** A new ffmpeg run starts. */
  begin(container: Container = this.#options.config.hls.container): void {
    this.closeSegments();
    const session = { id: this.#options.randomId(), container };
    for (const rendition of this.#renditions) rendition.begin(session);
    this.#dates.begin();
    this.#starts.clear();
    this.#inStep.begin();
    this.#isAligned = true;
  }

  /** Adds a part of a rendition. */
  add(name: string, part: MediaPart, clock: SourceClock): void {
    for (const ready of this.#inStep.push(name, part)) this.#add(ready, clock);
  }

  #add({ rendition: name, part }: RenditionPart, clock: SourceClock): void {
    const rendition = this.#find(name);
    if (rendition === undefined) return;
    if (part.startsSegment) this.#open(rendition, part, clock);
    rendition.add(part);
    if (part.endsSegment) this.#close(rendition);
  }

  /** The run is over: its open segments get no more parts. */
  closeSegments(): void {
    for (const rendition of this.#renditions) this.#close(rendition);
  }

  /** The stream has ended: no segment will follow. */
  end(): void {
    this.closeSegments();
    for (const rendition of this.#renditions) rendition.end();
  }

  /** Drops segments that nobody may fetch any more. */
  expire(): void {
    for (const { window } of this.#renditions) window.expire(this.#options.now());
  }

  /** Values of the first rendition, except the bytes, which are the sum, and the bandwidth, which is the maximum. */
  counters(): WindowCounters & { mediaSequence: number; discontinuitySequence: number; bandwidth: number | null } {
    const first = this.#renditions[0]!.window;
    const { mediaSequence, discontinuitySequence } = first.playlist();
    const heldBytes = this.#renditions.reduce((sum, { window }) => sum + window.counters().heldBytes, 0);
    const rates = this.status().flatMap(({ bandwidth }) => bandwidth ?? []);
    const bandwidth = rates.length === 0 ? null : Math.max(...rates);
    return { ...first.counters(), heldBytes, mediaSequence, discontinuitySequence, bandwidth };
  }

  status(): readonly RenditionStatus[] {
    return this.#renditions.map(({ name, description, window }) => ({
      name,
      description,
      bandwidth: window.bandwidth()?.peak ?? null,
      segments: window.counters().segments,
      mediaSequence: window.playlist().mediaSequence,
    }));
  }

  /** The listed segments of the first rendition, in steady time, on a time axis that starts with the first of them. */
  timeline(): readonly TimelineSpan[] {
    let mediaSeconds = 0;
    const { entries } = this.#renditions[0]!.window.playlist();
    return entries.map(({ programDateTime, startedAt = programDateTime, durationSeconds, discontinuity }) => {
      const span = { startsAt: startedAt, programDateTime, durationSeconds, discontinuity, mediaSeconds };
      mediaSeconds += durationSeconds;
      return span;
    });
  }

  multivariant(): PlaylistResource | undefined {
    return this.#multivariant;
  }

  playlist(rendition: string): PlaylistResource | undefined {
    return this.#find(rendition)?.window.rendered();
  }

  lowLatency(rendition: string): LowLatencyView | undefined {
    return this.#find(rendition)?.lowLatency();
  }

  segment(rendition: string, file: string): MediaResource | undefined {
    return this.#find(rendition)?.window.resource(file);
  }

  #find(name: string): Rendition | undefined {
    return this.#renditions.find((rendition) => rendition.name === name);
  }

  #open(rendition: Rendition, part: MediaPart, clock: SourceClock): void {
    this.#close(rendition);
    const isChanged = rendition.isChanged(part);
    const common = this.#starts.get(part.sequence) ?? this.#dateOf(part, isChanged, clock);
    const { programDateTime, startedAt, startSeconds, discontinuity } = common;
    const aheadSeconds = part.startSeconds - startSeconds;
    if (Math.abs(aheadSeconds) > ALIGNMENT_SECONDS) this.#isAligned = false;
    // Segments with one number have one date if they start together.
    const aheadMs = this.#isAligned ? 0 : aheadSeconds * 1000;
    rendition.open(part, {
      programDateTime: programDateTime + aheadMs,
      startedAt: startedAt + aheadMs,
      discontinuity: discontinuity || isChanged,
      isChanged,
    });
  }

  /** A discontinuity in one rendition applies to all, so that their discontinuity numbers stay equal. */
  #dateOf(part: MediaPart, isChanged: boolean, clock: SourceClock): CommonStart {
    const { startSeconds, completedAtMs, durationSeconds: partSeconds } = part;
    const discontinuity = part.isDiscontinuity || isChanged;
    const start = { startSeconds, completedAtMs, partSeconds, discontinuity };
    const { dateOf } = this.#options;
    const { startedAt, programDateTime, hasJumped } = this.#dates.dateOf(start, {
      timeOf: (seconds) => clock.timeOf(seconds),
      endsAt: this.#endsAt,
      offsetMs: dateOf(completedAtMs) - completedAtMs,
      listedMs: this.#renditions[0]!.window.counters().seconds * 1000,
    });
    // Players compare dates within a continuous range.
    const common = { startSeconds, programDateTime, startedAt, discontinuity: discontinuity || hasJumped };
    this.#starts.set(part.sequence, common);
    this.#starts.delete(part.sequence - MAX_REMEMBERED);
    return common;
  }

  #close(rendition: Rendition): void {
    this.#endsAt = rendition.endsAt ?? this.#endsAt;
    const listed = rendition.close();
    if (listed !== undefined) this.#options.onListed(listed);
  }

  #reports(name: string): RenditionReport[] {
    return this.#renditions
      .filter((rendition) => rendition.name !== name && rendition.window.hasMedia)
      .map(({ name: other, window }) => {
        const { mediaSequence, parts, previousParts } = window.position();
        const at =
          parts > 0
            ? { lastMediaSequence: mediaSequence, lastPart: parts - 1 }
            : { lastMediaSequence: mediaSequence - 1, lastPart: previousParts - 1 };
        return { uri: `../${other}/index.m3u8`, ...at };
      });
  }

  /** Only once a player could play every rendition, because it may choose any. */
  #refreshMultivariant(): void {
    const variants = this.#renditions.map((rendition) => rendition.variant());
    const known = variants.filter((variant) => variant !== undefined);
    if (known.length < variants.length) return;
    // Players read it once, so a claim that was ever untrue is not made again.
    const isIndependent = this.#renditions.every(({ window }) => window.isIndependent);
    const body = renderMultivariantPlaylist(known, isIndependent);
    const etag = etagOf(body);
    if (etag === this.#multivariant?.etag) return;
    this.#multivariant = { body, etag, modifiedAt: this.#options.now() };
    this.#options.onDescribed();
  }
}

/** The initial numbers of a stream that starts at `now` (epoch milliseconds). Pure. */
export function firstNumbers(now: number): FirstNumbers {
  const elapsedMs = Math.max(0, now - EPOCH);
  return {
    mediaSequence: Math.floor(elapsedMs / NUMBER_EVERY_MS),
    discontinuitySequence: Math.floor(elapsedMs / DISCONTINUITY_EVERY_MS) % MOST_DISCONTINUITIES,
  };
}
