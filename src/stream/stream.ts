import type { SidepipeError } from '../errors.js';
import type { Publisher } from '../ingest/rtmp/server-types.js';
import type { Monitor } from '../monitor/monitor.js';
import { awaitPublisher } from './arrival.js';
import { StreamAudience } from './audience.js';
import { CpuClock } from './cpu-clock.js';
import { describeStream } from './description.js';
import type { StreamDiagnosis } from './diagnosis.js';
import type { StreamEnvironment } from './environment.js';
import type { StreamStats } from './feed-schema.js';
import { HlsOutput } from './hls-output.js';
import { ImageWatch } from './image-watch.js';
import { openMonitor } from './live-monitor.js';
import { Meter } from './meter.js';
import { listed, Outlets } from './outlets.js';
import { type Part, Parts } from './parts.js';
import { whyNotReady } from './readiness.js';
import { RestartLog } from './restart-log.js';
import { failuresAfter, restartDelayMs } from './restart-policy.js';
import { StreamRun } from './run.js';
import { RunChoices } from './run-choices.js';
import { lineText, type RunEnd } from './run-end.js';
import { Snapshots, snapshotRefusal } from './snapshots.js';
import { Standing } from './standing.js';
import { segmentEvent, statsOf, traceSegment } from './stats.js';
import { stillsOf } from './stills-page.js';
import type { StreamImages } from './stream-images.js';
import type {
  LiveStream,
  PlaybackKey,
  SnapshotOptions,
  SnapshotResource,
  StillsPage,
  StillsQuery,
  StreamDescription,
  StreamState,
} from './types.js';
import { StreamUploads } from './uploads.js';

/** How long the uploads of an ended stream may take before the next publisher's begin. */
const CLOSE_UPLOADS_MS = 5000;

/** One configured stream: outlives its ffmpeg runs, makes a new one whenever the last is gone. */
export class Stream implements LiveStream {
  readonly hls: HlsOutput;
  readonly monitor: Monitor | undefined;
  readonly audience: StreamAudience;
  readonly series = new Outlets();
  readonly #env: StreamEnvironment;
  readonly #standing: Standing;
  readonly #pictures: ImageWatch;
  readonly #snapshots: Snapshots;
  readonly #choices: RunChoices;
  #uploads: StreamUploads | undefined;
  readonly #meter = new Meter();
  readonly #cpu = new CpuClock();
  readonly #parts: Parts;
  readonly #restartLog = new RestartLog();
  readonly #closing = new AbortController();
  /** Ends the wait before the next attempt. */
  #wake = new AbortController();
  #reason: SidepipeError | undefined;
  #run: StreamRun | undefined;
  #begun = () => {};
  #supervised: Promise<void> | undefined;
  #mediaSince: number | undefined;
  #failures = 0;
  #restarts = 0;

  constructor(env: StreamEnvironment) {
    const { config, now, randomId, log } = env;
    this.#env = env;
    this.#standing = new Standing(env, this.series);
    this.#choices = new RunChoices(env);
    this.audience = new StreamAudience({ stream: config.name, metrics: env.metrics, now });
    this.#parts = new Parts(env.source, config.loop);
    this.#snapshots = new Snapshots({ places: env.snapshotPlaces });
    this.monitor = openMonitor(env);
    this.hls = new HlsOutput({
      config,
      randomId,
      now,
      onListed: (segment) => {
        // Before it is on its way.
        traceSegment(env, segment);
        this.#uploads?.segment(segment);
        this.series.segment(listed(segment));
        env.feed.publish(segmentEvent(config.name, segment.rendition, segment, now()));
      },
      onDescribed: () => this.#uploads?.multivariant(),
      onInspectionFailed: (err) =>
        log.warn({ err }, 'the first segment could not be read: no multivariant playlist yet'),
    });
    this.#pictures = new ImageWatch({ env, hls: this.hls, uploads: () => this.#uploads, outlets: this.series });
    this.#uploads = this.#openUploads();
  }

  get name(): string {
    return this.#env.config.name;
  }

  get images(): StreamImages {
    return this.#pictures.images;
  }

  get playbackKeys(): readonly PlaybackKey[] | undefined {
    return this.#env.playbackKeys();
  }

  get state(): StreamState {
    return this.#standing.state;
  }

