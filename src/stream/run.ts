import { SidepipeError } from '../errors.js';
import { ffmpegArguments } from '../ffmpeg/arguments.js';
import { type Child, type ChildExit, spawnChild, stopChild } from '../ffmpeg/child.js';
import { chosenTimeOf, KEYFRAME_SHIFT_SECONDS, TIMER_SLACK_MS } from '../ffmpeg/chosen-keyframes.js';
import type { LogLine } from '../ffmpeg/log-line.js';
import { LogTail } from '../ffmpeg/log-tail.js';
import { NARROW_SECONDS } from '../ffmpeg/picture-output.js';
import { type Progress, ProgressParser } from '../ffmpeg/progress.js';
import { type SourceFacts, SourceFactsReader } from '../ffmpeg/source-facts.js';
import { withoutChosen } from '../frames/decode.js';
import type { ReadySegment } from '../hls/assembler.js';
import { isCopyable } from '../ingest/input.js';
import { checkSource } from '../ingest/policy.js';
import { openRoute, type Route } from '../ingest/route.js';
import { KeyframeIntake } from './keyframe-intake.js';
import type { Position } from './meter.js';
import { PictureIntake } from './picture-intake.js';
import { audioOf, canFlushKeyframes, canSnapshot, planStream, waitFor } from './plan.js';
import { isCopied, isOnlyCopied, renditionNames } from './rendition-plan.js';
import { asError, endOfItself, type RunEnd } from './run-end.js';
import type { RunOptions } from './run-options.js';
import { OWN_URL, SegmentIntake } from './segment-intake.js';
import { SnapshotIntake } from './snapshot-intake.js';
import { needsOf, sameNeeds } from './source-needs.js';
import { afterProgress, findStall, type Vitals } from './watchdog.js';

/** How often a run is looked at. */
const WATCH_INTERVAL_MS = 500;
/** So long a publisher is waited for to show what its video is. */
const CODEC_WAIT_MS = 1500;

/** One ffmpeg process of one stream, from its spawn to its end: disposable, never restarted, made anew by the stream. */
export class StreamRun {
  readonly #options: RunOptions;
  readonly #segments: SegmentIntake;
  readonly #facts = new SourceFactsReader();
  readonly #tail: LogTail;
  readonly #pictures: PictureIntake;
  readonly #watching = new AbortController();
  #child: Child | undefined;
  #route: Route | undefined;
  #flushKeyframes = false;
  #keyframes: KeyframeIntake | undefined;
  /** The source turned out to need another plan, or none will do: what comes of this one is of no use. */
  #isUnfit = false;
  #vitals: Omit<Vitals, 'segmentAt'>;
  #progress: Progress | undefined;
  #stopping = false;
  #failure: SidepipeError | undefined;
  #replanned: Extract<RunEnd, { kind: 'replanned' }> | undefined;
  #closed: Promise<RunEnd> | undefined;

