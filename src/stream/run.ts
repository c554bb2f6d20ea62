import type { Writable } from 'node:stream';
import type { StreamConfig } from '../config/schema.js';
import { SidepipeError } from '../errors.js';
import { ffmpegArguments } from '../ffmpeg/arguments.js';
import type { Capabilities } from '../ffmpeg/capabilities.js';
import { type Child, type ChildExit, spawnChild, stopChild } from '../ffmpeg/child.js';
import type { OrphanGuard } from '../ffmpeg/guard.js';
import type { LogLine } from '../ffmpeg/log-line.js';
import { LogTail } from '../ffmpeg/log-tail.js';
import { type Progress, ProgressParser } from '../ffmpeg/progress.js';
import { SourceClock } from '../frames/clock.js';
import { type DecodeChoice, DecodeMeter } from '../frames/decode.js';
import type { DecodedPicture } from '../frames/frame.js';
import { NutSplitter } from '../frames/splitter.js';
import { type ReadySegment, SegmentAssembler } from '../hls/assembler.js';
import type { SegmentReceiver, SegmentSink } from '../hls/sink.js';
import { type Egress, resolveHost } from '../ingest/egress.js';
import { hostToResolve } from '../ingest/input.js';
import type { Source, UnknownSource } from '../ingest/source.js';
import { isCopied, planStream } from './plan.js';
import { asError, endOfItself, lineText, type RunEnd } from './run-end.js';
import { findStall, type Vitals } from './watchdog.js';

export interface RunOptions {
  readonly config: StreamConfig;
  readonly source: Source | UnknownSource;
  readonly capabilities: Capabilities;
  readonly guard: OrphanGuard;
  readonly sink: SegmentSink;
  readonly egress: Egress;
  readonly startTimeoutMs: number;
  readonly stallTimeoutMs: number;
  readonly maxSegmentBytes: number;
  readonly redact: (text: string) => string;
  /** What is decoded of a copied stream. */
  readonly decode: DecodeChoice;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly delay: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Lends a buffer for the next picture. */
  readonly acquire: (bytes: number) => Uint8Array | undefined;
  readonly onPicture: (picture: DecodedPicture, capturedAt: number) => void;
  readonly onSegment: (segment: ReadySegment, clock: SourceClock) => void;
  readonly onLine: (line: LogLine) => void;
  /** Push only: who writes FLV to ffmpeg's standard input, until it ends or the signal aborts. */
  readonly feed?: ((stdin: Writable, signal: AbortSignal) => void) | undefined;
}

/** Stands for the receiver's URL in logs. */
const OWN_URL = 'loopback:/';
/** How often a run is looked at. */
const WATCH_INTERVAL_MS = 500;

