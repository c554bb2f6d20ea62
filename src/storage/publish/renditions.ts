import { multivariantKey, playlistKey } from '../keys.js';
import type { StoredObject } from '../store.js';
import type { LaneContext } from './context.js';
import { Document } from './document.js';
import { Lane } from './lane.js';
import type { StoreTarget } from './target.js';
import type { RenditionLane, RenditionOptions } from './types.js';

/** The renditions of one stream on the stores, and the multivariant playlist, written once each of them has its own there. */
export class Renditions {
  readonly #context: LaneContext;
  readonly #lanes = new Map<string, Lane<unknown>>();
  readonly #multivariant: Document<undefined>;
  #render: (() => StoredObject | undefined) | undefined;

  constructor(context: LaneContext) {
    const { settings, options, target, counted } = context;
    this.#context = context;
    this.#multivariant = new Document({
      ...{ kind: 'playlist', stream: options.name, settings, target },
      ready: () => context.mayPublish() && this.areListed,
      content: () => {
        const object = this.#render?.();
        return object && { object, note: undefined };
      },
      stored: () => {},
      settled: counted,
      fence: (target) => context.fence(target, multivariantKey(options.name)),
    });
  }

  get lanes(): Iterable<Lane<unknown>> {
    return this.#lanes.values();
  }

  /** Each has a playlist on the store in use. */
  get areListed(): boolean {
    const { place } = this.#context.target();
    return this.#lanes.size > 0 && [...this.#lanes.values()].every((lane) => lane.listedOn(place));
  }

  /** How far the one that is furthest behind is. Undefined before the first segment. */
  get lagSeconds(): number | undefined {
    const lags = [...this.#lanes.values()].map((lane) => lane.lagSeconds).filter((lag) => lag !== undefined);
    return lags.length === 0 ? undefined : Math.max(...lags);
  }

  /** Nothing waits that could be written. */
  get idle(): boolean {
    const lanesIdle = [...this.#lanes.values()].every((lane) => lane.idle);
    return lanesIdle && !(this.#multivariant.dirty && this.areListed);
  }

  /** Of all playlists: first the one that lists the others. */
  get keys(): readonly string[] {
    const { name } = this.#context.options;
    return [multivariantKey(name), ...[...this.#lanes.keys()].map((lane) => playlistKey(name, lane))];
  }

  add<T>(options: RenditionOptions<T>): RenditionLane<T> {
    const lane = new Lane(this.#context, options);
    this.#lanes.set(options.name, lane as Lane<unknown>);
    return lane;
  }

  /** What the multivariant playlist says has changed. */
  describe(render: () => StoredObject | undefined): void {
    this.#render = render;
    this.#multivariant.mark();
  }

  /** A rendition's playlist is on the store. */
  published(): void {
    this.#multivariant.pump();
  }

  /** The lease was got. */
  resume(): void {
    for (const lane of this.#lanes.values()) lane.resume();
    this.#multivariant.pump();
  }

  /** Another process has written the stream meanwhile. */
  yield(): void {
    for (const lane of this.#lanes.values()) lane.yield();
    this.#multivariant.restart();
  }

  /** Another store is in use from now on. */
  moved(from: StoreTarget): void {
    for (const lane of this.#lanes.values()) lane.moved(from);
    this.#multivariant.restart();
  }

  /** Nobody is sent to this store any more. */
  abandon(target: StoreTarget): void {
    for (const lane of this.#lanes.values()) lane.abandon(target);
  }

  close(): void {
    for (const lane of this.#lanes.values()) lane.close();
    this.#multivariant.close();
  }
}
