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
import type { SourceClock } from '../frames/clock.js';
import type { DecodeChoice } from '../frames/decode.js';
import type { DecodedPicture } from '../frames/frame.js';
import { type ReadySegment, SegmentAssembler } from '../hls/assembler.js';
import type { SegmentReceiver, SegmentSink } from '../hls/sink.js';
import type { PlaylistFile } from '../ingest/directory.js';
import type { Egress } from '../ingest/egress.js';
import { isCopyable } from '../ingest/input.js';
import { checkSource, type SourcePolicy } from '../ingest/policy.js';
import { openRoute, type Route } from '../ingest/route.js';
import type { Source, UnknownSource } from '../ingest/source.js';
import type { Position } from './meter.js';
import { PictureIntake } from './picture-intake.js';
import { canFlushKeyframes, canSnapshot, isCopied, planStream, waitFor } from './plan.js';
import { asError, endOfItself, lineText, type RunEnd } from './run-end.js';
import { SnapshotIntake } from './snapshot-intake.js';
import type { Snapshots } from './snapshots.js';
import { findStall, type Vitals } from './watchdog.js';

export interface RunOptions {
  readonly config: StreamConfig;
  readonly source: Source | UnknownSource;
  readonly capabilities: Capabilities;
  readonly guard: OrphanGuard;
  readonly sink: SegmentSink;
  readonly egress: Egress;
  /** What the source may be; undefined: anything. */
  readonly policy: SourcePolicy | undefined;
  /** How many runs have given nothing. */
  readonly attempt: number;
  /** Directories only: which of its files. */
  readonly file?: PlaylistFile | undefined;
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
  /** Whoever wants pictures of full size. */
  readonly snapshots: Pick<Snapshots, 'isWanted' | 'from' | 'offer' | 'fail'>;
  /** Takes the monitor's bytes; undefined where there is no monitor. */
  readonly onMonitor?: ((piece: Uint8Array) => void) | undefined;
  /** Push only: who writes FLV to ffmpeg, until it ends or the signal aborts. */
  readonly feed?: Feed | undefined;
}

/** A publisher. */
interface Feed {
  pipe(media: Writable, options: { readonly signal: AbortSignal; readonly flushKeyframes: boolean }): Promise<unknown>;
  videoCodec(signal: AbortSignal): Promise<string | undefined>;
}

/** Stands for the receiver's URL in logs. */
const OWN_URL = 'loopback:/';
/** How often a run is looked at. */
const WATCH_INTERVAL_MS = 500;
/** So long a publisher is waited for to show what its video is. */
const CODEC_WAIT_MS = 500;

