import type { StreamEvent, StreamListener } from '../../events/stream-events.js';
import { segmentKey, thumbnailKey } from '../../storage/keys.js';
import type { PublishMetric } from '../../storage/publish/types.js';
import type { Trace, Tracer, TraceStep } from '../../telemetry/tracer.js';

/** The uploads of a stream that are traced. */
export interface TracedStream {
  readonly segments: boolean;
  readonly thumbnails: boolean;
}

interface Pending {
  readonly trace: Trace;
  readonly addedAt: number;
  steps: readonly TraceStep[];
}

export interface TracesOptions {
  readonly tracer: Tracer;
  /** Steady time. */
  readonly now: () => number;
  readonly dateOf: (at: number) => number;
  /** Maximum number of traces that wait for their uploads, over all streams. */
  readonly limit?: number;
}

/** After this wait for an upload a trace is sent unfinished. */
const PATIENCE_MS = 300_000;

/** Traces images and segments of all streams from their capture to the store, and sends each finished trace to a tracer. */
export class Traces {
  readonly #options: TracesOptions;
  /** By object key, oldest first; a thumbnail's key can have several. */
  readonly #pending = new Map<string, Pending[]>();
  #count = 0;

  constructor(options: TracesOptions) {
    this.#options = options;
  }

  /** A listener for one stream. Subscribe it before the uploads, because a trace must exist when its upload starts. */
  follow({ segments, thumbnails }: TracedStream): StreamListener {
    return (event) => {
      if (event.type === 'segment') this.#segment(event, segments);
      else if (event.type === 'thumbnail' && event.isFirst) this.#thumbnail(event, thumbnails && !event.unchanged);
    };
  }

  /** Takes the publisher's metrics. */
  observe(metric: PublishMetric): void {
    if (metric.type === 'upload' && metric.key !== undefined && metric.result !== 'failed') {
      this.#uploaded(metric.key, metric.seconds, metric.result === 'given-up');
    } else if (metric.type === 'listed') {
      for (const key of metric.keys) this.#listed(key);
    }
  }

  /** Sends all waiting traces. */
  close(): void {
    for (const key of [...this.#pending.keys()])
      this.#end(key, this.#pending.get(key)!.length, 'the node shut down first');
  }

  #thumbnail(event: Extract<StreamEvent, { type: 'thumbnail' }>, uploads: boolean): void {
    const { stream, format, image, capturedAt, passed } = event;
    if (passed === undefined) return;
    const { arrivedAt, judgedAt } = passed;
    const encodedAt = this.#options.now();
    const steps = [
      { name: 'capture', from: Math.min(capturedAt, arrivedAt), to: arrivedAt },
      { name: 'gate', from: arrivedAt, to: judgedAt },
      { name: 'encode', from: Math.max(judgedAt, encodedAt - image.encodeSeconds * 1000), to: encodedAt },
    ];
    const attributes = { 'sidepipe.stream': stream, 'sidepipe.format': format, 'sidepipe.bytes': image.bytes };
    this.#add(thumbnailKey(stream, format), { name: 'thumbnail', attributes, steps }, uploads);
  }

  #segment(event: Extract<StreamEvent, { type: 'segment' }>, uploads: boolean): void {
    const { stream, rendition, file, body, durationSeconds, startedAt, completedAt, listedAt } = event;
    const steps = [
      { name: 'capture', from: Math.min(startedAt, completedAt), to: completedAt },
      { name: 'list', from: completedAt, to: listedAt },
    ];
    const attributes = {
      'sidepipe.stream': stream,
      'sidepipe.rendition': rendition,
      'sidepipe.segment': file,
      'sidepipe.bytes': body.byteLength,
      'sidepipe.duration_seconds': durationSeconds,
    };
    this.#add(segmentKey(stream, rendition, file), { name: 'segment', attributes, steps }, uploads);
  }

  #add(key: string, trace: Trace, uploads: boolean): void {
    if (!uploads) {
      this.#record(trace);
      return;
    }
    const now = this.#options.now();
    this.#makeRoom(now);
    const line = this.#pending.get(key) ?? [];
    line.push({ trace, addedAt: now, steps: trace.steps });
    this.#pending.set(key, line);
    this.#count += 1;
  }

  #makeRoom(now: number): void {
    const { limit = 2000 } = this.#options;
    for (const [key, [oldest]] of this.#pending) {
      if (this.#count < limit && now - oldest!.addedAt < PATIENCE_MS) return;
      this.#end(key, 1, 'not uploaded');
    }
  }

  #uploaded(key: string, seconds: number, isGivenUp: boolean): void {
    const line = this.#pending.get(key);
    if (line === undefined) return;
    const to = this.#options.now();
    const from = to - seconds * 1000;
    // A newer image may have arrived while this one was sent; older ones were never sent.
    const sent = Math.max(1, line.filter(({ addedAt }) => addedAt <= from).length);
    this.#end(key, sent - 1, 'replaced by a newer one');
    const pending = this.#pending.get(key)![0]!;
    pending.steps = [...pending.steps, { name: 'upload', from: Math.max(from, pending.addedAt), to }];
    if (isGivenUp) this.#end(key, 1, 'given up');
    else if (pending.trace.name === 'thumbnail') this.#end(key, 1);
  }

  #listed(key: string): void {
    const pending = this.#pending.get(key)?.[0];
    if (pending === undefined) return;
    const to = this.#options.now();
    pending.steps = [...pending.steps, { name: 'remote playlist', from: pending.steps.at(-1)?.to ?? to, to }];
    this.#end(key, 1);
  }

  /** Sends the oldest traces of a key. */
  #end(key: string, count: number, failure?: string): void {
    const line = this.#pending.get(key) ?? [];
    for (const { trace, steps } of line.splice(0, count)) {
      this.#count -= 1;
      this.#record({ ...trace, steps, ...(failure !== undefined && { failure }) });
    }
    if (line.length === 0) this.#pending.delete(key);
  }

  #record(trace: Trace): void {
    const { tracer, dateOf } = this.#options;
    const steps = trace.steps.map((step) => ({ ...step, from: dateOf(step.from), to: dateOf(step.to) }));
    tracer.record({ ...trace, steps });
  }
}
