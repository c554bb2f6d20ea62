import type { StreamStats } from '../events/feed-schema.js';
import { StreamSeries } from '../events/stream-series.js';
import type { Monitor } from '../monitor/monitor.js';
import type { StreamState } from '../terms.js';
import { StreamAudience } from './audience.js';
import { type DescribedStream, describeStream } from './describe.js';
import type { StreamDescription } from './description.js';
import type { StreamDiagnosis } from './diagnosis.js';
import type { StreamEnvironment } from './environment.js';
import type { HlsOutput } from './hls/hls-output.js';
import { PublicationWatch } from './hls/publication-watch.js';
import { SegmentWatch } from './hls/segment-watch.js';
import type { LiveStream, PlaybackKey, SnapshotOptions, StillsPage, StillsQuery } from './live-stream.js';
import { ImageWatch } from './pictures/image-watch.js';
import { openMonitor } from './pictures/live-monitor.js';
import { Snapshots, snapshotRefusal } from './pictures/snapshots.js';
import type { StreamImages } from './pictures/stream-images.js';
import { readinessOf, type StreamReadiness } from './readiness.js';
import type { SnapshotResource } from './resources.js';
import { CpuClock } from './run/cpu-clock.js';
import { Meter } from './run/meter.js';
import { lineText } from './run/run-end.js';
import { Supervisor } from './run/supervisor.js';
import { statsOf } from './stats.js';
import { StateTracker } from './state-tracker.js';
import { stillsOf } from './uploads/stills-page.js';
import { StreamUploads } from './uploads/uploads.js';

/** How long the uploads of an ended stream may take before the next publisher's begin. */
const CLOSE_UPLOADS_MS = 5000;

/**
 * Why a stream is closed. `removed`: it is at its end, and the playlists say so. `replaced`: another stream of its name follows
 * at once. `stopped`: this node stops; the stream goes on when the node is started again, or on another node.
 */
export type StreamCloseReason = 'removed' | 'replaced' | 'stopped';

/** One configured stream as everyone sees it: what it plays and shows, what it tells of itself, its beginning and its end. */
export class Stream implements LiveStream {
  readonly monitor: Monitor | undefined;
  readonly audience: StreamAudience;
  readonly series = new StreamSeriesTopics();
  readonly #env: StreamEnvironment;
  readonly #standing: StateTracker;
  readonly #segments: SegmentWatch;
  readonly #pictures: ImageWatch;
  readonly #snapshots: Snapshots;
  readonly #published: PublicationWatch;
  readonly #supervisor: Supervisor;
  #uploads: StreamUploads | undefined;
  readonly #meter = new Meter();
  readonly #cpu = new CpuClock();

  constructor(env: StreamEnvironment) {
    const { config, now } = env;
    const uploads = () => this.#uploads;
    this.#env = env;
    this.#standing = new StateTracker(env, this.series);
    this.audience = new StreamAudience({ stream: config.name, metrics: env.metrics, now });
    this.#published = new PublicationWatch(env);
    this.#snapshots = new Snapshots({ places: env.snapshotPlaces });
    this.monitor = openMonitor(env);
    this.#segments = new SegmentWatch({ env, uploads, outlets: this.series });
    this.#pictures = new ImageWatch({ env, hls: this.hls, uploads, outlets: this.series });
    this.#supervisor = new Supervisor({
      ...{ env, standing: this.#standing, segments: this.#segments, pictures: this.#pictures },
      ...{ snapshots: this.#snapshots, monitor: this.monitor },
      onEnded: () => this.#end('ended'),
      onGone: () => this.#rest(),
    });
    this.#uploads = this.#openUploads();
  }

  get hls(): HlsOutput {
    return this.#segments.hls;
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
    this.#supervisor.start();
  }

  /** Ends ffmpeg in order, and uploads what is queued within the deadline. */
  async close(deadlineMs: number, reason: StreamCloseReason = 'removed'): Promise<void> {
    const stopped = this.#supervisor.stop();
    this.monitor?.close();
    await stopped;
    await this.images.close();
    if (reason === 'removed') await this.#end('stop');
    else this.#uploads?.pause();
    if (reason === 'stopped' && this.#standing.state !== 'idle') this.#standing.move('stop');
    await this.#uploads?.close(deadlineMs);
    this.series.close();
  }

  /** Begins a new ffmpeg at once, in the same window. False: the stream rests, there is nothing to begin anew. */
  restart(): boolean {
    if (this.#standing.state === 'idle') return false;
    this.#supervisor.restart();
    return true;
  }

  /** Tries at once where the source has denied access and the next attempt is far off. */
  retry(): void {
    this.#supervisor.retry();
  }

  /** Once a second: lets go of what is due, tells of pictures that have grown old. */
  async tick(): Promise<void> {
    this.hls.expire();
    this.#published.look(this.#standing.state, this.publicationState);
    await this.#pictures.tick();
  }

  describe(): StreamDescription {
    return describeStream(this.#facts);
  }

  /** What charts are drawn from. Asked for every few seconds: rates are those since the last time. */
  stats(): StreamStats {
    return statsOf(this.#facts, this.#meter.read(this.#supervisor.run?.position, this.#env.now()));
  }

  get #facts(): DescribedStream {
    const { state, since } = this.#standing;
    const { run, choices, setbacks } = this.#supervisor;
    const { decode, encoders } = choices;
    const { reason, count: restarts, nextAttemptAt } = setbacks;
    return {
      ...{ env: this.#env, hls: this.hls, images: this.images, run, uploads: this.#uploads?.status() },
      ...{ state, since, reason: state === 'live' ? undefined : reason, nextAttemptAt, restarts, decode, encoders },
      viewers: this.audience.viewers,
      decoderErrors: this.#pictures.decoderErrors,
      monitor: this.monitor?.status,
    };
  }

  diagnose(): StreamDiagnosis {
    const { run, setbacks } = this.#supervisor;
    return { stderr: run?.log().map(lineText) ?? [], restarts: setbacks.list() };
  }

  stills(query: StillsQuery): StillsPage {
    return stillsOf(query, { ...this.#env, name: this.name, uploads: this.#uploads });
  }

  async snapshot(options: SnapshotOptions): Promise<SnapshotResource> {
    const refused = snapshotRefusal(this.#env, this.state);
    if (refused !== undefined) throw refused;
    const snapshot = await this.#snapshots.take(options);
    return { ...snapshot, capturedAt: this.#env.dateOf(snapshot.capturedAt) };
  }

  readiness(): StreamReadiness {
    const stored = this.#env.storageRequired ? this.#uploads?.notReady() : undefined;
    return readinessOf({
      ...{ state: this.#standing.state, reason: this.#supervisor.setbacks.reason?.message },
      isPlayable: this.hls.multivariant() !== undefined,
      thumbnail: this.images.status.state,
      stored: stored && { ...stored, detail: stored.detail && this.#env.redact(stored.detail) },
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
    return this.#cpu.take(await this.#env.cpuSecondsOf(this.#supervisor.run?.pid));
  }

  /** Between two publishers: what comes next is another broadcast. */
  async #rest(): Promise<void> {
    await this.#end('ended');
    await this.#uploads?.close(CLOSE_UPLOADS_MS);
    this.#uploads = this.#openUploads();
  }

  #openUploads(): StreamUploads | undefined {
    const { config, publisher, cleanup, now } = this.#env;
    return publisher && new StreamUploads({ config, publisher, cleanup, hls: this.hls, now });
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
