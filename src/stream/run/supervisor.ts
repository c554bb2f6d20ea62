import { SidepipeError } from '../../errors.js';
import { type DirectoryPlaylist, type PlaylistFile, playlistOf } from '../../ingest/directory.js';
import type { Publisher } from '../../ingest/publisher.js';
import type { Source, UnknownSource } from '../../ingest/source.js';
import type { Monitor } from '../../monitor/monitor.js';
import type { StreamEnvironment } from '../environment.js';
import type { HlsOutput } from '../hls/hls-output.js';
import type { DecoderErrors } from '../pictures/decoder-errors.js';
import type { Snapshots } from '../pictures/snapshots.js';
import type { StreamImages } from '../pictures/stream-images.js';
import type { StateTracker } from '../state-machine.js';
import type { LiveViewers } from '../webrtc/live-viewers.js';
import { awaitPublisher, publisherRefused } from './await-publisher.js';
import { LearnedSettings } from './learned-settings.js';
import { RestartHistory } from './restart-history.js';
import { StreamRun } from './run.js';
import { asError, type RunEnd } from './run-end.js';
import type { RunListener, SourcePart } from './run-options.js';

export interface SupervisorOptions {
  readonly env: StreamEnvironment;
  readonly state: StateTracker;
  readonly hls: HlsOutput;
  readonly images: StreamImages;
  readonly decoder: DecoderErrors;
  readonly snapshots: Snapshots;
  readonly monitor: Monitor | undefined;
  readonly viewers: LiveViewers | undefined;
}

/** Keeps one stream running: one ffmpeg run after the other, each of which may fail. */
export class Supervisor {
  readonly history: RestartHistory;
  readonly learned: LearnedSettings;
  readonly #options: SupervisorOptions;
  readonly #parts: SourcePlaylist;
  readonly #listener: RunListener;
  readonly #stopping = new AbortController();
  /** Ends the wait before the next attempt. */
  #wake = new AbortController();
  #run: StreamRun | undefined;
  /** Lets the node's next stream start. */
  #leaveStarts = () => {};
  /** When the newest run started to produce playable media. */
  #mediaSince: number | undefined;

  constructor(options: SupervisorOptions) {
    const { config, source, restart, services, events, log } = options.env;
    const { system, encoders, redact, webrtc } = services;
    this.#options = options;
    this.#parts = new SourcePlaylist(source, config.loop);
    this.#listener = this.#listen();
    this.learned = new LearnedSettings({ config, source, events, log, encoders, webrtc, now: system.now });
    this.history = new RestartHistory({ restart, source, system, redact });
  }

