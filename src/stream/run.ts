import { SidepipeError } from '../errors.js';
import { type Child, type ChildExit, stopChild } from '../ffmpeg/child.js';
import { chosenTimeOf, KEYFRAME_SHIFT_SECONDS } from '../ffmpeg/chosen-keyframes.js';
import type { LogLine } from '../ffmpeg/log-line.js';
import { LogTail } from '../ffmpeg/log-tail.js';
import { NARROW_SECONDS } from '../ffmpeg/picture-output.js';
import { type Progress, ProgressParser } from '../ffmpeg/progress.js';
import { type SourceFacts, SourceFactsReader } from '../ffmpeg/source-facts.js';
import { withoutChosen } from '../frames/decode.js';
import type { ReadySegment } from '../hls/assembler.js';
import { isCopyable } from '../ingest/input.js';
import type { Route } from '../ingest/route.js';
import { KeyframeIntake } from './keyframe-intake.js';
import { launch } from './launch.js';
import type { Position } from './meter.js';
import { PictureIntake } from './picture-intake.js';
import { audioOf } from './plan.js';
import { isCopied, isOnlyCopied, renditionNames } from './rendition-plan.js';
import { asError, endOfItself, type RunEnd } from './run-end.js';
import type { RunOptions } from './run-options.js';
import { RunWatch } from './run-watch.js';
import { OWN_URL, SegmentIntake } from './segment-intake.js';
import { SnapshotIntake } from './snapshot-intake.js';
import { needsOf, sameNeeds } from './source-needs.js';

