import type { SidepipeError } from '../../errors.js';
import type { RtmpPublisher } from '../../ingest/rtmp/server-types.js';
import type { Monitor } from '../../monitor/monitor.js';
import type { StreamEnvironment } from '../environment.js';
import type { HlsOutput } from '../hls/hls-output.js';
import type { ImageWatch } from '../pictures/image-watch.js';
import type { Snapshots } from '../pictures/snapshots.js';
import type { StateTracker } from '../state-tracker.js';
import { awaitPublisher } from './await-publisher.js';
import { LearnedSettings } from './learned-settings.js';
import { RestartHistory } from './restart-history.js';
import { StreamRun } from './run.js';
import type { RunEnd } from './run-end.js';
import { type Part, SourcePlaylist } from './source-playlist.js';

export interface SupervisorOptions {
  readonly env: StreamEnvironment;
  readonly state: StateTracker;
  readonly hls: HlsOutput;
  readonly pictures: ImageWatch;
  readonly snapshots: Snapshots;
  readonly monitor: Monitor | undefined;
  /** The source has come to its end. */
  readonly onEnded: () => Promise<void>;
  /** The publisher has gone for good: the stream rests until the next one. */
  readonly onGone: () => Promise<void>;
}

/** Keeps one stream running: one ffmpeg run after the other, of which each may fail. */
export class Supervisor {
  readonly history: RestartHistory;
  readonly choices: LearnedSettings;
  readonly #options: SupervisorOptions;
  readonly #parts: SourcePlaylist;
  readonly #stopping = new AbortController();
  /** Ends the wait before the next attempt. */
  #wake = new AbortController();
  #supervised: Promise<void> | undefined;
  #run: StreamRun | undefined;
  /** Lets the next stream of the node start. */
  #begun = () => {};
  /** When the newest run began to give media that plays. */
  #mediaSince: number | undefined;

  constructor(options: SupervisorOptions) {
    const { env } = options;
    this.#options = options;
    this.#parts = new SourcePlaylist(env.source, env.config.loop);
    this.choices = new LearnedSettings(env);
    this.history = new RestartHistory(env);
  }

  /** The newest; undefined before the first. */
  get run(): StreamRun | undefined {
    return this.#run;
  }

  /** Begins; never gives up until `stop`. */
  start(): void {
    const { env, state } = this.#options;
    if (env.nextPublisher === undefined) state.move('start');
    this.#supervised ??= this.#supervise();
  }

  /** Begins a new ffmpeg at once. */
  restart(): void {
    this.history.forgive();
    this.#endWait();
    this.#run?.restart();
  }

  /** Ends a wait that a denial has made long: the operator may have changed what was denied. */
  retry(): void {
    if (!this.history.isHeldBack) return;
    this.history.forgive();
    this.#endWait();
  }

