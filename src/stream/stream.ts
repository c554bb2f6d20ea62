import type { StreamStats } from '../events/feed-schema.js';
import { type Segment, type StateChange, StreamTopics, type Thumbnail } from '../events/stream-series.js';
import type { SubscribeOptions, Subscription } from '../events/topic.js';
import type { Frame } from '../frames/frame.js';
import { Monitor } from '../monitor/monitor.js';
import type { StreamState } from '../terms.js';
import type { WhepBroadcast } from '../webrtc/whep/broadcast.js';
import { StreamAudience } from './audience.js';
import { type DescribedStream, describeStream } from './describe.js';
import type { StreamDescription } from './description.js';
import type { StreamDiagnosis } from './diagnosis.js';
import type { StreamEnvironment } from './environment.js';
import { HlsOutput, type ListedSegment } from './hls/hls-output.js';
import { PublicationWatch } from './hls/publication-watch.js';
import type { NodeStream, PlaybackKey, SnapshotOptions, StillsPage, StillsQuery } from './live-stream.js';
import { monitorPlan } from './outputs/plan.js';
import { DecoderErrors } from './pictures/decoder-errors.js';
import { Snapshots, snapshotRefusal } from './pictures/snapshots.js';
import { StreamImages } from './pictures/stream-images.js';
import { readinessOf, type StreamReadiness } from './readiness.js';
import type { SnapshotResource } from './resources.js';
import { Meter } from './run/meter.js';
import { lineText } from './run/run-end.js';
import { Supervisor } from './run/supervisor.js';
import { StateTracker } from './state-machine.js';
import { statsOf } from './stats.js';
import { stillsOf } from './uploads/stills-page.js';
import { StreamUploads } from './uploads/uploads.js';
import { type LiveViewers, openViewers } from './webrtc/live-viewers.js';

/** How long the uploads of an ended stream may take before those of the next publisher start. */
const CLOSE_UPLOADS_MS = 5000;

/**
 * Why a stream is closed. `removed`: it has ended, and the playlists say so. `replaced`: another stream with its name follows at once.
 * `stopped`: this node stops; the stream continues when the node is started again, or on another node.
 */
export type StreamCloseReason = 'removed' | 'replaced' | 'stopped';

/** One configured stream: its media and images, its status, its start and its end. */
export class Stream implements NodeStream {
  readonly monitor: Monitor | undefined;
  readonly audience: StreamAudience;
  readonly series = new StreamTopics();
  readonly hls: HlsOutput;
  readonly images: StreamImages;
  readonly #env: StreamEnvironment;
  readonly #state: StateTracker;
  readonly #decoder: DecoderErrors;
  readonly #snapshots: Snapshots;
  readonly #published: PublicationWatch;
  readonly #viewers: LiveViewers | undefined;
  readonly #supervisor: Supervisor;
  #supervised: Promise<void> | undefined;
  #uploads: StreamUploads | undefined;
  readonly #meter = new Meter();
  readonly #cpu = new CpuClock();

  constructor(env: StreamEnvironment) {
    const { config, events, storage, offlineFile, services } = env;
    const { system, load, metrics, snapshotPlaces } = services;
    const { now, dateOf } = system;
    this.#env = env;
    this.#state = new StateTracker({ events, now });
    this.#viewers = openViewers(env);
    const connected = () => this.whep?.status.viewers ?? 0;
    this.audience = new StreamAudience({ stream: config.name, metrics, now, connected });
    this.#published = new PublicationWatch({ config, events });
    this.#snapshots = new Snapshots({ places: snapshotPlaces });
    this.monitor = this.#openMonitor();
    this.hls = this.#openHls();
    this.#decoder = new DecoderErrors({ events, now });
    const uploads = storage.publisher && (() => this.#uploads?.pictures);
    this.images = new StreamImages({ config, events, hls: this.hls, load, uploads, offlineFile, now, dateOf });
    events.subscribe((event) => this.#uploads?.pictures.take(event));
    events.subscribe((event) => this.series.take(event));
    this.#supervisor = new Supervisor({
      env,
      state: this.#state,
      hls: this.hls,
      images: this.images,
      decoder: this.#decoder,
      snapshots: this.#snapshots,
      monitor: this.monitor,
      viewers: this.#viewers,
    });
    this.#uploads = this.#openUploads();
  }