  constructor(options: RunOptions) {
    this.#options = options;
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
        const { framesSinceSegment = 0 } = this.#vitals;
        const frames = { frameAt: options.now(), framesSinceSegment: framesSinceSegment + 1 };
        this.#vitals = { ...this.#vitals, ...frames, segmentsSinceFrame: 0 };
      },
      onBetter: (decode) => this.#replan({ kind: 'replanned', decode }),
      onResized: () => this.#replan({ kind: 'replanned', resized: true }),
    });
    this.#vitals = {
      startedAt: options.now(),
      progressAt: undefined,
      frameAt: undefined,
      openedAt: undefined,
      longestSegmentMs: options.config.hls.segmentSeconds * 1000,
      segmentsSinceFrame: 0,
    };
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
    const { progressAt: at } = this.#vitals;
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
      const child = await this.#spawn();
      this.#read(child);
      const feeding = { signal: this.#watching.signal, flushKeyframes: this.#flushKeyframes };
      this.#openKeyframes(child);
      if (child.media !== null) void this.#options.feed?.pipe(child.media, feeding);
      this.#openSnapshots(child);
      void this.#watch();
      const exit = await child.exited;
      this.#pictures.end();
      this.#tail.close();
      await this.#segments.drain();
      return this.#endOf(exit);
    } finally {
      this.#route?.close();
      this.#watching.abort();
      this.#segments.close();
    }
  }

  #line(line: LogLine): void {
    if (line.text.startsWith('Input #0')) this.#vitals = { ...this.#vitals, openedAt: this.#options.now() };
    const facts = this.#facts.line(line.text);
    if (facts !== undefined) this.#opened(facts);
    this.#pictures.line(line);
    this.#options.onLine(line);
  }

  async #spawn(): Promise<Child> {
    const { config, source, capabilities, guard, egress, policy, attempt, file, feed } = this.#options;
    const problem = policy && checkSource(source, policy, config);
    if (problem !== undefined) throw problem;
    const isBound = policy !== undefined;
    const route = await openRoute({ source, networks: policy?.networks, attempt, file });
    this.#route = route;
    const snapshots = canSnapshot(source, capabilities);
    this.#flushKeyframes = canFlushKeyframes(this.#options) && (await this.#videoCodec()) === 'h264';
    const { urls, host: sinkHost } = this.#segments;
    const isSilent = feed?.isSilent ?? false;
    const found = { urls, sourceUrl: route.url, isBound, flushesKeyframes: this.#flushKeyframes, isSilent };
    const args = ffmpegArguments(planStream({ ...this.#options, ...found }));
    const child = await spawnChild({
      ...guard.wrap(capabilities.path, args),
      environment: egress.environment({ isBound, sinkHost }),
      stdin: snapshots,
      snapshots,
      media: file?.handle.fd ?? feed !== undefined,
      monitor: config.monitor.enabled,
      keyframes: this.#chooses,
      timerSlackMs: this.#chooses ? TIMER_SLACK_MS : 0,
    });
    const unwatch = guard.watch(child.pid);
    void child.exited.then(unwatch);
    this.#child = child;
    if (this.#stopping) void stopChild(child, { delay: this.#options.delay, askMs: 0 });
    return child;
  }

  async #videoCodec(): Promise<string | undefined> {
    const { feed, delay } = this.#options;
    const settled = new AbortController();
    const limits = AbortSignal.any([this.#watching.signal, settled.signal]);
    const abort = () => settled.abort();
    void delay(CODEC_WAIT_MS, limits).then(abort, abort);
    const codec = await feed?.videoCodec(limits);
    settled.abort();
    return codec;
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
      this.#vitals = afterProgress(this.#vitals, report, this.#options.now());
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
    const isFirst = rendition === renditionNames(config)[0];
    this.#vitals = {
      ...this.#vitals,
      longestSegmentMs: Math.max(this.#vitals.longestSegmentMs, segment.durationSeconds * 1000),
      segmentsSinceFrame: this.#vitals.segmentsSinceFrame + (isFirst ? 1 : 0),
      framesSinceSegment: 0,
    };
    onSegment(rendition, segment, this.#pictures.clock);
  }

  async #watch(): Promise<void> {
    const { config, source, now, delay, startTimeoutMs, sink } = this.#options;
    const { connectSeconds } = waitFor(config, source);
    const limits = {
      connectTimeoutMs: connectSeconds === undefined ? undefined : connectSeconds * 1000,
      startTimeoutMs,
      stallTimeoutMs: (config.input.readTimeoutSeconds ?? this.#options.stallTimeoutMs / 1000) * 1000,
      frameIntervalMs: config.thumbnail.intervalSeconds * 1000,
      expectsSegments: sink !== undefined,
      segmentsComeWhole: this.#options.needs.container === 'fmp4',
      picturesAreKeyframes: this.#options.decode.mode === 'keyframes' && isOnlyCopied(config, source),
    };
    const { signal } = this.#watching;
    while (!signal.aborted) {
      await delay(WATCH_INTERVAL_MS, signal).catch(() => {});
      const stall = signal.aborted
        ? undefined
        : findStall({ ...this.#vitals, segmentAt: this.#segments.lastAt }, limits, now());
      if (stall !== undefined) {
        this.fail(new SidepipeError(stall, { code: 'ffmpeg-stalled', fault: 'source', retryable: true }));
        return;
      }
    }
  }

  #endOf(exit: ChildExit): RunEnd {
    if (this.#stopping) return { kind: 'stopped' };
    if (this.#failure !== undefined) return { kind: 'failed', error: this.#failure };
    if (this.#replanned !== undefined) return this.#replanned;
    return endOfItself({ exit, ...this.#options, tail: this.#tail, ownUrl: OWN_URL });
  }
}
