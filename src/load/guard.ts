import type { Feed } from '../events/feed.js';
import type { StreamEvent } from '../events/stream-events.js';
import type { Logger } from '../telemetry/logger.js';
import type { Gauges, Metrics } from '../telemetry/metrics.js';
import { loadLevels } from '../terms.js';
import type { NodeLoadDescription } from './description.js';
import { type Machine, openMachine } from './host.js';
import { decideLoad, type LoadEffects, type LoadLimitsOf, type LoadMemory, loadEffects, loadWords } from './level.js';
import { type LoadSample, measuresBetween } from './measures.js';

export interface LoadGuardOptions {
  /** `guard` of the configuration. */
  readonly config: LoadLimitsOf & { readonly enabled: boolean; readonly intervalSeconds: number };
  /** Opened by `start`, where the guard is enabled. Default: the machine that this runs on. */
  readonly openMachine?: (() => Machine) | undefined;
  readonly feed: Pick<Feed, 'publish'>;
  readonly metrics: Pick<Metrics, 'streamsRefused' | 'onCollect'>;
  readonly log: Logger;
}

/** What a stream sees of the guard. */
export interface StreamLoad {
  readonly effects: LoadEffects;
}

/** Watches what the machine has to do, and says what is to be left out so that the streams that run are not harmed. */
export class LoadGuard implements StreamLoad {
  readonly #options: LoadGuardOptions;
  readonly #counts = { made: 0, dropped: 0, slowed: 0, refused: 0 };
  #machine: Machine | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sampling: Promise<void> | undefined;
  #last: LoadSample | undefined;
  #measures = measuresBetween(undefined, noSample);
  #memory: LoadMemory | undefined;
  /** Of the newest change, for people: milliseconds since the epoch. */
  #changedAt = Date.now();

  constructor(options: LoadGuardOptions) {
    this.#options = options;
    options.metrics.onCollect((gauges) => this.#collect(gauges));
  }

  get effects(): LoadEffects {
    return loadEffects[this.#level];
  }

  /** Why no further stream is taken, in words; undefined while one is. */
  get trouble(): string | undefined {
    return this.effects.takesStreams ? undefined : this.#words;
  }

  /** A stream was not taken. */
  refused(): void {
    this.#counts.refused += 1;
    this.#options.metrics.streamsRefused.inc();
  }

  /** Counts what becomes of good frames. */
  take(event: StreamEvent): void {
    if (event.type === 'thumbnail-repeated' || (event.type === 'thumbnail' && event.isFirst)) this.#counts.made += 1;
    else if (event.type === 'frame-dropped' && event.reason === 'encoder-busy') this.#counts.dropped += 1;
    else if (event.type === 'frame-dropped' && event.reason === 'slowed') this.#counts.slowed += 1;
  }

  /** Streams that may begin at one moment, of so many on a machine with little to do. */
  startsAtOnce(most: number): number {
    return Math.max(1, Math.floor(most * this.effects.startsShare));
  }

  describe(): NodeLoadDescription {
    const { cpu, loadPerCore, loopDelayMs, memoryAvailable, encoderDropped } = this.#measures;
    const { slowing, extras, takesStreams } = this.effects;
    const round = (value: number | undefined) => (value === undefined ? null : Math.round(value * 1000) / 1000);
    return {
      enabled: this.#options.config.enabled,
      level: this.#level,
      since: new Date(this.#changedAt).toISOString(),
      reasons: [...(this.#memory?.signals ?? [])],
      ...{ slowing, extras, takesStreams },
      picturesSlowed: this.#counts.slowed,
      streamsRefused: this.#counts.refused,
      measures: {
        cpu: round(cpu),
        loadPerCore: round(loadPerCore),
        loopDelayMs: round(loopDelayMs),
        memoryAvailable: round(memoryAvailable),
        encoderDropped: round(encoderDropped),
      },
    };
  }

  start(): void {
    const { config, openMachine: open = openMachine } = this.#options;
    if (!config.enabled) return;
    this.#machine = open();
    this.#timer = setInterval(() => {
      this.#sampling ??= this.#sample().finally(() => {
        this.#sampling = undefined;
      });
    }, config.intervalSeconds * 1000);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sampling;
    this.#machine?.close();
  }

  #collect({ loadLevel }: Pick<Gauges, 'loadLevel'>): void {
    for (const level of loadLevels) loadLevel.set({ level }, level === this.#level ? 1 : 0);
  }

  get #level() {
    return this.#memory?.level ?? 'normal';
  }

  get #words(): string {
    return loadWords(this.#memory?.signals ?? [], this.#measures);
  }

  /** Never rejects. */
  async #sample(): Promise<void> {
    const { config, log } = this.#options;
    try {
      const reading = await this.#machine!.read();
      const sample = { reading, encoder: { ...this.#counts } };
      this.#measures = measuresBetween(this.#last, sample);
      this.#last = sample;
    } catch (err) {
      log.warn({ err }, 'cannot read the load of the machine');
      return;
    }
    const before = this.#level;
    this.#memory = decideLoad(this.#memory, this.#measures, performance.now(), config);
    if (this.#level !== before) this.#tell(before);
  }

  #tell(before: LoadMemory['level']): void {
    const { feed, log } = this.#options;
    const level = this.#level;
    this.#changedAt = Date.now();
    const { reasons, measures, since: at } = this.describe();
    feed.publish({ type: 'load', at, level, before, reasons });
    const facts = { load: level, before, reasons, explanation: this.#words, ...measures };
    if (level === 'normal') log.info(facts, 'load normal: thumbnails as configured');
    else if (before === 'refusing') log.info(facts, 'load lower: new streams accepted again');
    else if (level === 'slowed') log.warn(facts, 'load high: thumbnails slowed');
    else log.warn(facts, 'load too high: new streams refused');
  }
}

const noSample: LoadSample = {
  reading: { cpu: undefined, loadPerCore: undefined, loopDelayMs: undefined, memory: undefined },
  encoder: { made: 0, dropped: 0 },
};
