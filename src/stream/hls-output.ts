import type { StreamConfig } from '../config/schema.js';
import type { SourceClock } from '../frames/clock.js';
import type { ReadySegment } from '../hls/assembler.js';
import { InStep, type Step } from '../hls/in-step.js';
import type { MediaDescription } from '../hls/inspect.js';
import { renderMultivariantPlaylist } from '../hls/playlist.js';
import type { Container, WindowCounters } from '../hls/window.js';
import type { TimelineSpan } from '../images/storyboard-vtt.js';
import { etagOf } from './etag.js';
import type { HlsView } from './live-stream.js';
import { type FirstNumbers, type ListedSegment, Rendition } from './rendition.js';
import { renditionNames } from './rendition-plan.js';
import type { MediaResource, PlaylistResource } from './resources.js';

export type { ListedSegment } from './rendition.js';

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

/** One rendition as the API shows it. */
export interface RenditionStatus {
  readonly name: string;
  readonly description: MediaDescription | undefined;
  readonly bandwidth: number | null;
  readonly segments: number;
  readonly mediaSequence: number;
}

/**
 * Sequence numbers begin with the time since then, so that they grow over restarts of the node without a state file. Media
 * sequence numbers with the quarters of a second: no live stream has four segments a second. Discontinuity sequence numbers
 * with every fifth second, and from 0 again after a month: players keep arrays as long as these numbers (hls.js 1.7 copied one
 * of a hundred million at each change, for ten seconds).
 */
const EPOCH = Date.UTC(2026, 0, 1);
const NUMBER_EVERY_MS = 250;
const DISCONTINUITY_EVERY_MS = 5_000;
const MOST_DISCONTINUITIES = 500_000;
/** Segments that differ by more were not cut at the same keyframe. */
const STEP_TOLERANCE_SECONDS = 0.25;

/** The HLS side of one stream: its windows over all ffmpeg runs, and what players and the publisher see of them. */
export class HlsOutput implements HlsView {
  readonly #options: HlsOutputOptions;
  readonly #renditions: readonly Rendition[];
  #inStep: InStep;
  #multivariant: PlaylistResource | undefined;

  constructor(options: HlsOutputOptions) {
    const { config, now, onInspectionFailed } = options;
    this.#options = options;
    const first = firstNumbers(now());
    const onDescribed = () => this.#refreshMultivariant();
    this.#renditions = renditionNames(config).map(
      (name) => new Rendition({ name, config, first, now, onDescribed, onInspectionFailed }),
    );
    this.#inStep = this.#newStep();
  }

  get renditions(): readonly string[] {
    return this.#renditions.map(({ name }) => name);
  }

  /** Of the first rendition. */
  get description(): MediaDescription | undefined {
    return this.#renditions[0]?.description;
  }

  /** Whether segments of the same number show the same time in all renditions. */
  get aligned(): boolean {
    return this.#inStep.inStep;
  }

  /** A new ffmpeg run begins. */
  begin(container: Container = this.#options.config.hls.container): void {
    const session = { id: this.#options.randomId(), container };
    for (const rendition of this.#renditions) rendition.begin(session);
    this.#inStep = this.#newStep();
  }

  add(name: string, segment: ReadySegment, clock: SourceClock): void {
    for (const step of this.#inStep.add(name, segment)) this.#list(step, clock);
  }

  /** No segment will follow, for good. */
  end(): void {
    for (const rendition of this.#renditions) rendition.end();
  }

  /** Lets go of segments that nobody may fetch any more. */
  expire(): void {
    for (const { window } of this.#renditions) window.expire(this.#options.now());
  }

  /** Of the first rendition, but for the bytes, which are of all, and the bandwidth, which is the highest. */
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

  /** The listed segments of the first rendition on the time axis that begins with the first of them. */
  timeline(): readonly TimelineSpan[] {
    let mediaSeconds = 0;
    const { entries } = this.#renditions[0]!.window.playlist();
    return entries.map(({ programDateTime, durationSeconds, discontinuity }) => {
      const span = { startsAt: programDateTime, durationSeconds, discontinuity, mediaSeconds };
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

  segment(rendition: string, file: string): MediaResource | undefined {
    return this.#find(rendition)?.window.resource(file);
  }

  #find(name: string): Rendition | undefined {
    return this.#renditions.find((rendition) => rendition.name === name);
  }

  #newStep(): InStep {
    return new InStep({ renditions: this.renditions, toleranceSeconds: STEP_TOLERANCE_SECONDS });
  }

  /** All renditions' segments of one number get one date, and a discontinuity in one is one in all. */
  #list({ segments, discontinuity }: Step, clock: SourceClock): void {
    const added = segments.map(({ rendition: name, segment }) => {
      const rendition = this.#find(name)!;
      const dated = discontinuity === segment.discontinuity ? segment : { ...segment, discontinuity };
      const isChanged = rendition.isChanged(segment);
      return { rendition, segment, isChanged, programDateTime: rendition.dateOf(dated, clock) };
    });
    const isDiscontinuity = discontinuity || added.some(({ isChanged }) => isChanged);
    const programDateTime = added[0]!.programDateTime;
    const listed = added.map(({ rendition, segment }) =>
      rendition.add({ segment, discontinuity: isDiscontinuity, programDateTime }),
    );
    for (const each of listed) this.#options.onListed(each);
    for (const { rendition, segment, isChanged } of added) rendition.look(segment, isChanged);
  }

  /** Only once a player could play each rendition: it may choose any. */
  #refreshMultivariant(): void {
    const variants = this.#renditions.map((rendition) => rendition.variant());
    const known = variants.filter((variant) => variant !== undefined);
    if (known.length < variants.length) return;
    const body = renderMultivariantPlaylist(known);
    const etag = etagOf(body);
    if (etag === this.#multivariant?.etag) return;
    this.#multivariant = { body, etag, modifiedAt: this.#options.now() };
    this.#options.onDescribed();
  }
}

/** What a stream that begins at `now` (epoch milliseconds) counts from. Pure. */
export function firstNumbers(now: number): FirstNumbers {
  const elapsedMs = Math.max(0, now - EPOCH);
  return {
    mediaSequence: Math.floor(elapsedMs / NUMBER_EVERY_MS),
    discontinuitySequence: Math.floor(elapsedMs / DISCONTINUITY_EVERY_MS) % MOST_DISCONTINUITIES,
  };
}
