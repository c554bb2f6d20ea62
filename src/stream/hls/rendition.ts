import type { StreamConfig } from '../../config/schema/schema.js';
import type { Bandwidth } from '../../hls/bandwidth.js';
import { isReached, isTooFarAhead, PlaylistWaiters } from '../../hls/blocking-reload.js';
import { inspectMedia, type MediaDescription } from '../../hls/inspect.js';
import type { RenditionReport, SegmentEntry, VariantStream } from '../../hls/playlist.js';
import type { MediaPart } from '../../hls/segmenter.js';
import { mergeSignatures, trackSignature } from '../../hls/track-signature.js';
import { type Container, MediaWindow } from '../../hls/window.js';
import type { LowLatencyView } from '../live-stream.js';

/** A segment as listed, with everything that a copy of the playlist needs. */
export interface ListedSegment {
  readonly rendition: string;
  readonly file: string;
  readonly body: Uint8Array;
  readonly init: { readonly file: string; readonly body: Uint8Array } | undefined;
  readonly entry: SegmentEntry;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  /** Capture time of its first frame, and arrival time of its last byte: steady time. */
  readonly startedAt: number;
  readonly completedAtMs: number;
}

/** The sequence numbers of a stream's first segment. */
export interface FirstNumbers {
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
}

export interface RenditionOptions {
  readonly name: string;
  readonly config: StreamConfig;
  readonly first: FirstNumbers;
  /** Steady time. */
  readonly now: () => number;
  /** The positions of the stream's other renditions. */
  readonly reports: () => readonly RenditionReport[];
  /** Called when the multivariant playlist changes. */
  readonly onDescribed: () => void;
  readonly log: { warn(fields: object, message: string): void };
}

/** Maximum number of requests that wait for one playlist: more viewers than one node serves. */
const MAX_WAITERS = 5000;

/** The open segment. */
interface OpenSegment {
  readonly first: MediaPart;
  readonly startedAt: number;
  readonly isChanged: boolean;
  durationSeconds: number;
}

/** One rendition of a stream over all ffmpeg runs: its window, and what is known about its tracks. */
export class Rendition {
  readonly name: string;
  readonly window: MediaWindow;
  readonly #options: RenditionOptions;
  #session: { readonly id: string; readonly container: Container } | undefined;
  #open: OpenSegment | undefined;
  #lastPartAtMs = 0;
  #partTargetSeconds: number | undefined;
  #endsAt: number | undefined;
  #signature: string | undefined;
  #described: MediaDescription | undefined;
  #bandwidth: Bandwidth | undefined;
  #closed = false;
  readonly #waiters = new PlaylistWaiters(MAX_WAITERS);

  constructor(options: RenditionOptions) {
    const { name, config, first, reports } = options;
    const partTargetSeconds = () => this.#partTargetSeconds;
    this.name = name;
    this.#options = options;
    this.window = new MediaWindow({
      windowSegments: config.hls.windowSegments,
      segmentSeconds: config.hls.segmentSeconds,
      ...first,
      ...(config.hls.lowLatency ? { lowLatency: { partTargetSeconds, reports } } : {}),
    });
  }

  get description(): MediaDescription | undefined {
    return this.#described;
  }

  /** The end of the run's media so far, in steady time; undefined without media. */
  get endsAt(): number | undefined {
    return this.#endsAt;
  }

  /** A new ffmpeg run starts. The previous run's segment was closed. */
  begin(session: { readonly id: string; readonly container: Container }): void {
    this.#session = session;
    this.#endsAt = undefined;
    this.window.begin(session);
  }