/** One ffmpeg process of one stream, from its spawn to its end: disposable, never restarted, made anew by the stream. */
export class StreamRun {
  readonly #options: RunOptions;
  readonly #assembler: SegmentAssembler;
  readonly #tail: LogTail;
  readonly #pictures: PictureIntake;
  readonly #watching = new AbortController();
  #receiver: SegmentReceiver | undefined;
  #child: Child | undefined;
  #route: Route | undefined;
  #vitals: Vitals;
  #progress: Progress | undefined;
  #stopping = false;
  #failure: SidepipeError | undefined;
  #flushKeyframes = false;
  #better: DecodeChoice | undefined;
  #closed: Promise<RunEnd> | undefined;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#assembler = new SegmentAssembler({ container: options.config.hls.container });
    this.#tail = new LogTail({ redact: (text) => this.#redact(text), onLine: (line) => this.#line(line) });
    this.#pictures = new PictureIntake({
      ...options,
      isCopied: isCopied(options.config, options.source),
      expectsPackets: isCopyable(options.source, options.config.device),
      onArrived: () => {
        this.#vitals = { ...this.#vitals, frameAt: options.now(), segmentsSinceFrame: 0 };
      },
      onBetter: (choice) => this.#replan(choice),
    });
    this.#vitals = {
      startedAt: options.now(),
      progressAt: undefined,
      segmentAt: undefined,
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

  /** Ends the run, so that the stream begins another like it at once. */
  restart(): void {
    this.#replan(this.#options.decode);
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

  #replan(better: DecodeChoice): void {
    if (this.#better !== undefined || this.#failure !== undefined || this.#stopping) return;
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
      const feeding = { signal: this.#watching.signal, flushKeyframes: this.#flushKeyframes };
      if (child.media !== null) void this.#options.feed?.pipe(child.media, feeding);
      this.#openSnapshots(child);
      void this.#watch();
      const exit = await child.exited;
      this.#pictures.end();
      this.#tail.close();
      await receiver.drain();
      this.#deliver(this.#assembler.finish());
      return this.#endOf(exit);
    } finally {
      this.#route?.close();
      this.#watching.abort();
      receiver.close();
    }
  }

  #line(line: LogLine): void {
    if (line.text.startsWith('Input #0')) this.#vitals = { ...this.#vitals, openedAt: this.#options.now() };
    this.#pictures.line(line);
    this.#options.onLine(line);
  }

  #openReceiver(): SegmentReceiver {
    const { sink, now, maxSegmentBytes, policy } = this.#options;
    this.#receiver = sink.open({
      maxObjectBytes: maxSegmentBytes,
      hidden: policy !== undefined,
      onObject: (file, body, completedAtMs) => this.#deliver(this.#assembler.object(file, body, completedAtMs)),
      onProgress: () => {
        this.#vitals = { ...this.#vitals, segmentAt: now() };
      },
    });
    return this.#receiver;
  }

  async #spawn(url: string): Promise<Child> {
    const { config, source, capabilities, guard, egress, policy, attempt, file, feed, decode } = this.#options;
    const problem = policy && checkSource(source, policy, config);
    if (problem !== undefined) throw problem;
    const isBound = policy !== undefined;
    const route = await openRoute({ source, networks: policy?.networks, attempt, file });
    this.#route = route;
    const snapshots = canSnapshot(source, capabilities);
    this.#flushKeyframes = canFlushKeyframes(this.#options) && (await this.#videoCodec()) === 'h264';
    const flushesKeyframes = this.#flushKeyframes;
    const facts = { config, source, capabilities, url, sourceUrl: route.url, isBound, decode, flushesKeyframes };
    const args = ffmpegArguments(planStream(facts));
    const child = await spawnChild({
      ...guard.wrap(capabilities.path, args),
      environment: egress.environment({ isBound, sinkHost: /\/\/([^:/]+)/.exec(url)?.[1] ?? '' }),
      stdin: snapshots,
      snapshots,
      media: file?.handle.fd ?? feed !== undefined,
      monitor: config.monitor.enabled,
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
    child.stdout.on('data', (piece: Buffer) => {
      if (this.#failure !== undefined) return;
      try {
        this.#pictures.pictures(piece);
      } catch (cause) {
        this.fail(asError(cause));
      }
    });
    const progress = new ProgressParser((report) => {
      const moved = report.outSeconds !== undefined && report.outSeconds !== this.#progress?.outSeconds;
      this.#progress = report;
      if (!moved) return;
      this.#vitals = { ...this.#vitals, progressAt: this.#options.now() };
      this.#pictures.position(report.outSeconds!, report.frames);
    });
    child.side.on('data', (piece: Buffer) => progress.push(piece));
    child.packets.on('data', (piece: Buffer) => this.#pictures.packetTimes(piece));
    child.stderr.on('data', (piece: Buffer) => this.#tail.push(piece));
    child.monitor?.on('data', (piece: Buffer) => this.#options.onMonitor?.(piece));
  }

  #openSnapshots({ stdin, snapshots: output, exited }: Child): void {
    const { snapshots, now } = this.#options;
    if (output === null || stdin === null) return;
    const intake = new SnapshotIntake({
      write: (text) => void (stdin.writable && stdin.write(text)),
      isWanted: () => snapshots.isWanted,
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

  #deliver(segments: readonly ReadySegment[]): void {
    for (const segment of segments) {
      this.#vitals = {
        ...this.#vitals,
        segmentAt: this.#options.now(),
        longestSegmentMs: Math.max(this.#vitals.longestSegmentMs, segment.durationSeconds * 1000),
        segmentsSinceFrame: this.#vitals.segmentsSinceFrame + 1,
      };
      this.#options.onSegment(segment, this.#pictures.clock);
    }
  }

  async #watch(): Promise<void> {
    const { config, source, now, delay, startTimeoutMs } = this.#options;
    const { connectSeconds } = waitFor(config, source);
    const limits = {
      connectTimeoutMs: connectSeconds === undefined ? undefined : connectSeconds * 1000,
      startTimeoutMs,
      stallTimeoutMs: (config.input.readTimeoutSeconds ?? this.#options.stallTimeoutMs / 1000) * 1000,
      frameIntervalMs: config.thumbnail.intervalSeconds * 1000,
    };
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
