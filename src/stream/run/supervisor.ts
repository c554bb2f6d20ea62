import type { SidepipeError } from '../../errors.js';
import type { RtmpPublisher } from '../../ingest/rtmp/server-types.js';
import type { Monitor } from '../../monitor/monitor.js';
import type { StreamEnvironment } from '../environment.js';
import type { HlsOutput } from '../hls/hls-output.js';
import type { DecoderErrors } from '../pictures/decoder-errors.js';
import type { Snapshots } from '../pictures/snapshots.js';
import type { StreamImages } from '../pictures/stream-images.js';
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
  readonly images: StreamImages;
  readonly decoder: DecoderErrors;
  readonly snapshots: Snapshots;
  readonly monitor: Monitor | undefined;
  /** The source ended. */
  readonly onEnded: () => Promise<void>;
  /** The publisher did not return: the stream is idle until the next one. */
  readonly onGone: () => Promise<void>;
}

/** Keeps one stream running: one ffmpeg run after the other, each of which may fail. */
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
  /** Lets the node's next stream start. */
  #begun = () => {};
  /** When the newest run started to produce playable media. */
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

  /** Starts; retries until `stop`. */
  start(): void {
    const { env, state } = this.#options;
    if (env.nextPublisher === undefined) state.move('start');
    this.#supervised ??= this.#supervise();
  }

  /** Starts a new ffmpeg at once. */
  restart(): void {
    this.history.forgive();
    this.#endWait();
    this.#run?.restart();
  }

  /** Ends a delay that a denial has lengthened, because the operator may have fixed the cause. */
  retry(): void {
    if (!this.history.isHeldBack) return;
    this.history.forgive();
    this.#endWait();
  }

  #endWait(): void {
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  /** Stops ffmpeg. Settles when it has exited and no other will start. */
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
        env.log.info('source ended');
        await onEnded();
        return;
      }
      this.#lost(end.error);
      const until = AbortSignal.any([signal, this.#wake.signal]);
      await env.delay(this.history.delayMs, until).catch(() => {});
      this.history.attempt();
    }
  }

  /** Push only: the publisher for the next run. Between two publishers the stream waits; then it ends and starts over. */
  async #awaitPublisher(): Promise<RtmpPublisher | undefined> {
    const { env, state, onGone } = this.#options;
    const { nextPublisher: next, config, delay, log } = env;
    if (next === undefined) return undefined;
    const wasHere = state.state !== 'idle';
    const publisher = await awaitPublisher({
      next,
      graceMs: wasHere ? config.publish.graceSeconds * 1000 : undefined,
      onGone: async () => {
        log.info('publisher did not return: stream ended');
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
    const { env, hls, images, decoder, snapshots, monitor } = this.#options;
    const { signal } = this.#stopping;
    const choices = await this.choices.next();
    const begun = publisher === undefined ? await env.starts.enter(signal) : () => {};
    if (signal.aborted) return { kind: 'stopped' };
    this.#begun = begun;
    this.#mediaSince = undefined;
    hls.begin(choices.needs.container);
    monitor?.begin();
    const run = new StreamRun({
      ...{ ...env, ...part, ...choices, snapshots, frames: images.frames },
      feed: publisher,
      onMonitor: (piece) => monitor?.push(piece),
      // A frame alone does not make a stream playable, because HLS may not be able to carry the source's codec.
      onFrame: () => this.#begun(),
      makesMedia: true,
      onPart: (rendition, part, clock) => {
        hls.add(rendition, part, clock);
        this.#media();
      },
      onSizes: (sizes, now) => images.frames.pictureSizes(sizes, now),
      onRareKeyframes: (keyframeIntervalSeconds) =>
        env.log.warn({ keyframeIntervalSeconds }, 'thumbnails late: keyframe interval of the source increased'),
      onOpened: (facts) => this.choices.opened(facts),
      onLine: (line) => {
        env.log.debug({ ffmpeg: line.level, module: line.module }, line.text);
        decoder.line(line);
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
    env.log.info({ restarts: this.history.count }, 'stream live');
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
    // A repeated failure is logged once; its count is in the API and the metrics. A longer delay is logged again.
    const { delayMs, nextAttemptAt, isHeldBack } = this.history;
    const isLonger = isHeldBack && delayMs !== before.delayMs;
    const isNews = before.state !== state.state || before.code !== code || isLonger;
    const next = isHeldBack ? { nextAttemptAt: new Date(env.dateOf(nextAttemptAt!)).toISOString() } : {};
    const facts = { code, reason: message, failures: inARow, ...details, ...next };
    log[isNews ? 'warn' : 'debug'](facts, state.state === 'failed' ? 'stream failed' : 'stream recovering');
  }
}
