import type { Writable } from 'node:stream';
import { SidepipeError } from '../../errors.js';
import { type Child, type ChildExit, stopChild } from '../../ffmpeg/child.js';
import { diagnose } from '../../ffmpeg/log/diagnosis.js';
import type { LogLine } from '../../ffmpeg/log/log-line.js';
import { LogTail } from '../../ffmpeg/log/log-tail.js';
import { LostTimestamps } from '../../ffmpeg/log/lost-timestamps.js';
import { type Progress, ProgressParser } from '../../ffmpeg/log/progress.js';
import { RedirectLoop } from '../../ffmpeg/log/redirects.js';
import { type SourceFacts, SourceFactsReader } from '../../ffmpeg/log/source-facts.js';
import { NARROW_SECONDS } from '../../ffmpeg/output/picture-output.js';
import { type DecodeChoice, LONGEST_DECISION_SECONDS, type SourceTraits } from '../../frames/decode.js';
import { findSps } from '../../hls/cut/sps.js';
import type { MediaPart } from '../../hls/segmenter.js';
import { isCopyable, isRecorded } from '../../ingest/input.js';
import { fileInWords } from '../../ingest/local-file.js';
import type { Route } from '../../ingest/route.js';
import { readReused } from '../../io/reused-reads.js';
import { HeldParts } from '../hls/held-parts.js';
import { MediaIntake } from '../hls/media-intake.js';
import { MediaProgress } from '../hls/media-progress.js';
import { DecodeDecision } from '../outputs/decode-decision.js';
import { isCopied, isOnlyCopied, renditionNames } from '../outputs/rendition-plan.js';
import { codecsOf, needsOf, type SourceCodecs, type SourceNeeds, suits, wantedOf } from '../outputs/source-needs.js';
import { PictureIntake } from '../pictures/picture-intake.js';
import { SnapshotIntake } from '../pictures/snapshot-intake.js';
import { AudioWatch, type AudioWatchOptions } from './audio-watch.js';
import { publisherCodecs } from './await-publisher.js';
import { launch } from './launch.js';
import type { Position } from './meter.js';
import { type AudioChange, asError, endOfItself, lineText, type RunEnd } from './run-end.js';
import type { RunSettings, StreamRunOptions } from './run-options.js';
import { RunWatch } from './run-watch.js';
import type { WarningFacts } from './source-warnings.js';

/** How long ffmpeg may take to write what it has read after its input has ended. */
const DRAIN_MS = 5000;
/** Timers can fire slightly before the clock shows the time. */
const TIMER_MS = 100;

/** ffmpeg's message about a stream that the source did not have when it was opened: it is left out of all outputs. */
const NEW_AUDIO = /^New audio stream /;

/** One ffmpeg process of one stream, from spawn to exit: disposable, never restarted, replaced by the stream. */
export class StreamRun {
  readonly #options: StreamRunOptions;
  readonly #media: MediaIntake;
  readonly #factsReader = new SourceFactsReader();
  #facts: SourceFacts | undefined;
  /** Undefined before the source's first keyframe. */
  #lacksParameterSets: boolean | undefined;
  readonly #tail: LogTail;
  readonly #pictures: PictureIntake;
  readonly #decode: DecodeDecision;
  readonly #audio: AudioWatch;
  /** Undefined once parts are listed as they arrive. */
  #held: HeldParts | undefined;
  #isOutgrown = false;
  readonly #watch: RunWatch;
  readonly #over = new AbortController();
  #child: Child | undefined;
  #route: Route | undefined;
  readonly #redirects = new RedirectLoop();
  readonly #lostTimestamps: LostTimestamps;
  /** The source needs another plan, or no plan suits it: the output of this one is useless. */
  #isUnfit = false;
  #progress: Progress | undefined;
  #pictureCount = 0;
  #stopping = false;
  #failure: SidepipeError | undefined;
  /** The media could not be parsed before ffmpeg had reported what the source is: another plan may fix that. */
  #early: SidepipeError | undefined;
  #replanned: Extract<RunEnd, { kind: 'replanned' }> | undefined;
  #closed: Promise<RunEnd> | undefined;