  /**
   * Whether the encoding changed within a run, as after a change of a camera's resolution: players must be told. Called once per segment,
   * with its first part.
   */
  isChanged({ sequence, bytes, init }: MediaPart): boolean {
    const signature = trackSignature({ container: this.#session!.container, segment: bytes, ...(init && { init }) });
    const { known, changed } = mergeSignatures(sequence === 0 ? undefined : this.#signature, signature);
    this.#signature = known;
    return changed;
  }

  open(
    first: MediaPart,
    start: { programDateTime: number; startedAt: number; discontinuity: boolean; isChanged: boolean },
  ): void {
    const { isChanged, ...dated } = start;
    const { sequence, isIndependent, init } = first;
    const opened = { sessionId: this.#session!.id, sequence, ...dated, isIndependent };
    this.window.openSegment(init === undefined ? opened : { ...opened, init }, this.#options.now());
    this.#open = { first, startedAt: start.startedAt, isChanged, durationSeconds: 0 };
  }

  add(part: MediaPart): void {
    const { bytes, durationSeconds, isIndependent, completedAtMs, partTargetSeconds } = part;
    if (this.#open === undefined) return;
    this.#open.durationSeconds += durationSeconds;
    this.#endsAt = this.#open.startedAt + this.#open.durationSeconds * 1000;
    this.#lastPartAtMs = completedAtMs;
    this.#partTargetSeconds = partTargetSeconds;
    this.window.addPart({ body: bytes, durationSeconds, isIndependent }, this.#options.now());
    this.#waiters.advance(this.window.position());
  }

  /** The open segment is complete; undefined if there is none. */
  close(): ListedSegment | undefined {
    const open = this.#open;
    this.#open = undefined;
    const closed = open && this.window.closeSegment(this.#options.now());
    if (open === undefined || closed === undefined) return undefined;
    this.#waiters.advance(this.window.position());
    const { entries, mediaSequence, discontinuitySequence } = this.window.playlist();
    const { parts: _, startedAt: __, ...entry } = entries.at(-1)!;
    const initResource = entry.initUri === undefined ? undefined : this.window.resource(entry.initUri);
    this.#look(open, closed.body);
    return {
      rendition: this.name,
      file: closed.file,
      body: closed.body,
      init: initResource === undefined ? undefined : { file: entry.initUri!, body: initResource.body },
      entry,
      startedAt: open.startedAt,
      completedAtMs: this.#lastPartAtMs,
      mediaSequence: mediaSequence + entries.length - 1,
      // A playlist that starts here would have this segment's discontinuity in its text and not in the number.
      discontinuitySequence: discontinuitySequence + entries.slice(0, -1).filter((each) => each.discontinuity).length,
    };
  }

  /** Learns the tracks from a segment. */
  #look({ first, isChanged }: OpenSegment, body: Uint8Array): void {
    // The first segment may be too short to contain everything.
    if (this.#described === undefined || first.sequence <= 1 || isChanged) void this.#inspect(first, body);
    else this.#options.onDescribed();
  }

  end(): void {
    this.window.end(this.#options.now());
    this.#closed = true;
    this.#waiters.release();
  }

  /** Undefined if the playlist lists no parts. */
  lowLatency(): LowLatencyView | undefined {
    const { window } = this;
    const partTargetSeconds = this.#partTargetSeconds;
    const { lowLatency } = this.#options.config.hls;
    if (!lowLatency || partTargetSeconds === undefined || !window.hasMedia || window.hasEnded) return undefined;
    const { mediaSequence, parts } = window.position();
    return {
      mediaSequence,
      nextPart: { mediaSequence, part: parts },
      maxWaitMs: 3000 * window.targetDurationSeconds,
      isReached: (wanted) => isReached(wanted, window.position()),
      isTooFarAhead: (wanted) => isTooFarAhead(wanted, window.position(), partTargetSeconds),
      isNextPart: (file) => window.isNextPart(file),
      wait: (wanted, signal) => this.#waiters.wait(wanted, window.position(), signal),
      delta: () => window.renderedDelta(),
    };
  }

  /** The entry of the multivariant playlist; undefined until enough is known. */
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

  async #inspect({ sequence, init }: MediaPart, body: Uint8Array): Promise<void> {
    const { onDescribed, log } = this.#options;
    const session = this.#session!;
    try {
      const described = await inspectMedia({ container: session.container, segment: body, ...(init && { init }) });
      if (this.#closed || session !== this.#session) return;
      this.#described = completed(described, sequence === 1 ? this.#described : undefined);
      onDescribed();
    } catch (err) {
      log.warn({ err }, 'first segment could not be parsed: no multivariant playlist yet');
    }
  }
}

/**
 * The bitrates in the playlist: the highest peak so far, and an average that is kept until it is off by a tenth. Players read them once,
 * and each change of the playlist is an upload.
 */
function steadied(before: Bandwidth | undefined, measured: Bandwidth): Bandwidth {
  const up = (bits: number) => Math.ceil(bits / 1000) * 1000;
  const peak = Math.max(before?.peak ?? 0, up(measured.peak));
  const isNear = before !== undefined && Math.abs(measured.average - before.average) < before.average / 10;
  return { peak, average: Math.min(peak, isNear ? before.average : up(measured.average)) };
}

/** A description completed by a better one of the same session, because a segment can be too short for audio or a frame rate. */
function completed(described: MediaDescription, other: MediaDescription | undefined): MediaDescription {
  if (other === undefined) return described;
  return {
    ...described,
    frameRate: described.frameRate || other.frameRate,
    ...(other.hasAudio && !described.hasAudio ? { hasAudio: true, codecs: other.codecs } : {}),
  };
}