/** One ffmpeg process of one stream, from its spawn to its end: disposable, never restarted, made anew by the stream. */
export class StreamRun {
  readonly #options: RunOptions;
  readonly #segments: SegmentIntake;
  readonly #facts = new SourceFactsReader();
  readonly #tail: LogTail;
  readonly #pictures: PictureIntake;
  readonly #watch: RunWatch;
  readonly #over = new AbortController();
  #child: Child | undefined;
  #route: Route | undefined;
  #keyframes: KeyframeIntake | undefined;
  /** The source turned out to need another plan, or none will do: what comes of this one is of no use. */
  #isUnfit = false;
  #progress: Progress | undefined;
  #stopping = false;
  #failure: SidepipeError | undefined;
  #replanned: Extract<RunEnd, { kind: 'replanned' }> | undefined;
  #closed: Promise<RunEnd> | undefined;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#watch = new RunWatch(options);
    this.#segments = new SegmentIntake({
      ...options,
      renditions: options.sink === undefined ? [] : renditionNames(options.config),
      container: options.needs.container,
      hidden: options.policy !== undefined,
      onSegment: (rendition, segment) => this.#deliver(rendition, segment),
    });
    this.#tail = new LogTail({
      redact: (text) => options.redact(this.#segments.redact(text)),
      onLine: (line) => this.#line(line),
    });
    this.#pictures = new PictureIntake({
      ...options,
      isCopied: isOnlyCopied(options.config, options.source),
      expectsPackets: isCopyable(options.source, options.config.device),
      timeOf: this.#chooses ? chosenTimeOf : undefined,
      onArrived: () => {
        this.#keyframes?.answered();
        this.#watch.picture();
      },
      onBetter: (decode) => this.#replan({ kind: 'replanned', decode }),
      onResized: () => this.#replan({ kind: 'replanned', resized: true }),
    });
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get progress(): Progress | undefined {
    return this.#progress;
  }

  /** Undefined until ffmpeg has told how far it is. */
  get position(): Position | undefined {
    const { outSeconds: mediaSeconds, frames } = this.#progress ?? {};
    const { progressAt: at } = this.#watch;
    if (this.pid === undefined || mediaSeconds === undefined || at === undefined) return undefined;
    return { pid: this.pid, at, mediaSeconds, frames };
  }

  get keyframeIntervalSeconds(): number | undefined {
    return this.#pictures.keyframeIntervalSeconds;
  }

  /** The last lines of ffmpeg's log that matter. */
  log(): readonly LogLine[] {
    return this.#tail.lines();
  }

  /** Settles when the process is gone and everything that it gave has been taken in. Never rejects. Call once. */
  run(): Promise<RunEnd> {
    this.#closed = this.#run().catch((cause: unknown) => ({ kind: 'failed', error: asError(cause) }) as const);
    return this.#closed;
  }

  /** Ends the run: ffmpeg may finish its last segment. Settles when it is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#child !== undefined) await stopChild(this.#child, { delay: this.#options.delay });
    await this.#closed;
  }

  /** Ends the run, so that the stream begins another like it at once. */
  restart(): void {
    this.#replan({ kind: 'replanned', decode: this.#options.decode });
  }

  /** Ends the run as failed. */
  fail(error: SidepipeError): void {
    if (this.#failure !== undefined || this.#stopping) return;
    this.#failure = error;
    this.#end();
  }

  #end(): void {
    const { delay } = this.#options;
    const patienceMs = this.#isUnfit ? 0 : 500;
    if (this.#child !== undefined) void stopChild(this.#child, { delay, askMs: patienceMs, terminateMs: patienceMs });
  }

  #replan(end: Extract<RunEnd, { kind: 'replanned' }>): void {
    if (this.#replanned !== undefined || this.#failure !== undefined || this.#stopping) return;
    this.#replanned = end;
    this.#end();
  }

  /** The source has been opened: whether the plan will do for it. */
  #opened(facts: SourceFacts): void {
    const { config, source, needs: planned, sink } = this.#options;
    if (sink === undefined) return;
    const { container } = config.hls;
    try {
      const wanted = { container, audio: audioOf(config, source), isCopied: isCopied(config, source) };
      const needs = needsOf(facts, wanted);
      if (sameNeeds(needs, planned)) return;
      this.#isUnfit = true;
      this.#replan({ kind: 'replanned', needs });
    } catch (cause) {
      this.#isUnfit = true;
      this.fail(asError(cause));
    }
  }

  async #run(): Promise<RunEnd> {
    try {
      this.#segments.open();
      const child = await this.#begin();
      void this.#failWhenStalled();
      const exit = await child.exited;
      this.#pictures.end();
      this.#tail.close();
      await this.#segments.drain();
      return this.#endOf(exit);
    } finally {
      this.#route?.close();
      this.#over.abort();
      this.#segments.close();
    }
  }

  #line(line: LogLine): void {
    if (line.text.startsWith('Input #0')) this.#watch.opened();
    const facts = this.#facts.line(line.text);
    if (facts !== undefined) this.#opened(facts);
    this.#pictures.line(line);
    this.#options.onLine(line);
  }

  async #begin(): Promise<Child> {
    const { feed, delay } = this.#options;
    const { signal } = this.#over;
    const { child, route, flushesKeyframes } = await launch({
      run: this.#options,
      segments: this.#segments,
      choosesKeyframes: this.#chooses,
      signal,
    });
    this.#child = child;
    this.#route = route;
    if (this.#stopping) void stopChild(child, { delay, askMs: 0 });
    // Asked for while there was no process to end yet.
    else if (this.#replanned !== undefined || this.#failure !== undefined) this.#end();
    this.#read(child);
    this.#openKeyframes(child);
    if (child.media !== null) void feed?.pipe(child.media, { signal, flushKeyframes: flushesKeyframes });
    this.#openSnapshots(child);
    return child;
  }

  /** Everything that ffmpeg writes is read at once, always: a full pipe would stall the stream. */
  #read(child: Child): void {
    const { capabilities } = this.#options;
    child.stdout.on('data', (piece: Buffer) => {
      if (this.#failure !== undefined || this.#isUnfit) return;
      try {
        this.#pictures.pictures(piece);
      } catch (cause) {
        this.fail(asError(cause));
      }
    });
    const progress = new ProgressParser((told) => {
      const report = this.#keyframes === undefined ? told : this.#keyframes.report(told, this.#options.now());
      const moved = report.outSeconds !== undefined && report.outSeconds !== this.#progress?.outSeconds;
      this.#progress = report;
      this.#watch.progress(report);
      if (moved && this.#keyframes === undefined) this.#pictures.position(report.outSeconds!, report.frames);
      if (capabilities.hasNarrowTimestamps && (report.outSeconds ?? 0) > NARROW_SECONDS) this.restart();
    });
    child.side.on('data', (piece: Buffer) => progress.push(piece));
    child.packets.on('data', (piece: Buffer) => this.#pictures.packetTimes(piece));
    child.stderr.on('data', (piece: Buffer) => this.#tail.push(piece));
    child.monitor?.on('data', (piece: Buffer) => this.#options.onMonitor?.(piece));
  }

  /** Only keyframes that are wanted are decoded. */
  get #chooses(): boolean {
    return this.#options.decode.mode === 'chosen' && this.#options.shelf?.newest !== undefined;
  }

  #openKeyframes({ keyframes, chosen }: Child): void {
    const { config, decode, shelf, snapshots, now } = this.#options;
    if (keyframes === null || chosen === null || shelf === undefined) return;
    const { intervalSeconds, bestOf } = config.thumbnail;
    this.#keyframes = new KeyframeIntake({
      ...{ keyframes, chosen, shelf, now },
      intervalSeconds: intervalSeconds / bestOf,
      longestGapSeconds: decode.longestGapSeconds,
      shiftSeconds: KEYFRAME_SHIFT_SECONDS,
      isWanted: () => snapshots.isWanted,
      onKeyframe: (ptsSeconds) => this.#pictures.position(ptsSeconds, undefined),
      onFailed: (why) => this.#replan({ kind: 'replanned', decode: withoutChosen(why, intervalSeconds) }),
    });
  }

  #openSnapshots({ stdin, snapshots: output, exited }: Child): void {
    const { snapshots, now } = this.#options;
    if (output === null || stdin === null) return;
    const intake = new SnapshotIntake({
      write: (text) => void (stdin.writable && stdin.write(text)),
      isWanted: () => snapshots.isWanted,
      timeOf: this.#chooses ? chosenTimeOf : undefined,
      onPicture: (picture) => snapshots.offer(picture, this.#pictures.clock.wallTimeOf(picture.ptsSeconds) ?? now()),
      onFailed: (error) => snapshots.fail(error),
    });
    output.on('data', (piece: Buffer) => intake.push(piece));
    snapshots.from(intake);
    void exited.then(() => {
      snapshots.from(undefined);
      intake.close();
    });
  }

  #deliver(rendition: string, segment: ReadySegment): void {
    if (this.#isUnfit) return;
    const { config, onSegment } = this.#options;
    this.#watch.segment(segment.durationSeconds, rendition === renditionNames(config)[0]);
    onSegment(rendition, segment, this.#pictures.clock);
  }

  async #failWhenStalled(): Promise<void> {
    const stall = await this.#watch.stall(() => this.#segments.lastAt, this.#over.signal);
    if (stall === undefined) return;
    this.fail(new SidepipeError(stall, { code: 'ffmpeg-stalled', fault: 'source', retryable: true }));
  }

  #endOf(exit: ChildExit): RunEnd {
    if (this.#stopping) return { kind: 'stopped' };
    if (this.#failure !== undefined) return { kind: 'failed', error: this.#failure };
    if (this.#replanned !== undefined) return this.#replanned;
    return endOfItself({ exit, ...this.#options, tail: this.#tail, ownUrl: OWN_URL });
  }
}