  constructor(options: StreamRunOptions) {
    const { config, settings, makesMedia, limits, system, redact, frames, listener } = options;
    const { source, needs, decode, isDecodeOpen } = settings;
    const { now, delay } = system;
    this.#options = options;
    this.#watch = new RunWatch({ config, source, makesMedia, limits, system });
    this.#lostTimestamps = new LostTimestamps(needs.container);
    this.#decode = new DecodeDecision({ config, decode, isOpen: isDecodeOpen, makesMedia, now });
    this.#audio = new AudioWatch({ ...audioExpectation(options), now });
    const isOpen = isDecodeOpen || this.#audio.verdict === 'open';
    this.#held = isOpen && makesMedia ? new HeldParts() : undefined;
    this.#media = new MediaIntake({
      renditions: makesMedia ? renditionNames(config) : [],
      container: needs.container,
      partSeconds: config.hls.partSeconds,
      segmentSeconds: config.hls.segmentSeconds,
      maxSegmentBytes: limits.maxSegmentBytes,
      now,
      onPart: (rendition, part) => this.#deliver(rendition, part),
      onFailed: (error) => this.#mediaFailed(asError(error)),
    });
    this.#tail = new LogTail({ redact, onLine: (line) => this.#line(line) });
    this.#pictures = new PictureIntake({
      now,
      delay,
      expectsPackets: isCopyable(source, config.device),
      frames,
      onArrived: () => {
        this.#pictureCount += 1;
        this.#watch.picture();
      },
      onDated: (ptsSeconds) => {
        this.#decode.picture(ptsSeconds);
        listener.frame?.();
      },
      onPacket: (packet) => {
        this.#decode.packet(packet);
        if (this.#audio.video()) void this.#decideWithin(this.#audio.patienceMs + TIMER_MS);
      },
      onKeyframeStart: (bytes) => {
        this.#decode.keyframeStart(bytes);
        this.#lacksParameterSets = findSps(bytes) === undefined;
        this.#reportOpened();
        this.#decide();
      },
      onResized: () => this.#replan({ kind: 'replanned', resized: true }),
    });
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get progress(): Progress | undefined {
    return this.#progress;
  }

  /** Undefined until ffmpeg has reported its position. */
  get position(): Position | undefined {
    const { outSeconds: mediaSeconds, frames } = this.#progress ?? {};
    const { progressAt: at } = this.#watch;
    if (this.pid === undefined || mediaSeconds === undefined || at === undefined) return undefined;
    return { pid: this.pid, at, mediaSeconds, frames };
  }

  /** Undefined until the source was opened. */
  get facts(): (SourceFacts & WarningFacts) | undefined {
    return this.#facts && { ...this.#facts, lacksParameterSets: this.#lacksParameterSets };
  }

  /** What the run was planned for. */
  get needs(): SourceNeeds {
    return this.#options.settings.needs;
  }

  get keyframeIntervalSeconds(): number | undefined {
    const { config, settings } = this.#options;
    return isOnlyCopied(config, settings.source) ? this.traits.keyframeGapSeconds : undefined;
  }

  /** What is decoded of the source, and why. */
  get decode(): DecodeChoice {
    return this.#decode.choice ?? this.#options.settings.decode;
  }

  /** The properties of the source's video, as far as this run has seen them. */
  get traits(): SourceTraits {
    return this.#decode.traits;
  }

  /** The last relevant lines of ffmpeg's log. */
  log(): readonly LogLine[] {
    return this.#tail.lines();
  }

  /** Settles when the process has exited and all its output has been processed. Never rejects. Call once. */
  run(): Promise<RunEnd> {
    this.#closed = this.#run().catch((cause: unknown) => ({ kind: 'failed', error: asError(cause) }) as const);
    return this.#closed;
  }

  /** Stops the run: ffmpeg may finish its last segment. Settles when it has exited. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#child !== undefined) await stopChild(this.#child, { delay: this.#options.system.delay });
    await this.#closed;
  }

  /** Ends the run, so that the stream starts another one like it at once. */
  restart(): void {
    this.#replan({ kind: 'replanned', restarted: true });
  }

  /** Ends the run as failed, unless it is already ending. */
  fail(error: SidepipeError): void {
    if (this.#isEnding) return;
    this.#failure = error;
    this.#end();
  }

  #end(): void {
    const { delay } = this.#options.system;
    const patienceMs = this.#isUnfit ? 0 : 500;
    if (this.#child !== undefined) void stopChild(this.#child, { delay, askMs: patienceMs, terminateMs: patienceMs });
  }

  get #isEnding(): boolean {
    return this.#replanned !== undefined || this.#failure !== undefined || this.#stopping;
  }

  #replan(end: Extract<RunEnd, { kind: 'replanned' }>): void {
    if (this.#isEnding) return;
    this.#replanned = end;
    this.#end();
  }

  /** A publisher reveals its codecs before a process is started: checks whether one of this plan would be useful. */
  async #suitsPublisher(): Promise<boolean> {
    const { feed, system } = this.#options;
    if (feed === undefined) return true;
    const codecs = await publisherCodecs({ feed, delay: system.delay, signal: this.#over.signal });
    if (codecs !== undefined) this.#plan(codecs);
    return !this.#isUnfit;
  }

  /** The source has been opened. */
  #opened(facts: SourceFacts): void {
    this.#facts = facts;
    this.#reportOpened();
    this.#plan(codecsOf(facts));
    if (this.#early !== undefined) this.fail(this.#early);
    this.#audio.opened(facts.audio !== undefined);
    this.#decide();
  }

  /** The log and the first keyframe arrive on separate pipes, in any order. */
  #reportOpened(): void {
    const { facts } = this;
    if (facts !== undefined) this.#options.listener.opened?.(facts);
  }

  /** The log and the media arrive on separate pipes, in any order. */
  #mediaFailed(error: SidepipeError): void {
    if (this.#facts === undefined) this.#early ??= error;
    else this.fail(error);
  }

  /** Whether the plan suits this source. */
  #plan(codecs: SourceCodecs): void {
    const { settings, feed } = this.#options;
    const { needs: planned } = settings;
    try {
      const isInterlaced = codecs.isInterlaced ?? planned.isInterlaced;
      // The source announces the same audio as before; its arrival is reported separately.
      const isAudioSilent = codecs.isAudioSilent || planned.isAudioSilent;
      const needs = this.#needsOf({ ...codecs, isInterlaced, isAudioSilent });
      if (suits(planned, needs)) return;
      this.#isUnfit = true;
      this.#replan({ kind: 'replanned', needs, codecs });
    } catch (cause) {
      this.#isUnfit = true;
      const error = asError(cause);
      this.fail(error);
      // Whatever it sends would be refused again.
      feed?.close('settings-unsuited', error.message);
    }
  }

  #needsOf(codecs: SourceCodecs): SourceNeeds {
    const { config, settings, makesMedia, webrtc } = this.#options;
    const { source, needs } = settings;
    if (!makesMedia) return { ...needs, isInterlaced: codecs.isInterlaced ?? false };
    return needsOf(codecs, wantedOf(config, source, webrtc));
  }

  async #run(): Promise<RunEnd> {
    try {
      if (!(await this.#suitsPublisher())) return this.#endOf({ code: 0, signal: null });
      const child = await this.#begin();
      void this.#failWhenStalled();
      const exit = await child.exited;
      this.#pictures.end();
      this.#tail.close();
      // A single frame is not playable.
      if (this.#isOnePicture(exit)) this.#isUnfit = true;
      this.#media.end();
      const facts = this.#factsReader.end();
      if (facts !== undefined) this.#opened(facts);
      if (this.#early !== undefined) this.fail(this.#early);
      // The source ended, or continues differently: what has arrived is listed.
      if (this.#replanned === undefined || 'reconfigured' in this.#replanned) this.#list();
      return await namedByContent(this.#endOf(exit), this.#options.settings.source);
    } finally {
      this.#route?.close();
      this.#over.abort();
    }
  }

  #line(line: LogLine): void {
    if (line.text.startsWith('Input #0')) this.#watch.opened();
    // The next run finds out the codec. Most sources have AAC.
    if (NEW_AUDIO.test(line.text)) this.#audioCame('appeared', 'aac');
    if (this.#redirects.isEndless(line.text)) this.#unreachable();
    if (this.#lostTimestamps.line(line.text, this.#options.system.now())) this.#jumped();
    const facts = this.#factsReader.line(line.text);
    if (facts !== undefined) this.#opened(facts);
    this.#pictures.line(line);
    this.#options.listener.line(line);
  }

  /**
   * The source's timestamps jumped in a way that ffmpeg does not follow: another ffmpeg starts with the new ones. Not for a file, which would
   * start over.
   */
  #jumped(): void {
    if (isFile(this.#options.settings.source) || this.#isEnding) return;
    // From now on the times are wrong.
    this.#isUnfit = true;
    this.#replan({ kind: 'replanned', jumped: true });
  }

  /** ffmpeg would retry endlessly. */
  #unreachable(): void {
    if (this.#failure !== undefined) return;
    const unknown = { message: 'The source cannot be reached.', code: 'source-unavailable', fault: 'source' } as const;
    const { message, ...options } = diagnose(this.#tail.lines()) ?? unknown;
    const stderr = this.#tail.lines().slice(-5).map(lineText);
    this.#isUnfit = true;
    this.fail(new SidepipeError(message, { ...options, retryable: true, details: { stderr } }));
  }

  async #begin(): Promise<Child> {
    const { delay } = this.#options.system;
    const { signal } = this.#over;
    const { child, route, flushesKeyframes, canFlush } = await launch(this.#options);
    this.#child = child;
    this.#route = route;
    this.#decode.flushes(canFlush);
    if (this.#stopping) void stopChild(child, { delay, askMs: 0 });
    // Requested while there was no process to end yet.
    else if (this.#replanned !== undefined || this.#failure !== undefined) this.#end();
    this.#read(child);
    const { feed } = this.#options;
    if (this.#held !== undefined) feed?.retain(true);
    if (child.media !== null) void this.#feed(child.media, { signal, flushKeyframes: flushesKeyframes });
    if (this.#held === undefined) feed?.retain(false);
    this.#openSnapshots(child);
    return child;
  }

  async #feed(media: Writable, options: { readonly signal: AbortSignal; readonly flushKeyframes: boolean }) {
    const end = await this.#options.feed?.pipe(media, options);
    if (end !== 'reconfigured' || this.#isEnding) return;
    this.#replanned = { kind: 'replanned', reconfigured: true };
    // Its input has ended, so ffmpeg writes everything it has read, and exits by itself.
    await this.#options.system.delay(DRAIN_MS, options.signal).catch(() => {});
    if (!options.signal.aborted) this.#end();
  }

  /** Reads everything that ffmpeg writes immediately, because a full pipe would stall the stream. */
  #read(child: Child): void {
    const { capabilities } = this.#options.ffmpeg;
    readReused(child.stdout, (piece) => {
      if (this.#failure !== undefined || this.#isUnfit) return;
      try {
        this.#pictures.pictures(piece);
      } catch (cause) {
        this.fail(asError(cause));
      }
    });
    this.#media.read(child.renditions);
    const { reportsSlowest } = capabilities.options;
    const media = new MediaProgress();
    const progress = new ProgressParser((told) => {
      const report = reportsSlowest ? media.report(told, this.#media.mediaSeconds, this.#options.system.now()) : told;
      const moved = report.outSeconds !== undefined && report.outSeconds !== this.#progress?.outSeconds;
      this.#progress = report;
      this.#watch.progress(report);
      // Media arrives in parts, so it does not show the time between frames.
      if (moved) this.#moved(report.outSeconds!, reportsSlowest ? undefined : report.frames);
      if (capabilities.hasNarrowTimestamps && (report.outSeconds ?? 0) > NARROW_SECONDS) this.restart();
    });
    readReused(child.side, (piece) => progress.push(piece));
    readReused(child.packets, (piece) => this.#pictures.packetTimes(piece));
    readReused(child.stderr, (piece) => this.#tail.push(piece));
    if (child.audio !== null) readReused(child.audio, () => this.#audioCame('heard', this.#facts?.audio?.codec));
    child.monitor?.on('data', (piece: Buffer) => this.#options.listener.monitor?.(piece));
    const { settings, listener } = this.#options;
    const { webrtc } = settings.needs;
    if (child.accessUnits.length > 0 && webrtc !== undefined) listener.accessUnits?.(child.accessUnits, webrtc);
  }

  #openSnapshots({ stdin, snapshots: output, exited }: Child): void {
    const { snapshots, system } = this.#options;
    if (output === null || stdin === null) return;
    const intake = new SnapshotIntake({
      write: (text) => void (stdin.writable && stdin.write(text)),
      isWanted: () => snapshots.isWanted,
      onPicture: (picture) => snapshots.offer(picture, this.#pictures.clock.timeOf(picture.ptsSeconds) ?? system.now()),
      onFailed: (error) => snapshots.fail(error),
    });
    readReused(output, (piece) => intake.push(piece));
    snapshots.from(intake);
    void exited.then(() => {
      snapshots.from(undefined);
      intake.close();
    });
  }

  #moved(outSeconds: number, frames: number | undefined): void {
    this.#pictures.position(outSeconds, frames);
    this.#decode.position(outSeconds);
    if (!this.#options.makesMedia) this.#decide();
  }

  #deliver(rendition: string, part: MediaPart): void {
    if (this.#isUnfit) return;
    const { config, listener } = this.#options;
    const isFirst = rendition === renditionNames(config)[0];
    if (isFirst) this.#audio.part(part);
    if (part.startsSegment && part.sequence > 0 && isFirst) this.#watch.segment();
    if (isFirst) {
      this.#decode.part(part);
      listener.sizes?.(part.units, part.completedAtMs);
    }
    if (this.#held === undefined) {
      listener.part(rendition, part, this.#pictures.clock);
      this.#warnOfRareKeyframes();
      if (this.#audio.verdict === 'silent') this.#audioSilent();
      return;
    }
    if (this.#held.isEmpty) void this.#decideWithin(LONGEST_DECISION_SECONDS * 1000 + TIMER_MS);
    this.#held.add(rendition, part);
    if (this.#held.isFull) {
      this.#decode.hurry();
      this.#audio.hurry();
    }
    this.#decide();
  }

  /** Nothing is listed before it is decided what is decoded and whether there is audio, because a restart then costs players nothing. */
  #decide(): void {
    const { settings, makesMedia } = this.#options;
    const { isDecodeOpen, decode } = settings;
    if (this.#isEnding || (makesMedia && this.#held === undefined)) return;
    const { verdict } = this.#audio;
    if (verdict === 'silent') {
      this.#audioSilent();
      return;
    }
    const choice = isDecodeOpen ? this.#decode.decide() : decode;
    if (choice === undefined) return;
    if (choice.mode !== decode.mode) this.#replan({ kind: 'replanned', decode: choice });
    else if (verdict === 'settled') this.#list();
  }

  /** The expected audio does not arrive: the next run does without it. */
  #audioSilent(): void {
    if (this.#facts?.audio === undefined) return;
    this.#isUnfit = this.#held !== undefined;
    this.#replanAudio('silent', { ...codecsOf(this.#facts), isAudioSilent: true });
  }

  /** Audio arrived that the plan does not include. `codec`: undefined while the source is not open. */
  #audioCame(change: AudioChange, codec: string | undefined): void {
    const { config, settings, makesMedia, system } = this.#options;
    const { source, addsAudioFrom = Number.NEGATIVE_INFINITY } = settings;
    if (!makesMedia || this.#facts === undefined || codec === undefined) return;
    if (wantedOf(config, source).audio === 'none' || isRecorded(source) || system.now() < addsAudioFrom) return;
    this.#replanAudio(change, { ...codecsOf(this.#facts), audio: codec, isAudioSilent: false });
  }

  #replanAudio(audio: AudioChange, codecs: SourceCodecs): void {
    if (this.#isEnding) return;
    try {
      this.#replan({ kind: 'replanned', audio, codecs, needs: this.#needsOf(codecs) });
    } catch (cause) {
      this.fail(asError(cause));
    }
  }

  /** Lists what was held back, and everything from now on. */
  #list(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    const { feed, listener } = this.#options;
    feed?.retain(false);
    for (const { rendition, part } of held.take()) listener.part(rendition, part, this.#pictures.clock);
  }

  /** The first impression of a source decides. Later a restart would be visible, while an older thumbnail only reports its age. */
  #warnOfRareKeyframes(): void {
    if (this.#isOutgrown || !this.#decode.isOutgrown) return;
    this.#isOutgrown = true;
    const { keyframeGapSeconds } = this.traits;
    this.#options.listener.rareKeyframes?.(keyframeGapSeconds!);
  }

  async #decideWithin(ms: number): Promise<void> {
    const { signal } = this.#over;
    await this.#options.system.delay(ms, signal).catch(() => {});
    if (!signal.aborted) this.#decide();
  }

  async #failWhenStalled(): Promise<void> {
    const stall = await this.#watch.stall(() => this.#media.lastAt, this.#over.signal);
    if (stall === undefined) return;
    this.fail(new SidepipeError(stall, { code: 'ffmpeg-stalled', fault: 'source', retryable: true }));
  }

  /** Whether an HTTP source sent a single image, like the URL of a camera's snapshot. */
  #isOnePicture({ code }: ChildExit): boolean {
    const { kind } = this.#options.settings.source;
    const { frames = 0 } = this.#progress ?? {};
    // Older versions output no frame at a constant rate if there is only one.
    const isOne = frames === 1 || (frames === 0 && this.#pictureCount === 1);
    return code === 0 && !this.#isEnding && (kind === 'http' || kind === 'mjpeg') && isOne;
  }

  #endOf(exit: ChildExit): RunEnd {
    if (this.#stopping) return { kind: 'stopped' };
    if (this.#failure !== undefined) return { kind: 'failed', error: this.#failure };
    if (this.#replanned !== undefined) return this.#replanned;
    const { config, settings, system } = this.#options;
    const { source } = settings;
    if (exit.code !== 0 && !isFile(source) && this.#lostTimestamps.isRecent(system.now()))
      return { kind: 'replanned', jumped: true };
    if (this.#isOnePicture(exit)) return { kind: 'failed', error: onePicture() };
    const isAudioMissing = this.#options.settings.needs.isAudioSilent || this.#audio.isMissing;
    return endOfItself({ exit, config, source, tail: this.#tail, isAudioMissing, facts: this.#facts });
  }
}

/** Which audio a run with these options waits for. */
function audioExpectation({ config, settings, makesMedia }: StreamRunOptions): Omit<AudioWatchOptions, 'now'> {
  const { source, needs } = settings;
  return {
    // Generated audio always arrives, and motion JPEG and video devices have none.
    isExpected: makesMedia && isCopyable(source, config.device) && needs.audio !== 'none' && needs.audio !== 'silence',
    isRecorded: isRecorded(source),
    isEncoded: !isCopied(config, source),
  };
}

/** ffmpeg does not always say what an unplayable file is. */
async function namedByContent(end: RunEnd, { kind, url }: RunSettings['source']): Promise<RunEnd> {
  if (end.kind !== 'failed' || end.error.code !== 'source-not-media' || kind !== 'file') return end;
  const message = await fileInWords(url.slice('file:'.length));
  return message === undefined ? end : { kind: 'failed', error: new SidepipeError(message, end.error) };
}

function onePicture(): SidepipeError {
  const message =
    "The source sends a single image and ends, like a camera's snapshot URL. Use the URL of its video (RTSP, HLS, motion JPEG).";
  return new SidepipeError(message, { code: 'source-not-media', fault: 'source', retryable: true });
}

function isFile({ kind }: RunSettings['source']): boolean {
  return kind === 'file' || kind === 'directory';
}
