import type { SidepipeError } from '../../../errors.js';
import type { Ticket } from '../queue/uploader.js';
import { fetchSegment } from '../segments/segment-job.js';
import type { RecordedSegment } from '../segments/window.js';
import type { StoreTarget } from '../target.js';

export interface RecordingCopiesOptions {
  readonly stream: string;
  readonly targets: readonly StoreTarget[];
  readonly counted: (error: SidepipeError | undefined) => void;
}

/** Segments of a recording that went to the fallback store, on their way to the first. Nothing waits for them. */
export class RecordingCopies {
  readonly #options: RecordingCopiesOptions;
  readonly #running = new Map<RecordedSegment<unknown>, { readonly ticket: Ticket; readonly target: StoreTarget }>();

  constructor(options: RecordingCopiesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#running.size;
  }

  begin(segments: readonly RecordedSegment<unknown>[], target: StoreTarget): void {
    const { stream, targets, counted } = this.#options;
    for (const segment of segments) {
      if (this.#running.has(segment)) continue;
      const ticket = target.uploader.submit({
        kind: 'rest',
        stream,
        order: 0,
        bytes: segment.bytes,
        run: async (store, attempt) => {
          await store.put(await fetchSegment(targets[segment.place]!.store, segment.key, attempt), attempt);
        },
        settled: (error) => {
          this.#running.delete(segment);
          if (!error) segment.place = target.place;
          counted(error);
        },
      });
      this.#running.set(segment, { ticket, target });
    }
  }

  close(): void {
    for (const { ticket, target } of this.#running.values()) target.uploader.cancel(ticket);
    this.#running.clear();
  }
}
