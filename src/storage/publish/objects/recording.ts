import type { SidepipeError } from '../../../errors.js';
import { parseKey, recordingKey } from '../../keys.js';
import type { RenditionUploadContext } from '../context.js';
import type { Ticket, Uploader } from '../queue/uploader.js';
import type { LoadSegment } from '../segments/segment-uploads.js';
import { type RecordedSegment, type RemoteWindow, startOf } from '../segments/window.js';
import type { RenditionUploadOptions } from '../types.js';
import { OverwrittenObject } from './overwritten-object.js';

export interface RecordingOptions<T> {
  readonly context: RenditionUploadContext;
  readonly rendition: string;
  readonly render: RenditionUploadOptions<T>['render'];
  readonly window: RemoteWindow<T>;
}

/** It is written again after growing by this factor, so that all writes together cost only a few times the last one. */
const GROWTH = 1.25;

/**
 * The playlist of one recording, under its own name. A later session overwrites the stream's playlist, but not this one, and the search for
 * orphans recognises by it that these segments are in use. It exists from the first segment of each session on, in case the node is killed.
 */
export class Recording<T> {
  readonly #options: RecordingOptions<T>;
  readonly #document: OverwrittenObject<undefined>;
  readonly #sessions = new Set<string>();
  #key: string | undefined;
  #segments = 0;
  #writtenSegments = 0;

  constructor(options: RecordingOptions<T>) {
    const { context, render, window } = options;
    this.#options = options;
    this.#document = new OverwrittenObject({
      kind: 'playlist',
      stream: context.options.name,
      settings: context.settings,
      target: context.target,
      ready: () => context.access.mayList(),
      content: () => {
        if (this.#key === undefined) return undefined;
        this.#writtenSegments = this.#segments;
        const list = window.settledRecording();
        const state = {
          ended: true,
          whole: true,
          targetDurationSeconds: context.durations.targetSeconds,
          ...startOf(list),
        };
        return { object: { ...render(list, state), key: this.#key }, note: undefined };
      },
      stored: () => context.released(),
      settled: context.counted,
    });
  }

  get idle(): boolean {
    return !this.#document.dirty;
  }

  /** A playlist that lists these segments for the first time is on the store. `final`: no more segments follow. */
  listed(keys: readonly string[], final: boolean): void {
    const { context, rendition } = this.#options;
    let isNew = false;
    for (const key of keys) {
      const session = parseKey(key)?.session;
      if (session === undefined || this.#sessions.has(session)) continue;
      this.#key ??= recordingKey(context.options.name, rendition, session);
      this.#sessions.add(session);
      isNew = true;
    }
    this.#segments += keys.length;
    if (isNew || final || this.#segments >= this.#writtenSegments * GROWTH) this.#document.mark();
  }

  /** No more segments follow: it is written as it is. */
  complete(): void {
    if (this.#segments > this.#writtenSegments) this.#document.mark();
  }

  resume(): void {
    this.#document.pump();
  }

  suspend(): void {
    this.#document.suspend();
  }

  /** The store is in use again. */
  restart(): void {
    if (this.#key !== undefined) this.#document.restart();
  }

  close(): void {
    this.#document.close();
  }
}

interface RecordingCopiesOptions {
  readonly stream: string;
  readonly uploader: Uploader;
  readonly counted: (error: SidepipeError | undefined) => void;
}

/** Copies segments of a recording to this store that were stored on another one. Nothing waits for them. */
export class RecordingCopies {
  readonly #options: RecordingCopiesOptions;
  readonly #running = new Map<RecordedSegment<unknown>, Ticket>();

  constructor(options: RecordingCopiesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#running.size;
  }

  start(segment: RecordedSegment<unknown>, load: LoadSegment): void {
    const { stream, uploader, counted } = this.#options;
    const ticket = uploader.submit({
      kind: 'rest',
      stream,
      order: 0,
      bytes: segment.bytes,
      run: async (store, attempt) => {
        await store.put(await load(attempt), attempt);
      },
      settled: (error) => {
        this.#running.delete(segment);
        if (!error) segment.isStored = true;
        counted(error);
      },
    });
    this.#running.set(segment, ticket);
  }

  /** Another store is in use, or none: segments that are not copied yet stay where they are. */
  stop(): void {
    for (const ticket of this.#running.values()) this.#options.uploader.cancel(ticket);
    this.#running.clear();
  }
}
