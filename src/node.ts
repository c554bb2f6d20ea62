import { resolve } from 'node:path';
import { alertEvent } from './alert-event.js';
import { Alerts } from './alerts/alerts.js';
import { ensureAdminToken } from './config/admin-token.js';
import { parseConfig } from './config/parse.js';
import type { Config, ConfigInput } from './config/schema.js';
import { playbackKeysOf } from './config/schema-access.js';
import { SecretKeeper } from './config/secret-keeper.js';
import { Control } from './control.js';
import { type Capabilities, readCapabilities } from './ffmpeg/capabilities.js';
import { EncoderDesk } from './ffmpeg/encoder-desk.js';
import { createOrphanGuard, type OrphanGuard } from './ffmpeg/guard.js';
import { findFfmpeg } from './ffmpeg/locate.js';
import { Fleet } from './fleet.js';
import { createSegmentSink, type SegmentSink } from './hls/sink.js';
import { type App, createApp } from './http/app.js';
import { createHttpServer, type HttpAddress } from './http/server.js';
import { appSettings, serverSettings } from './http-settings.js';
import { configureSharp } from './images/configure-sharp.js';
import { readOfflineFiles } from './images/offline-file.js';
import { createEgress, type Egress } from './ingest/egress.js';
import type { RtmpServer } from './ingest/rtmp/server-types.js';
import { readSource } from './ingest/source.js';
import type { NodeOptions } from './node-options.js';
import { PublisherDoor } from './publisher-door.js';
import { openPublishing, type Publishing } from './publishing.js';
import { type ReloadOptions, reload, reloadFrom } from './reload.js';
import { createStreamEvents, type StreamEvents } from './stream/events.js';
import { Feed } from './stream/feed.js';
import { Histories } from './stream/history.js';
import { LoadGuard } from './stream/load/guard.js';
import { restartOf } from './stream/plan.js';
import { StreamRegistry } from './stream/registry.js';
import { defaultRestartPolicy } from './stream/restart-policy.js';
import { SnapshotPlaces } from './stream/snapshots.js';
import { Starts } from './stream/starts.js';
import { openState } from './stream/state/open.js';
import { Stream } from './stream/stream.js';
import type { StreamDirectory } from './stream/types.js';
import type { WantedStream } from './stream/wanted.js';
import { system } from './system.js';
import { createEpisodes } from './telemetry/episodes.js';
import { createLogger } from './telemetry/logger.js';
import { createMetrics } from './telemetry/metrics.js';
import { openTracing, type Tracing } from './tracing.js';
import { version } from './version.js';

/** More than any sound segment; beyond it the source has no keyframes. */
const MAX_SEGMENT_BYTES = 512 * 1024 ** 2;
const TICK_MS = 1000;
const STATS_MS = 2000;

/** What all streams of a node share. */
interface Shared {
  readonly capabilities: Capabilities;
  readonly encoders: EncoderDesk;
  readonly guard: OrphanGuard;
  readonly sink: SegmentSink;
  readonly egress: Egress;
  /** Undefined: nothing leaves this node. */
  readonly publishing: Publishing | undefined;
  readonly starts: Starts;
  /** Undefined: no traces. */
  readonly tracing: Tracing | undefined;
}