  get name(): string {
    return this.#env.config.name;
  }

  /** Undefined without WebRTC. */
  get whep(): WhepBroadcast | undefined {
    return this.#viewers?.broadcast;
  }

  get playbackKeys(): readonly PlaybackKey[] | undefined {
    return this.#env.playbackKeys();
  }

  get state(): StreamState {
    return this.#state.state;
  }

  frames(options?: SubscribeOptions): Subscription<Frame> {
    return this.series.frames(options);
  }

  thumbnails(options?: SubscribeOptions): Subscription<Thumbnail> {
    return this.series.thumbnails(options);
  }

  segments(options?: SubscribeOptions): Subscription<Segment> {
    return this.series.segments(options);
  }

  states(options?: SubscribeOptions): Subscription<StateChange> {
    return this.series.states(options);
  }

  /** Starts; retries until `close`. */
  start(): void {
    this.#supervised ??= this.#supervise();
  }

  /** Stops ffmpeg, and uploads what is queued within the deadline. */
  async close(deadlineMs: number, reason: StreamCloseReason = 'removed'): Promise<void> {
    const stopped = this.#supervisor.stop();
    this.monitor?.close();
    this.whep?.close();
    await stopped;
    await this.#supervised;
    await this.images.close();
    if (reason === 'removed') await this.#end('stop');
    else this.#uploads?.pause();
    if (reason === 'stopped' && this.#state.state !== 'idle') this.#state.move('stop');
    await this.#uploads?.close(deadlineMs);
    this.series.close();
  }

  /** Starts a new ffmpeg at once, in the same window. False: the stream is idle, so there is nothing to restart. */
  restart(): boolean {
    if (this.#state.state === 'idle') return false;
    this.#supervisor.restart();
    return true;
  }

  /** Retries at once if the source has denied access and the next attempt is far off. */
  retry(): void {
    this.#supervisor.retry();
  }

  /** Called once per second: drops what is due, detects stale thumbnails. */
  tick(): void {
    this.hls.expire();
    this.#published.look(this.#state.state, this.publicationState);
    this.images.tick();
    this.#decoder.tick();
  }

  describe(): StreamDescription {
    return describeStream(this.#facts);
  }

  /** The data for charts. Read every few seconds: rates are those since the last call. */
  stats(): StreamStats {
    return statsOf(this.#facts, this.#meter.read(this.#supervisor.run?.position, this.#env.services.system.now()));
  }

  get #facts(): DescribedStream {
    const { state, since } = this.#state;
    const { run, learned, history } = this.#supervisor;
    const { decode, encoders } = learned;
    const { reason, count: restarts, nextAttemptAt } = history;
    return {
      env: this.#env,
      hls: this.hls,
      images: this.images,
      run,
      uploads: this.#uploads?.status(),
      state,
      since,
      reason: state === 'live' ? undefined : reason,
      nextAttemptAt,
      restarts,
      decode,
      encoders,
      viewers: this.audience.viewers,
      decoderErrors: this.#decoder.count,
      monitor: this.monitor?.status,
      whep: this.whep?.status,
    };
  }

  diagnose(): StreamDiagnosis {
    const { run, history } = this.#supervisor;
    return { stderr: run?.log().map(lineText) ?? [], restarts: history.list() };
  }

  stills(query: StillsQuery): StillsPage {
    const { urlOf } = this.#env.storage;
    return stillsOf(query, { urlOf, name: this.name, uploads: this.#uploads });
  }

  async snapshot(options: SnapshotOptions): Promise<SnapshotResource> {
    const { source, services } = this.#env;
    const refused = snapshotRefusal({ source, capabilities: services.ffmpeg.capabilities }, this.state);
    if (refused !== undefined) throw refused;
    const snapshot = await this.#snapshots.take(options);
    return { ...snapshot, capturedAt: services.system.dateOf(snapshot.capturedAt) };
  }

  readiness(): StreamReadiness {
    const stored = this.#env.storage.required ? this.#uploads?.notReady() : undefined;
    return readinessOf({
      state: this.#state.state,
      reason: this.#supervisor.history.reason?.message,
      isPlayable: this.hls.multivariant() !== undefined,
      thumbnail: this.images.status.state,
      stored: stored && { ...stored, detail: stored.detail && this.#env.services.redact(stored.detail) },
    });
  }

  /** Undefined without a store. */
  get publicationState(): StreamDescription['storage']['state'] | undefined {
    return this.#uploads?.status().state;
  }

  /** How far the store is behind; undefined without a store or before there is anything to publish. */
  get playlistLagSeconds(): number | undefined {
    return this.#uploads?.status().playlistLagSeconds ?? undefined;
  }

  /** CPU time of this stream's ffmpeg processes since the last call, in seconds. */
  async takeCpuSeconds(): Promise<number> {
    return this.#cpu.take(await this.#env.services.system.cpuSecondsOf(this.#supervisor.run?.pid));
  }

  /** Runs the stream until its source has ended or it is closed. */
  async #supervise(): Promise<void> {
    for (;;) {
      const end = await this.#supervisor.supervise();
      if (end === 'stopped') return;
      await this.#end('ended');
      if (end === 'ended') return;
      // Between two publishers: what follows is another broadcast.
      await this.#uploads?.close(CLOSE_UPLOADS_MS);
      this.#uploads = this.#openUploads();
    }
  }

  #openMonitor(): Monitor | undefined {
    const { config, events } = this.#env;
    const { name, monitor } = config;
    if (!monitor.enabled) return undefined;
    return new Monitor({
      name,
      ...monitorPlan(monitor),
      viewers: monitor.viewers,
      origins: monitor.origins ?? [],
      onDropped: () => events.emit({ type: 'monitor-dropped' }),
    });
  }

  #openUploads(): StreamUploads | undefined {
    const { config, storage, services } = this.#env;
    const { publisher, cleanup } = storage;
    return (
      publisher &&
      new StreamUploads({ config, publisher, cleanup, hls: this.hls, images: this.images, now: services.system.now })
    );
  }

  #openHls(): HlsOutput {
    const { config, services, log } = this.#env;
    const { randomId, now, dateOf } = services.system;
    return new HlsOutput({
      config,
      randomId,
      now,
      dateOf,
      log,
      onListed: (segment) => this.#listed(segment),
      onDescribed: () => this.#uploads?.multivariant(),
    });
  }

  #listed(segment: ListedSegment): void {
    const { rendition, file, body, entry, mediaSequence, discontinuitySequence, startedAt, completedAtMs } = segment;
    this.#env.events.emit({
      type: 'segment',
      rendition,
      file,
      body,
      durationSeconds: entry.durationSeconds,
      mediaSequence,
      discontinuitySequence,
      startedAt,
      completedAt: completedAtMs,
      listedAt: this.#env.services.system.now(),
    });
    this.#uploads?.segment(segment);
  }

  async #end(event: 'ended' | 'stop'): Promise<void> {
    if (this.#state.state === 'idle') return;
    this.hls.end();
    this.whep?.end();
    this.#uploads?.end();
    this.#state.move(event);
    await this.images.finish();
    await this.#uploads?.pictures.offline();
  }
}

/** CPU time of a series of processes, each of which starts at zero. */
class CpuClock {
  #last = 0;

  /** CPU time since the last call, in seconds; `total`: of the current process, undefined if there is none. */
  take(total: number | undefined): number {
    if (total === undefined) return 0;
    const spent = total >= this.#last ? total - this.#last : total;
    this.#last = total;
    return spent;
  }
}