  /** Begins; never gives up until `close`. */
  start(): void {
    if (this.#env.nextPublisher === undefined) this.#standing.move('start');
    this.#supervised ??= this.#supervise();
  }

  /**
   * Ends ffmpeg in order, ends the playlists, and uploads what is queued within the deadline. `goesOn`: another stream of this
   * name follows at once, so players are not told of an end.
   */
  async close(deadlineMs: number, { goesOn = false }: { readonly goesOn?: boolean } = {}): Promise<void> {
    this.#closing.abort();
    this.monitor?.close();
    await this.#run?.stop();
    await this.#supervised;
    await this.images.close();
    if (!goesOn) await this.#end('stop');
    await this.#uploads?.close(deadlineMs);
    this.series.close();
  }

  /** Begins a new ffmpeg at once, in the same window. False: the stream rests, there is nothing to begin anew. */
  restart(): boolean {
    if (this.#standing.state === 'idle') return false;
    this.#failures = 0;
    this.#wake.abort();
    this.#wake = new AbortController();
    this.#run?.restart();
    return true;
  }

  /** Once a second: lets go of what is due, tells of pictures that have grown old. */
  async tick(): Promise<void> {
    this.hls.expire();
    await this.#pictures.tick();
  }

  describe(): StreamDescription {
    return describeStream({
      env: this.#env,
      hls: this.hls,
      images: this.images,
      viewers: this.audience.viewers,
      uploads: this.#uploads?.status(),
      run: this.#run,
      state: this.#standing.state,
      since: this.#standing.since,
      reason: this.#standing.state === 'live' ? undefined : this.#reason,
      restarts: this.#restarts,
      ...{ decode: this.#choices.decode, encoders: this.#choices.encoders },
      decoderErrors: this.#pictures.decoderErrors,
      monitor: this.monitor?.status,
    });
  }

  /** What charts are drawn from. Asked for every few seconds: rates are those since the last time. */
  stats(): StreamStats {
    return statsOf({
      ...{ name: this.name, state: this.#standing.state, restarts: this.#restarts },
      readings: this.#meter.read(this.#run?.position, this.#env.now()),
      ...{ hls: this.hls, images: this.images.status, uploads: this.#uploads?.status() },
      keyframeIntervalSeconds: this.#run?.keyframeIntervalSeconds,
      viewers: this.audience.viewers,
    });
  }

  diagnose(): StreamDiagnosis {
    return { stderr: this.#run?.log().map(lineText) ?? [], restarts: this.#restartLog.list() };
  }

  stills(query: StillsQuery): StillsPage {
    return stillsOf(query, { ...this.#env, name: this.name, uploads: this.#uploads });
  }

  async snapshot(options: SnapshotOptions): Promise<SnapshotResource> {
    const refused = snapshotRefusal(this.#env, this.state);
    if (refused !== undefined) throw refused;
    return this.#snapshots.take(options);
  }

  notReady(): string | undefined {
    const stored = this.#env.storageRequired ? this.#uploads?.notReady() : undefined;
    return whyNotReady({
      ...{ state: this.#standing.state, reason: this.#reason?.message },
      isPlayable: this.hls.multivariant() !== undefined,
      thumbnail: this.images.status.state,
      stored: stored && this.#env.redact(stored),
    });
  }

  /** Undefined without a store. */
  get publicationState(): StreamDescription['storage']['state'] | undefined {
    return this.#uploads?.status().state;
  }

  /** What is on the store is behind by so much; undefined without a store or before there is anything to be behind. */
  get playlistLagSeconds(): number | undefined {
    return this.#uploads?.status().playlistLagSeconds ?? undefined;
  }

  /** CPU time of this stream's ffmpeg processes since the last call, in seconds. */
  async takeCpuSeconds(): Promise<number> {
    return this.#cpu.take(await this.#env.cpuSecondsOf(this.#run?.pid));
  }

  async #supervise(): Promise<void> {
    const { delay, random, restart, log } = this.#env;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const publisher = await this.#awaitPublisher();
      if (signal.aborted) return;
      const hadMedia = () => this.#mediaSince !== undefined;
      const run = (part: Part) => this.#runOnce(publisher, part);
      const end = await this.#parts.next({ publisher, signal, run, hadMedia });
      if (end.kind === 'stopped' || signal.aborted) return;
      if (end.kind === 'replanned' || end.kind === 'continued') continue;
      if (end.kind === 'ended') {
        log.info('the source has ended');
        await this.#end('ended');
        return;
      }
      this.#lost(end.error);
      const until = AbortSignal.any([signal, this.#wake.signal]);
      await delay(restartDelayMs(restart, this.#failures, random()), until).catch(() => {});
    }
  }

  /** Push only: the publisher to run for. Between two publishers the stream rests; then it is ended and begins anew. */
  async #awaitPublisher(): Promise<Publisher | undefined> {
    const { nextPublisher: next, config, delay, log } = this.#env;
    if (next === undefined) return undefined;
    const wasHere = this.#standing.state !== 'idle';
    const publisher = await awaitPublisher({
      next,
      graceMs: wasHere ? config.publish.graceSeconds * 1000 : undefined,
      onGone: async () => {
        log.info('the publisher has not come back: the stream has ended');
        this.#choices.anew();
        await this.#end('ended');
        await this.#uploads?.close(CLOSE_UPLOADS_MS);
        this.#uploads = this.#openUploads();
      },
      delay,
      signal: this.#closing.signal,
    });
    if (publisher !== undefined) this.#standing.move('start');
    return publisher;
  }

  #openUploads(): StreamUploads | undefined {
    const { config, publisher, cleanup } = this.#env;
    return publisher && new StreamUploads({ config, publisher, cleanup, hls: this.hls });
  }

  async #runOnce(publisher: Publisher | undefined, part: Part): Promise<RunEnd> {
    const { config, log, metrics } = this.#env;
    const { signal } = this.#closing;
    const choices = await this.#choices.next();
    const begun = publisher === undefined ? await this.#env.starts.enter(signal) : () => {};
    if (signal.aborted) return { kind: 'stopped' };
    this.#begun = begun;
    this.#mediaSince = undefined;
    this.hls.begin(choices.needs.container);
    this.monitor?.begin();
    const run = new StreamRun({
      ...{ ...this.#env, ...part, ...choices },
      feed: publisher,
      acquire: (bytes) => this.images.acquire(bytes),
      snapshots: this.#snapshots,
      onMonitor: (piece) => this.monitor?.push(piece),
      onPicture: (picture, capturedAt) => {
        metrics.framesCaptured.inc({ stream: config.name });
        this.series.frame(picture, capturedAt);
        this.images.offer(picture, capturedAt);
        this.#media();
      },
      onSegment: (rendition, segment, clock) => {
        const labels = { stream: config.name, rendition };
        metrics.segments.inc(labels);
        metrics.segmentBytes.inc(labels, segment.body.byteLength);
        this.hls.add(rendition, segment, clock);
        this.#media();
      },
      onLine: (line) => {
        log.debug({ ffmpeg: line.level, module: line.module }, line.text);
        this.#pictures.line(line);
      },
    });
    this.#run = run;
    const end = await run.run().finally(begun);
    return this.#choices.learn(end, run.log());
  }

  #media(): void {
    if (this.#mediaSince !== undefined) return;
    this.#mediaSince = this.#env.now();
    this.#begun();
    this.#reason = undefined;
    this.#standing.move('media');
    this.#env.log.info({ restarts: this.#restarts }, 'the stream is live');
  }

  #lost(error: SidepipeError): void {
    const { restart, now, metrics, log, config, redact } = this.#env;
    this.#failures = failuresAfter(restart, this.#failures, now() - (this.#mediaSince ?? now()));
    this.#restarts += 1;
    this.#env.feed.publish({
      ...{ type: 'restart', stream: config.name, restarts: this.#restarts },
      ...this.#restartLog.add(error, now(), redact),
    });
    const before = this.#standing.state;
    const { code, details, message } = error;
    this.#standing.move(this.#failures >= restart.exhaustedAfter ? 'exhausted' : 'lost', {
      code,
      message: redact(message),
    });
    metrics.ffmpegRestarts.inc({ stream: config.name, reason: code });
    // The same failure, again and again, is one event; its count is in the API and the metrics.
    const isNews = before !== this.#standing.state || this.#reason?.code !== code;
    this.#reason = error;
    log[isNews ? 'warn' : 'debug'](
      { code, failures: this.#failures, ...details },
      `the stream is ${this.#standing.state}: ${message}`,
    );
  }

  async #end(event: 'ended' | 'stop'): Promise<void> {
    if (this.#standing.state === 'idle') return;
    this.hls.end();
    this.#uploads?.end();
    this.#standing.move(event);
    await this.images.finish();
    await this.#pictures.uploadOffline();
  }
}