/** A live-streaming node: every part, built from one configuration and closed in order. */
export class SidepipeNode {
  readonly config: Config;
  /** Answers any request of the HTTP contract; usable inside another server. */
  readonly fetch: (request: Request) => Response | Promise<Response>;
  readonly #options: NodeOptions;
  readonly #secrets: SecretKeeper;
  readonly #app: App;
  /** Keys are changed while streams run. */
  #playback: Config['playback'];
  readonly #log: ReturnType<typeof createLogger>;
  readonly #metrics = createMetrics({
    onCollectorError: (err) => this.#log.error({ err }, 'metrics could not be collected'),
  });
  readonly #streams = new StreamRegistry();
  readonly #events = createStreamEvents();
  readonly #feed = new Feed({ run: Date.now().toString(36), now: Date.now });
  readonly #load: LoadGuard;
  readonly #histories = new Histories();
  readonly #snapshotPlaces = new SnapshotPlaces();
  /** What `close` does, in order. */
  readonly #closers: (() => unknown)[] = [];
  #alerts: Alerts | undefined;
  #address: HttpAddress | undefined;
  readonly #door: PublisherDoor;
  #control: Control | undefined;
  #offlineFiles: ReadonlyMap<string, Uint8Array> = new Map();
  #starting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(input: ConfigInput | Config, options: NodeOptions) {
    this.config = ensureAdminToken(parseConfig(input)).config;
    this.#options = options;
    this.#playback = this.config.playback;
    this.#secrets = new SecretKeeper(this.config);
    const { log: destination, pretty = false } = options;
    const level = this.config.log.level;
    this.#log = createLogger({ level, redact: this.#secrets.redact, pretty, ...(destination && { destination }) });
    this.#door = new PublisherDoor(this.config, this.#log);
    this.#load = new LoadGuard({
      ...{ config: this.config.guard, openMachine: options.openMachine },
      ...{ feed: this.#feed, metrics: this.#metrics, log: this.#log },
    });
    this.#metrics.onCollect((gauges) => this.#streams.collect(gauges, this.#metrics));
    this.#app = createApp({
      ...appSettings(this.config),
      streams: this.#streams,
      control: () => this.#control,
      load: () => this.#load.describe(),
      metrics: this.#metrics,
      feed: this.#feed,
      histories: this.#histories,
      version,
      log: this.#log,
    });
    this.fetch = this.#app.fetch;
  }

  /** What happens to the streams, for whoever subscribes. */
  get events(): Pick<StreamEvents, 'subscribe'> {
    return this.#events;
  }

  get streams(): StreamDirectory {
    return this.#streams;
  }

  /** Where the HTTP listener is, once started; undefined with `listen: false`. */
  get address(): HttpAddress | undefined {
    return this.#address;
  }

  /** Where publishers are taken in, once started; empty when no stream waits for any. */
  get rtmpAddresses(): RtmpServer['addresses'] {
    return this.#door.addresses;
  }

  /** Throws a `SidepipeError` when ffmpeg, a port or the store cannot be used; nothing is left running then. */
  start(): Promise<void> {
    this.#starting ??= this.#start().catch(async (error: unknown) => {
      await this.close();
      throw error;
    });
    return this.#starting;
  }

  /** Ends every stream in order: last segments, ENDLIST, uploads within the deadline; then all that they stood on. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #start(): Promise<void> {
    configureSharp();
    this.#offlineFiles = await readOfflineFiles(this.config.streams);
    const capabilities = await readCapabilities(await findFfmpeg(this.config.ffmpeg.path));
    const guard = this.#closedLater(await createOrphanGuard(this.#options));
    const sink = this.#closedLater(createSegmentSink());
    const egress = this.#closedLater(createEgress({ networks: this.config.api.sources.networks }));
    await Promise.all([sink.start(), egress.start()]);
    const tracing = await this.#openTracing();
    const publishing = await this.#openPublishing(tracing);
    const { type } = this.config.storage;
    this.#log.info({ version, ffmpeg: capabilities.version, guard: guard.way, storage: type }, 'the node starts');
    if (this.#options.listen !== false) await this.#listen();
    this.#door.workWith(capabilities);
    this.#closedLater(this.#door);
    this.#alerts = this.#openAlerts();
    const ticking = setInterval(() => void this.#streams.tick(), TICK_MS);
    const counting = setInterval(() => this.#streams.tell(this.#feed, this.#histories), STATS_MS);
    this.#closers.unshift(
      () => clearInterval(ticking),
      () => clearInterval(counting),
    );
    this.#closers.unshift(() => this.#streams.close(this.#options.closeDeadlineMs ?? 5000));
    this.#closedLater(this.#load).start();
    const starts = new Starts({ atOnce: () => this.#load.startsAtOnce(this.config.limits.startsAtOnce) });
    const encoders = new EncoderDesk(capabilities);
    await this.#begin({ capabilities, encoders, guard, sink, egress, publishing, tracing, starts });
  }

  /** The streams, and whoever decides which there are. */
  async #begin(shared: Shared): Promise<void> {
    const { closeDeadlineMs = 5000, endedForMs = 30_000 } = this.#options;
    const fleet = this.#closedLater(
      new Fleet({
        registry: this.#streams,
        make: (wanted) => this.#makeStream(wanted, shared),
        onWanted: (wanted) => this.#onWanted(wanted),
        onGone: (name) => {
          this.#door.desk.dismiss(name);
          this.#alerts?.forget(name);
          this.#histories.forget(name);
        },
        ...{ feed: this.#feed, metrics: this.#metrics, log: this.#log, closeDeadlineMs, endedForMs },
      }),
    );
    const control = this.#closedLater(
      new Control({
        ...{ config: this.config, fleet, door: this.#door, load: this.#load, log: this.#log },
        state: openState(this.config, shared.publishing?.store),
        prepare: async (configs) => {
          this.#offlineFiles = await readOfflineFiles(configs);
        },
      }),
    );
    this.#control = control;
    await control.start();
  }

  #onWanted(wanted: readonly WantedStream[]): void {
    const configs = wanted.map(({ config }) => config);
    const playback = { name: '', ...this.#playback };
    this.#secrets.keep([...configs, playback]);
    this.#door.admit(wanted);
    this.#alerts?.watch(configs);
  }

  /**
   * Takes another configuration: streams that it has otherwise are begun anew, those that it lacks end, new ones begin, all
   * others run on; keys of playback count at once. Answers which other settings differ: they need a new node. Throws
   * `config-invalid` and changes nothing.
   */
  async reload(input: ConfigInput | Config): Promise<readonly string[]> {
    return reload(parseConfig(input), this.#reloading);
  }

  /** As `reload`, of a configuration that has yet to be read: what is wrong with it is logged, problem by problem. */
  reloadFrom(load: () => Promise<Config>): Promise<void> {
    return reloadFrom(load, this.#reloading);
  }

  get #reloading(): ReloadOptions {
    const adopt: ReloadOptions['adopt'] = (playback) => {
      this.#playback = playback;
    };
    return { config: { ...this.config, playback: this.#playback }, control: this.#control, log: this.#log, adopt };
  }

  async #close(): Promise<void> {
    for (const close of this.#closers) await close();
    this.#events.close();
    await this.#alerts?.close(this.#options.closeDeadlineMs ?? 5000);
    this.#log.info('the node has ended');
  }

  /** Notes a part for `close`, which closes the newest first. */
  #closedLater<T extends { close(): unknown }>(part: T): T {
    this.#closers.unshift(() => part.close());
    return part;
  }

  async #openTracing(): Promise<Tracing | undefined> {
    const tracing = await openTracing({ telemetry: this.config.telemetry, log: this.#log });
    this.#closers.unshift(() => tracing?.close(this.#options.closeDeadlineMs ?? 5000));
    return tracing;
  }

  async #openPublishing(tracing: Tracing | undefined): Promise<Publishing | undefined> {
    const { storage } = this.config;
    const isKnown = (stream: string) => this.#streams.get(stream) !== undefined;
    const publishing = await openPublishing({
      storage,
      log: this.#log,
      metrics: this.#metrics,
      events: this.#events,
      isKnown,
      traces: tracing?.traces,
    });
    this.#closers.unshift(() => publishing?.close(this.#options.closeDeadlineMs ?? 5000));
    return publishing;
  }

  #openAlerts(): Alerts {
    // More than all streams can tell of while one event is dealt with, which takes no waiting.
    const events = this.#events.subscribe({ limit: 10_000 });
    const { config } = this;
    const alerts = new Alerts({
      ...{ config, events, metrics: this.#metrics, log: this.#log },
      onChange: (change) => this.#feed.publish(alertEvent(change)),
      userAgent: `sidepipe/${version}`,
    });
    alerts.start();
    return alerts;
  }

  async #listen(): Promise<void> {
    const { fetch, direct } = this.#app;
    const server = createHttpServer({ ...serverSettings(this.config), fetch, direct, log: this.#log });
    this.#address = await server.start();
    this.#closedLater(server);
    // Listeners would hold the server up until its deadline.
    this.#closedLater(this.#feed);
    this.#log.info({ ...this.#address }, 'listening for HTTP');
  }

  /** For streams that came through the API the policy holds for as long as they live. */
  #makeStream({ config, origin }: WantedStream, shared: Shared): Stream {
    const log = this.#log.child({ stream: config.name });
    const source = readSource(config.source, (path) => resolve(path), config.input.format);
    const { storage, http, ffmpeg } = this.config;
    return new Stream({
      ...{ ...shared, ...system, load: this.#load },
      publisher: shared.publishing?.publisher,
      traces: shared.tracing?.traces,
      config,
      origin,
      nextPublisher: config.source === 'push' ? (signal) => this.#door.desk.next(config.name, signal) : undefined,
      source,
      policy: origin === 'api' ? this.config.api.sources : undefined,
      storageType: storage.type,
      storageUrl: shared.publishing?.urlOf,
      storageTrouble: shared.publishing?.troubleOf,
      storageRequired: storage.required,
      cleanup: storage.cleanup,
      publicUrl: http.publicUrl,
      offlineFile: this.#offlineFiles.get(config.thumbnail.offline),
      events: this.#events,
      feed: this.#feed,
      snapshotPlaces: this.#snapshotPlaces,
      metrics: this.#metrics,
      playbackKeys: () => playbackKeysOf(this.#playback, config.playback),
      log,
      episodes: createEpisodes({ log }),
      restart: restartOf(config, source, { ...defaultRestartPolicy, ...this.#options.restart }),
      startTimeoutMs: ffmpeg.startTimeoutSeconds * 1000,
      stallTimeoutMs: ffmpeg.stallTimeoutSeconds * 1000,
      maxSegmentBytes: MAX_SEGMENT_BYTES,
      redact: this.#secrets.redact,
    });
  }
}

/**
 * Builds a node from a configuration. Throws `config-invalid` with every problem at once in `details.problems`.
 *
 * @example
 * const node = createNode({ streams: [{ name: 'door', source: 'rtsp://camera/1' }] });
 * await node.start();
 */
export function createNode(config: ConfigInput, options: NodeOptions = {}): SidepipeNode {
  return new SidepipeNode(config, options);
}