  #endWait(): void {
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  /** Ends ffmpeg in order. Settles when it is gone and no other will come. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#run?.stop();
    await this.#supervised;
  }

  async #supervise(): Promise<void> {
    const { env, onEnded } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const publisher = await this.#awaitPublisher();
      if (signal.aborted) return;
      const hadMedia = () => this.#mediaSince !== undefined;
      const run = (part: Part) => this.#runOnce(publisher, part);
      const end = await this.#parts.next({ publisher, signal, run, hadMedia });
      if (end.kind === 'stopped' || signal.aborted) return;
      if (end.kind === 'replanned' || end.kind === 'continued') continue;
      if (end.kind === 'ended') {
        env.log.info('the source has ended');
        await onEnded();
        return;
      }
      this.#lost(end.error);
      const until = AbortSignal.any([signal, this.#wake.signal]);
      await env.delay(this.history.delayMs, until).catch(() => {});
      this.history.attempt();
    }
  }

  /** Push only: the publisher to run for. Between two publishers the stream rests; then it is ended and begins anew. */
  async #awaitPublisher(): Promise<RtmpPublisher | undefined> {
    const { env, state, onGone } = this.#options;
    const { nextPublisher: next, config, delay, log } = env;
    if (next === undefined) return undefined;
    const wasHere = state.state !== 'idle';
    const publisher = await awaitPublisher({
      next,
      graceMs: wasHere ? config.publish.graceSeconds * 1000 : undefined,
      onGone: async () => {
        log.info('the publisher has not come back: the stream has ended');
        this.choices.forget();
        await onGone();
      },
      delay,
      signal: this.#stopping.signal,
    });
    if (publisher !== undefined) state.move('start');
    return publisher;
  }

  async #runOnce(publisher: RtmpPublisher | undefined, part: Part): Promise<RunEnd> {
    const { env, hls, pictures, snapshots, monitor } = this.#options;
    const { signal } = this.#stopping;
    const choices = await this.choices.next();
    const begun = publisher === undefined ? await env.starts.enter(signal) : () => {};
    if (signal.aborted) return { kind: 'stopped' };
    this.#begun = begun;
    this.#mediaSince = undefined;
    hls.begin(choices.needs.container);
    monitor?.begin();
    const run = new StreamRun({
      ...{ ...env, ...part, ...choices, snapshots },
      feed: publisher,
      acquire: (bytes) => pictures.images.acquire(bytes),
      onMonitor: (piece) => monitor?.push(piece),
      // A picture alone is nothing that plays: the source's codec may be none that HLS carries.
      onPicture: (picture, capturedAt) => {
        pictures.offer(picture, capturedAt);
        this.#begun();
      },
      makesMedia: true,
      onPart: (rendition, part, clock) => {
        hls.add(rendition, part, clock);
        this.#media();
      },
      onSizes: (sizes, now) => pictures.images.pictureSizes(sizes, now),
      onRareKeyframes: (keyframeIntervalSeconds) =>
        env.log.warn(
          { keyframeIntervalSeconds },
          'thumbnails are late: the source sends keyframes more rarely than it did',
        ),
      onOpened: ({ video }) => this.choices.opened({ video }),
      onLine: (line) => {
        env.log.debug({ ffmpeg: line.level, module: line.module }, line.text);
        pictures.line(line);
        this.choices.line(line);
      },
    });
    this.#run = run;
    const end = await run.run().finally(begun);
    hls.closeSegments();
    return this.choices.learn(end, run.log(), run.traits);
  }

  #media(): void {
    const { env, state } = this.#options;
    if (this.#mediaSince !== undefined) return;
    this.#mediaSince = env.now();
    this.#begun();
    this.history.overcome();
    state.move('media');
    env.log.info({ restarts: this.history.count }, 'the stream is live');
  }

  #lost(error: SidepipeError): void {
    const { env, state } = this.#options;
    const { log, events } = env;
    const before = { state: state.state, code: this.history.reason?.code, delayMs: this.history.delayMs };
    const setback = this.history.add(error, this.#mediaSince);
    const { count, inARow, isExhausted } = this.history;
    const { code, message, details } = error;
    events.emit({ type: 'restart', restarts: count, code, message: setback.message, stderr: setback.stderr });
    state.move(isExhausted ? 'exhausted' : 'lost', { code, message: setback.message });
    // The same failure, again and again, is one event; its count is in the API and the metrics. A longer wait is another.
    const { delayMs, nextAttemptAt, isHeldBack } = this.history;
    const isLonger = isHeldBack && delayMs !== before.delayMs;
    const isNews = before.state !== state.state || before.code !== code || isLonger;
    const next = isHeldBack ? { nextAttemptAt: new Date(env.dateOf(nextAttemptAt!)).toISOString() } : {};
    const words = `the stream is ${state.state}: ${message}`;
    log[isNews ? 'warn' : 'debug']({ code, failures: inARow, ...details, ...next }, words);
  }
}