  /** The newest; undefined before the first. */
  get run(): StreamRun | undefined {
    return this.#run;
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

  /** Stops ffmpeg, and ends `supervise`. Settles when it has exited. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#run?.stop();
  }

  /**
   * Runs the stream until there is nothing more to run. `ended`: the source ended. `gone`: the publisher did not return in time; call again
   * to wait for the next one. `stopped`: `stop` was called.
   */
  async supervise(): Promise<'ended' | 'gone' | 'stopped'> {
    const { env, state } = this.#options;
    const { signal } = this.#stopping;
    if (env.nextPublisher === undefined) state.move('start');
    while (!signal.aborted) {
      const publisher = await this.#awaitPublisher();
      if (signal.aborted) return 'stopped';
      if (publisher === 'gone') return 'gone';
      const hadMedia = () => this.#mediaSince !== undefined;
      const run = (part: SourcePart) => this.#runOnce(publisher, part);
      const end = await this.#parts.next({ publisher, signal, run, hadMedia });
      if (end.kind === 'stopped' || signal.aborted) return 'stopped';
      if (end.kind === 'replanned' || end.kind === 'continued') continue;
      if (end.kind === 'ended') {
        env.log.info('source ended');
        return 'ended';
      }
      this.#lost(end.error);
      const until = AbortSignal.any([signal, this.#wake.signal]);
      await env.services.system.delay(this.history.delayMs, until).catch(() => {});
      this.history.attempt();
    }
    return 'stopped';
  }

  /** Push only: the publisher for the next run. A stream that waited for it in vain has ended, and waits for the next one without a limit. */
  async #awaitPublisher(): Promise<Publisher | 'gone' | undefined> {
    const { env, state } = this.#options;
    const { nextPublisher: next, config, services, log } = env;
    if (next === undefined) return undefined;
    const graceMs = state.state === 'idle' ? undefined : config.publish.graceSeconds * 1000;
    const { delay } = services.system;
    const publisher = await awaitPublisher({ next, graceMs, delay, signal: this.#stopping.signal });
    if (publisher === 'gone') {
      log.info('publisher did not return: stream ended');
      this.learned.forget();
    } else if (publisher !== undefined) state.move('start');
    return publisher;
  }

  async #runOnce(publisher: Publisher | undefined, part: SourcePart): Promise<RunEnd> {
    const { env, hls, images, snapshots, monitor, viewers } = this.#options;
    const { config, policy, services } = env;
    const { ffmpeg, limits, system, redact, starts, webrtc } = services;
    const { signal } = this.#stopping;
    const settings = await this.learned.next();
    const leaveStarts = publisher === undefined ? await starts.enter(signal) : () => {};
    if (signal.aborted) return { kind: 'stopped' };
    this.#leaveStarts = leaveStarts;
    this.#mediaSince = undefined;
    hls.begin(settings.needs.container);
    monitor?.begin();
    viewers?.begin(settings.needs.webrtc, () => publisher?.requestKeyframe?.());
    const run = new StreamRun({
      config,
      settings,
      part,
      makesMedia: true,
      feed: publisher,
      policy,
      ffmpeg,
      limits,
      system,
      redact,
      webrtc,
      frames: images.frames,
      listener: this.#listener,
      snapshots,
    });
    this.#run = run;
    const end = await run.run().finally(leaveStarts);
    hls.closeSegments();
    return this.learned.learn(end, run.log(), run.traits);
  }

  /** Passes on what each run delivers. */
  #listen(): RunListener {
    const { env, hls, images, decoder, monitor, viewers } = this.#options;
    return {
      // A frame alone does not make a stream playable, because HLS may not be able to carry the source's codec.
      frame: () => this.#leaveStarts(),
      part: (rendition, part, clock) => {
        hls.add(rendition, part, clock);
        this.#media();
      },
      sizes: (sizes, now) => images.frames.pictureSizes(sizes, now),
      rareKeyframes: (keyframeIntervalSeconds) =>
        env.log.warn({ keyframeIntervalSeconds }, 'thumbnails late: keyframe interval of the source increased'),
      opened: (facts) => this.learned.opened(facts),
      line: (line) => {
        env.log.debug({ ffmpeg: line.level, module: line.module }, line.text);
        decoder.line(line);
        this.learned.line(line);
      },
      monitor: (piece) => monitor?.push(piece),
      accessUnits: (pipes, plan) => viewers?.read(pipes, plan),
    };
  }

  #media(): void {
    const { env, state } = this.#options;
    if (this.#mediaSince !== undefined) return;
    this.#mediaSince = env.services.system.now();
    this.#leaveStarts();
    this.history.overcome();
    state.move('media');
    env.log.info({ restarts: this.history.count }, 'stream live');
  }

  #lost(error: SidepipeError): void {
    const { env, state } = this.#options;
    const { log, events, services } = env;
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
    const next = isHeldBack ? { nextAttemptAt: new Date(services.system.dateOf(nextAttemptAt!)).toISOString() } : {};
    const facts = { code, reason: message, failures: inARow, ...details, ...next };
    log[isNews ? 'warn' : 'debug'](facts, state.state === 'failed' ? 'stream failed' : 'stream recovering');
  }
}

interface PartOptions {
  readonly publisher: Publisher | undefined;
  readonly signal: AbortSignal;
  readonly run: (part: SourcePart) => Promise<RunEnd>;
  /** Whether the last run had any media. */
  readonly hadMedia: () => boolean;
}

/** A source as a series of runs: one file of a directory after the other, or the same source repeatedly. */
class SourcePlaylist {
  readonly #playlist: DirectoryPlaylist | undefined;
  #attempt = 0;

  constructor(source: Source | UnknownSource, loop: boolean) {
    this.#playlist = playlistOf(source, loop);
  }

  /** The next run. Never rejects. */
  async next(options: PartOptions): Promise<RunEnd> {
    const end = await this.#run(options);
    if (end.kind !== 'failed') return end;
    if (!options.hadMedia()) this.#attempt += 1;
    return { ...end, error: (await publisherRefused(options.publisher)) ?? end.error };
  }

  async #run({ signal, run, hadMedia }: PartOptions): Promise<RunEnd> {
    const attempt = this.#attempt;
    if (this.#playlist === undefined) return run({ file: undefined, attempt });
    let file: PlaylistFile | undefined;
    try {
      file = await this.#playlist.next();
    } catch (error) {
      return { kind: 'failed', error: asError(error) };
    }
    if (file === undefined) return { kind: 'ended' };
    try {
      if (signal.aborted) return { kind: 'stopped' };
      const end = await run({ file, attempt });
      if (end.kind === 'replanned') this.#playlist.repeat();
      // Otherwise a directory of empty videos would be read as fast as processes can start.
      return end.kind !== 'continued' || hadMedia() ? end : { kind: 'failed', error: nothingIn(file.name) };
    } finally {
      await file.handle.close();
    }
  }
}

function nothingIn(name: string): SidepipeError {
  const message = `The file ${name} ended without any video.`;
  return new SidepipeError(message, { code: 'source-not-media', fault: 'source', retryable: true });
}
