import { resolve } from 'node:path';
import type { Hono } from 'hono';
import type { Alerts } from '../alerts/alerts.js';
import { NodeClock } from '../clock.js';
import { ensureAdminToken } from '../config/admin-token.js';
import { parseConfig } from '../config/parse.js';
import type { Config, ConfigInput } from '../config/schema/schema.js';
import { SecretKeeper } from '../config/secret-keeper.js';
import { isRecord } from '../config/tree.js';
import { Control } from '../control/control.js';
import type { DesiredStream } from '../control/desired-streams.js';
import { Fleet } from '../control/fleet.js';
import { StreamRegistry } from '../control/registry.js';
import { type ReloadOptions, reload, reloadFrom } from '../control/reload.js';
import { RtmpIngest } from '../control/rtmp-ingest.js';
import type { StateStore } from '../control/saved-streams.js';
import { stateFile } from '../control/state/file.js';
import { stateObject } from '../control/state/object.js';
import { setStreamGauges } from '../control/stream-gauges.js';
import { type ConditionChange, conditionChangeOf, createConditionChanges } from '../events/condition-changes.js';
import { Feed } from '../events/feed.js';
import { feedEventOf } from '../events/feed-events.js';
import { Histories } from '../events/history.js';
import { NodeEvents } from '../events/stream-events.js';
import type { Subscribable } from '../events/topic.js';
import { readCapabilities } from '../ffmpeg/capabilities.js';
import { EncoderProber } from '../ffmpeg/encoder-prober.js';
import { passedEnvironment } from '../ffmpeg/environment.js';
import { createOrphanGuard } from '../ffmpeg/guard.js';
import { findFfmpeg } from '../ffmpeg/locate.js';
import { createApp } from '../http/app.js';
import type { WebRtcAccess } from '../http/context.js';
import { createHttpServer, type HttpAddress } from '../http/server.js';
import { configureSharp } from '../images/configure-sharp.js';
import { readOfflineFiles } from '../images/offline/offline-file.js';
import { createEgress } from '../ingest/relay/egress.js';
import type { RtmpAddresses } from '../ingest/rtmp/server-types.js';
import { connectionBudget, descriptorProblem, readDescriptorLimit } from '../io/descriptors.js';
import { createPeerCheck } from '../io/loopback.js';
import { LoadGuard } from '../load/guard.js';
import type { ObjectStore } from '../storage/store.js';
import type { NodeStream } from '../stream/live-stream.js';
import { SnapshotPlaces } from '../stream/pictures/snapshot-places.js';
import { runLimitsOf } from '../stream/run/run-options.js';
import { StartLimiter } from '../stream/run/start-limiter.js';
import type { StreamCloseReason } from '../stream/stream.js';
import { systemOf } from '../stream/system.js';
import { createLogger, loggerDestination } from '../telemetry/logger.js';
import { createMetrics } from '../telemetry/metrics.js';
import { countStreamEvents } from '../telemetry/stream-metrics.js';
import { version } from '../version.js';
import { openAlerts } from './alerting.js';
import { appSettings, serverSettings } from './http-settings.js';
import { Lifetime } from './lifetime.js';
import { makeStream, type StreamParts } from './make-stream.js';
import type { NodeOptions } from './node-options.js';
import { createNodeStreams, type NodeStreams, streamOf } from './node-streams.js';
import { openPublishing, type Publishing } from './publishing.js';
import { openTracing } from './tracing.js';
import { openWebRtc, streamWebRtc } from './webrtc.js';

const TICK_MS = 1000;
const STATS_MS = 2000;

