import { multivariantKey, playlistKey } from '../../keys.js';
import type { StoredObject } from '../../store.js';
import type { AuditedObject } from '../cleanup/audit.js';
import type { RenditionUploadContext } from '../context.js';
import { OverwrittenObject } from '../objects/overwritten-object.js';
import type { RenditionUploadOptions } from '../types.js';
import { type RenditionHandover, RenditionUpload } from './rendition-upload.js';

/** The renditions of one stream on the store, and the multivariant playlist, which is written once each has a playlist there. */
export class Renditions {
  readonly #context: RenditionUploadContext;
  readonly #lanes = new Map<string, RenditionUpload<unknown>>();
  readonly #multivariant: OverwrittenObject<undefined>;
  #render: (() => StoredObject | undefined) | undefined;

  constructor(context: RenditionUploadContext) {
    const { settings, options, target, counted } = context;
    this.#context = context;
    this.#multivariant = new OverwrittenObject({
      ...{ kind: 'playlist', stream: options.name, settings, target },
      ready: () => context.access.mayList() && this.areListed,
      content: () => {
        const object = this.#render?.();
        return object && { object, note: undefined };
      },
      stored: () => {},
      settled: counted,
      fence: () => context.fence(multivariantKey(options.name)),
    });
  }

  get lanes(): Iterable<RenditionUpload<unknown>> {
    return this.#lanes.values();
  }

  /** Each has a playlist on the store. */
  get areListed(): boolean {
    return this.#lanes.size > 0 && [...this.#lanes.values()].every((lane) => lane.isListed);
  }

  /** The largest lag of all renditions. Undefined before the first segment. */
  get lagSeconds(): number | undefined {
    const lags = [...this.#lanes.values()].map((lane) => lane.lagSeconds).filter((lag) => lag !== undefined);
    return lags.length === 0 ? undefined : Math.max(...lags);
  }

  /** Nothing that could be written is waiting. */
  get idle(): boolean {
    const lanesIdle = [...this.#lanes.values()].every((lane) => lane.idle);
    return lanesIdle && !(this.#multivariant.dirty && this.areListed);
  }

  /** Everything that players need of this stream except images. */
  expected(): readonly AuditedObject[] {
    const multivariant = this.#multivariant.expected();
    const lanes = [...this.#lanes.values()].flatMap((lane) => lane.expected());
    return multivariant === undefined ? lanes : [multivariant, ...lanes];
  }

  /** All playlists, starting with the one that lists the others. */
  get keys(): readonly string[] {
    const { name } = this.#context.options;
    return [multivariantKey(name), ...[...this.#lanes.keys()].map((lane) => playlistKey(name, lane))];
  }

  add<T>(options: RenditionUploadOptions<T>): RenditionUpload<T> {
    const lane = new RenditionUpload(this.#context, options);
    this.#lanes.set(options.name, lane as RenditionUpload<unknown>);
    return lane;
  }

  /** The content of the multivariant playlist has changed. */
  describe(render: () => StoredObject | undefined): void {
    this.#render = render;
    this.#multivariant.mark();
  }

  /** A rendition's playlist is on the store. */
  published(): void {
    this.#multivariant.pump();
  }

  /** Called about once a second. */
  watch(): void {
    for (const lane of this.#lanes.values()) lane.watch();
  }

  /** Number of segments that are not settled. */
  get waiting(): number {
    return [...this.#lanes.values()].reduce((sum, lane) => sum + lane.waiting, 0);
  }

  /** The lease was acquired. */
  resume(): void {
    for (const lane of this.#lanes.values()) lane.resume();
    this.#multivariant.pump();
  }

  /** Another writer has overwritten a playlist: none is written until it is known how they continue. */
  suspend(): void {
    for (const lane of this.#lanes.values()) lane.suspend();
  }

  /** Another process has written the stream in the meantime. */
  yield(): void {
    for (const lane of this.#lanes.values()) lane.yield();
    this.#multivariant.restart();
  }

  /** Another store is in use: returns the segments of this one by rendition. */
  handOver(isReadable: boolean): ReadonlyMap<string, RenditionHandover<unknown>> {
    this.#multivariant.suspend();
    return new Map([...this.#lanes].map(([name, lane]) => [name, lane.handOver(isReadable)]));
  }

  /** This store is in use from now on. */
  takeOver(from: ReadonlyMap<string, RenditionHandover<unknown>>): void {
    for (const [name, handover] of from) this.#lanes.get(name)?.takeOver(handover);
    this.#multivariant.restart();
  }

  /** Segments are being copied from another store. */
  get areCopying(): boolean {
    return [...this.#lanes.values()].some((lane) => lane.isCopying);
  }

  /** No player uses this store any more. */
  abandon(): void {
    for (const lane of this.#lanes.values()) lane.abandon();
  }

  close(): void {
    for (const lane of this.#lanes.values()) lane.close();
    this.#multivariant.close();
  }
}