/** One ffmpeg process of one stream, from its spawn to its end: disposable, never restarted, made anew by the stream. */
export class StreamRun {
  readonly clock = new SourceClock();
  readonly #options: RunOptions;
  readonly #assembler: SegmentAssembler;
  readonly #tail: LogTail;
  readonly #meter: DecodeMeter;
  readonly #watching = new AbortController();
  #receiver: SegmentReceiver | undefined;
  #child: Child | undefined;
  #vitals: Vitals;
  #progress: Progress | undefined;
  #stopping = false;
  #failure: SidepipeError | undefined;
  #better: DecodeChoice | undefined;
  #closed: Promise<RunEnd> | undefined;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#assembler = new SegmentAssembler({ container: options.config.hls.container });
    this.#tail = new LogTail({ redact: (text) => this.#redact(text), onLine: options.onLine });
    this.#meter = new DecodeMeter({
      setting: isCopied(options.config, options.source) ? options.config.thumbnail.decode : 'keyframes',
      choice: options.decode,
      intervalSeconds: options.config.thumbnail.intervalSeconds,
      framesPerInterval: options.config.thumbnail.bestOf,
    });
    this.#vitals = {
      startedAt: options.now(),
      progressAt: undefined,
      segmentAt: undefined,
      frameAt: undefined,
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

  /** Undefined until seen, and where more than keyframes is decoded. */
  get keyframeIntervalSeconds(): number | undefined {
    const { config, source } = this.#options;
    return isCopied(config, source) ? this.#meter.keyframeIntervalSeconds : undefined;
  }

  stderr(): readonly string[] {
    return this.#tail.lines().map(lineText);
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

  /** Ends the run as failed. */
  fail(error: SidepipeError): void {
    if (this.#failure !== undefined || this.#stopping) return;
    this.#failure = error;
    this.#end();
  }

  #end(): void {
    if (this.#child !== undefined)
      void stopChild(this.#child, { delay: this.#options.delay, askMs: 500, terminateMs: 500 });
  }

  #replan(better: DecodeChoice | undefined): void {
    if (better === undefined || this.#better !== undefined || this.#failure !== undefined || this.#stopping) return;
    this.#better = better;
    this.#end();
  }

  /** Whoever knew the receiver's URL could feed the stream, so it is a secret too. */
  #redact(text: string): string {
    const url = this.#receiver?.url;
    return this.#options.redact(url === undefined ? text : text.replaceAll(url, OWN_URL));
  }

  async #run(): Promise<RunEnd> {
    const receiver = this.#openReceiver();
    try {
      const child = await this.#spawn(receiver.url);
      this.#read(child);
      if (child.stdin !== null) this.#options.feed?.(child.stdin, this.#watching.signal);
      void this.#watch();
      const exit = await child.exited;
      this.#tail.close();
      await receiver.drain();
      this.#deliver(this.#assembler.finish());
      return this.#endOf(exit);
    } finally {
      this.#watching.abort();
      receiver.close();
    }
  }

  #openReceiver(): SegmentReceiver {
    const { sink, now, maxSegmentBytes } = this.#options;
    this.#receiver = sink.open({
      maxObjectBytes: maxSegmentBytes,
      onObject: (file, body, completedAtMs) => this.#deliver(this.#assembler.object(file, body, completedAtMs)),
      onProgress: () => {
        this.#vitals = { ...this.#vitals, segmentAt: now() };
      },
    });
    return this.#receiver;
  }

  async #spawn(url: string): Promise<Child> {
    const { config, source, capabilities, guard, egress, feed, startTimeoutMs, decode } = this.#options;
    const host = hostToResolve(source);
    const address = host === undefined ? undefined : await resolveHost(host);
    const timeoutSeconds = startTimeoutMs / 1000;
    const args = ffmpegArguments(planStream({ config, source, capabilities, url, address, timeoutSeconds, decode }));
    const child = await spawnChild({
      ...guard.wrap(capabilities.path, args),
      environment: egress.environment(),
      stdin: feed !== undefined,
    });
    const unwatch = guard.watch(child.pid);
    void child.exited.then(unwatch);
    this.#child = child;
    if (this.#stopping) void stopChild(child, { delay: this.#options.delay, askMs: 0 });
    return child;
  }

  /** Everything that ffmpeg writes is read at once, always: a full pipe would stall the stream. */
  #read(child: Child): void {
    const { now, acquire } = this.#options;
    const splitter = new NutSplitter({ acquire, onPicture: (picture) => this.#picture(picture) });
    child.stdout.on('data', (piece: Buffer) => {
      if (this.#failure !== undefined) return;
      try {
        splitter.push(piece);
      } catch (cause) {
        this.fail(asError(cause));
      }
    });
    const progress = new ProgressParser((report) => {
      const moved = report.outSeconds !== undefined && report.outSeconds !== this.#progress?.outSeconds;
      if (moved) {
        this.clock.observe(report.outSeconds!, now());
        this.#vitals = { ...this.#vitals, progressAt: now() };
        this.#replan(this.#meter.position(report.outSeconds!, now()));
      }
      this.#progress = report;
    });
    child.side.on('data', (piece: Buffer) => progress.push(piece));
    child.stderr.on('data', (piece: Buffer) => this.#tail.push(piece));
  }

  #picture(picture: DecodedPicture): void {
    const now = this.#options.now();
    this.clock.observe(picture.ptsSeconds, now);
    this.#vitals = { ...this.#vitals, frameAt: now, segmentsSinceFrame: 0 };
    const capturedAt = this.clock.wallTimeOf(picture.ptsSeconds)!;
    this.#options.onPicture(picture, capturedAt);
    this.#replan(this.#meter.picture(picture.ptsSeconds, (now - capturedAt) / 1000, now));
  }

  #deliver(segments: readonly ReadySegment[]): void {
    for (const segment of segments) {
      this.#vitals = {
        ...this.#vitals,
        segmentAt: this.#options.now(),
        longestSegmentMs: Math.max(this.#vitals.longestSegmentMs, segment.durationSeconds * 1000),
        segmentsSinceFrame: this.#vitals.segmentsSinceFrame + 1,
      };
      this.#options.onSegment(segment, this.clock);
    }
  }

  async #watch(): Promise<void> {
    const { config, now, delay, startTimeoutMs, stallTimeoutMs } = this.#options;
    const limits = { startTimeoutMs, stallTimeoutMs, frameIntervalMs: config.thumbnail.intervalSeconds * 1000 };
    const { signal } = this.#watching;
    while (!signal.aborted) {
      await delay(WATCH_INTERVAL_MS, signal).catch(() => {});
      const stall = signal.aborted ? undefined : findStall(this.#vitals, limits, now());
      if (stall !== undefined) {
        this.fail(new SidepipeError(stall, { code: 'ffmpeg-stalled', fault: 'source', retryable: true }));
        return;
      }
    }
  }

  #endOf(exit: ChildExit): RunEnd {
    if (this.#stopping) return { kind: 'stopped' };
    if (this.#failure !== undefined) return { kind: 'failed', error: this.#failure };
    if (this.#better !== undefined) return { kind: 'replanned', decode: this.#better };
    return endOfItself({ exit, ...this.#options, tail: this.#tail, ownUrl: OWN_URL });
  }
}