/** A live-streaming node: builds every part from one configuration and closes them in order. */
export class SidepipeNode {
  /** The complete configuration, including defaults and secrets. */
  readonly config: Config;
  /** The streams, and what creates, changes and removes them. */
  readonly streams: NodeStreams;
  /** Answers any request of the HTTP contract; usable inside another server. */
  readonly fetch: (request: Request) => Response | Promise<Response>;
  readonly #options: NodeOptions;
  readonly #secrets: SecretKeeper;
  readonly #app: Hono;
  /** Keys can change while streams run. */
  #playback: Config['playback'];
  readonly #log: ReturnType<typeof createLogger>;
  readonly #metrics = createMetrics({
    onCollectorError: (err) => this.#log.error({ err }, 'metrics collector failed'),
  });
  readonly #registry = new StreamRegistry();
  readonly #clock: NodeClock;
  readonly #events: NodeEvents;
  readonly #conditions = createConditionChanges();
  readonly #feed: Feed;
  readonly #load: LoadGuard;
  readonly #histories = new Histories();
  readonly #closeDeadlineMs: number;
  /** The steps of `close`, in order. */
  readonly #closers: (() => unknown)[] = [];
  readonly #forgetDropped: (() => void) | undefined;
  #alerts: Alerts | undefined;
  #address: HttpAddress | undefined;
  readonly #door: RtmpIngest;
  readonly #webrtc: WebRtcAccess | undefined;
  #control: Control | undefined;
  #publishing: Publishing | undefined;
  #offlineFiles: ReadonlyMap<string, Uint8Array> = new Map();
  readonly #lifetime = new Lifetime({ start: () => this.#start(), end: () => this.#end() });

  constructor(input: ConfigInput, options: NodeOptions) {
    this.config = ensureAdminToken(parseEmbeddedConfig(input)).config;
    this.#options = options;
    this.#closeDeadlineMs = options.closeDeadlineMs ?? 5000;
    this.#playback = this.config.playback;
    this.#secrets = new SecretKeeper(this.config);
    const { logger, log } = options;
    const destination = logger === undefined ? log : loggerDestination(logger);
    this.#log = createLogger({
      level: this.config.log.level,
      redact: this.#secrets.redact,
      pretty: logger === undefined && options.pretty === true,
      ...(destination && { destination }),
    });
    this.#clock = new NodeClock({
      ...(options.timeOfDay && { wall: options.timeOfDay }),
      onStep: ({ stepSeconds, before, after }) => {
        const times = { before: new Date(before).toISOString(), after: new Date(after).toISOString() };
        this.#log.warn({ stepSeconds, ...times }, 'system clock stepped');
      },
    });
    this.#feed = new Feed({ run: Date.now().toString(36), now: this.#clock.date });
    this.#forgetDropped = destination?.onDropped?.((lines) => this.#metrics.logLinesDropped.inc(lines));
    this.#door = new RtmpIngest(this.config, this.#log);
    this.#webrtc = openWebRtc({
      ...{ config: this.config, desk: this.#door.desk, streams: this.#registry },
      ...{ log: this.#log, now: this.#clock.now },
    });
    this.#load = new LoadGuard({
      config: this.config.guard,
      openMachine: options.openMachine,
      feed: this.#feed,
      metrics: this.#metrics,
      log: this.#log,
    });
    this.#events = new NodeEvents(this.#clock.date);
    this.streams = createNodeStreams({
      streams: this.#registry,
      control: () => {
        this.#lifetime.mustBeStarted();
        return this.#control!;
      },
    });
    this.#subscribe();
    this.#metrics.onCollect((gauges) => setStreamGauges(this.#registry.list(), gauges, this.#metrics));
    this.#app = createApp({
      ...appSettings(this.config),
      streams: this.#registry,
      node: {
        control: () => this.#control,
        load: () => this.#load.describe(),
        phase: () => this.#lifetime.phase,
        webrtc: this.#webrtc,
      },
      metrics: this.#metrics,
      feed: this.#feed,
      histories: this.#histories,
      now: this.#clock.date,
      steadyNow: this.#clock.now,
      version,
      log: this.#log,
    });
    this.fetch = this.#app.fetch;
  }

  /** States, and stale, black and frozen video, of all streams as they happen. */
  get events(): Subscribable<ConditionChange> {
    return this.#conditions;
  }

  /** The stream of this name. Throws `not-found` if there is none, and before `start`. */
  stream(name: string): NodeStream {
    return streamOf(this.#registry, name);
  }

  /** Address of the HTTP listener, once started; undefined with `listen: false`. */
  get address(): HttpAddress | undefined {
    return this.#address;
  }

  /** Where publishers are taken in, once started; empty when no stream waits for any. */
  get rtmpAddresses(): RtmpAddresses {
    return this.#door.addresses;
  }

  /** Throws a `SidepipeError` if ffmpeg, a port or the store is unusable, or after `close`: nothing is left running then. */
  start(): Promise<void> {
    return this.#lifetime.start();
  }

  /**
   * Stops every stream in order: last segments, uploads within the deadline; then everything that they depend on. Playlists get
   * ENDLIST only with the option `endStreams`, and for API streams that are not saved. A start in progress throws `aborted`.
   */
  close(): Promise<void> {
    return this.#lifetime.close();
  }

  /** `await using node = createNode(…)` closes it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Subscribes all consumers of stream events; the streams know none of them. */
  #subscribe(): void {
    this.#events.subscribe(countStreamEvents(this.#metrics));
    this.#events.subscribe((event) => this.#load.take(event));
    this.#events.subscribe((event) => {
      const told = feedEventOf(event);
      if (told !== undefined) this.#feed.publish(told);
    });
    this.#events.subscribe((event) => {
      const change = conditionChangeOf(event);
      if (change !== undefined) this.#conditions.publish(change);
    });
  }

  async #start(): Promise<void> {
    configureSharp();
    const { config } = this;
    this.#offlineFiles = await readOfflineFiles(config.streams);
    const { path, environment: names } = config.ffmpeg;
    const environment = passedEnvironment(process.env, names);
    const capabilities = await readCapabilities(await findFfmpeg(path), undefined, environment);
    this.#lifetime.mustBeOpen();
    const guard = this.#closedLater(await createOrphanGuard(this.#options));
    const isOwn = createPeerCheck();
    const egress = this.#closedLater(createEgress({ networks: config.api.sources.networks, isOwn }));
    await egress.start();
    const tracing = this.#closedLater(
      await openTracing({ telemetry: config.telemetry, log: this.#log, clock: this.#clock }),
    );
    const publishing = this.#closedLater(
      await openPublishing({
        storage: config.storage,
        log: this.#log,
        metrics: this.#metrics,
        events: this.#events,
        isKnown: (stream) => this.#registry.get(stream) !== undefined,
        traces: tracing?.traces,
      }),
    );
    this.#publishing = publishing;
    const { type } = config.storage;
    this.#log.info({ version, ffmpeg: capabilities.version, guard: guard.way, storage: type }, 'node starting');
    if (this.#options.listen !== false) await this.#listen();
    this.#door.workWith(capabilities);
    this.#closedLater(this.#door);
    this.#closedLater(this.#webrtc?.sessions);
    this.#alerts = openAlerts({
      config,
      events: this.#conditions,
      feed: this.#feed,
      metrics: this.#metrics,
      log: this.#log,
      clock: this.#clock,
    });
    this.#closedLater(
      every(TICK_MS, () => {
        this.#clock.check();
        void this.#registry.tick();
      }),
    );
    this.#closedLater(every(STATS_MS, () => this.#registry.tell(this.#feed, this.#histories, this.#clock.now())));
    this.#closedLater({ close: (deadlineMs) => this.#registry.close(deadlineMs, (name) => this.#reasonOf(name)) });
    this.#closedLater(this.#load).start();
    this.#lifetime.mustBeOpen();
    await this.#begin({
      services: {
        ffmpeg: { capabilities, guard, egress },
        limits: runLimitsOf(config.ffmpeg),
        encoders: new EncoderProber(capabilities),
        system: systemOf(this.#clock),
        load: this.#load,
        starts: new StartLimiter({ atOnce: () => this.#load.startsAtOnce(config.limits.startsAtOnce) }),
        snapshotPlaces: new SnapshotPlaces(),
        metrics: this.#metrics,
        publicUrl: config.http.publicUrl,
        webrtc: streamWebRtc(this.#webrtc, capabilities),
        redact: this.#secrets.redact,
      },
      events: this.#events,
      settings: config,
      restart: this.#options.restart,
      log: this.#log,
      door: this.#door,
      publishing,
      tracing,
      playback: () => this.#playback,
      offlineFile: (name) => this.#offlineFiles.get(name),
    });
    this.#lifetime.mustBeOpen();
  }

  /** Creates the streams and their control. */
  async #begin(parts: StreamParts): Promise<void> {
    const fleet = this.#closedLater(
      new Fleet({
        registry: this.#registry,
        make: (wanted) => makeStream(wanted, parts),
        listener: {
          wanted: (streams) => this.#onWanted(streams),
          gone: (name) => {
            this.#door.desk.dismiss(name);
            this.#alerts?.forget(name);
            this.#histories.forget(name);
          },
        },
        feed: this.#feed,
        metrics: this.#metrics,
        log: this.#log,
        closeDeadlineMs: this.#closeDeadlineMs,
        endedForMs: this.#options.endedForMs ?? 30_000,
      }),
    );
    const control = this.#closedLater(
      new Control({
        config: this.config,
        fleet,
        door: this.#door,
        load: this.#load,
        log: this.#log,
        state: openState(this.config, parts.publishing?.store),
        prepare: async (configs) => {
          this.#offlineFiles = await readOfflineFiles(configs);
        },
      }),
    );
    this.#control = control;
    await control.start();
  }

  /** Configured and saved streams continue after the node stops; unsaved API streams end. */
  #reasonOf(name: string): StreamCloseReason {
    return this.#options.endStreams || this.#control?.isForgotten(name) ? 'removed' : 'stopped';
  }

  #onWanted(wanted: readonly DesiredStream[]): void {
    const configs = wanted.map(({ config }) => config);
    const playback = { name: '', ...this.#playback };
    this.#secrets.keep([...configs, playback]);
    this.#door.admit(wanted);
    this.#alerts?.watch(configs);
  }

  /**
   * Applies another configuration: changed streams restart, missing ones end, new ones start, all others continue; playback keys
   * take effect at once. Returns the other settings that differ, which need a restart. Throws `config-invalid` and changes
   * nothing.
   */
  async reload(input: ConfigInput): Promise<readonly string[]> {
    return reload(parseEmbeddedConfig(input), this.#reloading);
  }

  /** Like `reload`, but loads the configuration first; each problem is logged. */
  async reloadFrom(load: () => Promise<Config>): Promise<void> {
    await Promise.all([reloadFrom(load, this.#reloading), this.#publishing?.renew()]);
  }

  get #reloading(): ReloadOptions {
    const adopt: ReloadOptions['adopt'] = (playback) => {
      this.#playback = playback;
    };
    return { config: { ...this.config, playback: this.#playback }, control: this.#control, log: this.#log, adopt };
  }

  async #end(): Promise<void> {
    for (const close of this.#closers) await close();
    this.#conditions.close();
    await this.#alerts?.close(this.#closeDeadlineMs);
    this.#log.info('shut down');
    this.#forgetDropped?.();
  }

  /** Registers a part with `close`, which closes the newest first. */
  #closedLater<Part extends { close(deadlineMs: number): unknown } | undefined>(part: Part): Part {
    this.#closers.unshift(() => part?.close(this.#closeDeadlineMs));
    return part;
  }

  async #listen(): Promise<void> {
    const { fetch } = this.#app;
    const limit = await readDescriptorLimit();
    const problem = descriptorProblem(limit, this.config.streams.length);
    if (problem !== undefined) this.#log.warn({ limit, ...problem }, 'limit of open files is low');
    const server = createHttpServer({
      ...serverSettings(this.config),
      connectionBudget: () => connectionBudget(limit, this.#registry.list().length),
      fetch,
      log: this.#log,
    });
    this.#address = await server.start();
    this.#closedLater(server);
    // Open event streams would keep the server from closing until its deadline.
    this.#closedLater(this.#feed);
    this.#log.info({ ...this.#address }, 'listening for HTTP');
  }
}

/** The configured place for saved API streams; undefined: they are not saved. */
function openState({ state, admin }: Config, store: ObjectStore | undefined): StateStore | undefined {
  if (state.file !== undefined) return stateFile(resolve(state.file));
  if (!state.store || store === undefined || admin.token === undefined) return undefined;
  return stateObject({ store, password: admin.token });
}

function every(intervalMs: number, task: () => void): { close(): void } {
  const timer = setInterval(task, intervalMs);
  return { close: () => clearInterval(timer) };
}

/**
 * Builds a node from a configuration. Its listeners are bound to 127.0.0.1 unless the configuration sets `http.host` and
 * `rtmp.host`. Throws `config-invalid` with every problem at once in `details.problems`.
 *
 * @example
 * const node = createNode({ streams: [{ name: 'door', source: 'rtsp://camera/1' }] });
 * await node.start();
 */
export function createNode(config: ConfigInput, options: NodeOptions = {}): SidepipeNode {
  return new SidepipeNode(config, options);
}

/** Reachable from this machine only. */
const LOOPBACK = '127.0.0.1';

/**
 * Validates a configuration that a program passes to the node. Its listeners are bound to loopback by default, so that a program opens no
 * port to the network by accident. The command line passes a complete configuration, with the hosts of its own default.
 * Throws `config-invalid`.
 */
export function parseEmbeddedConfig(input: unknown): Config {
  const given = input ?? {};
  if (!isRecord(given)) return parseConfig(given);
  return parseConfig({ ...given, http: onLoopback(given['http']), rtmp: onLoopback(given['rtmp']) });
}

function onLoopback(listener: unknown): unknown {
  const given = listener ?? {};
  return isRecord(given) ? { ...given, host: given['host'] ?? LOOPBACK } : given;
}
