import type { Logger } from './logger.js';

/** One step of a trace. Times: milliseconds since the epoch. */
export interface TraceStep {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** Something on its way through the node, told when it is over: a picture, or a media segment. */
export interface Trace {
  readonly name: 'thumbnail' | 'segment';
  /** Plain facts of the whole. No secret, and nothing that is different each time but names and sizes. */
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** In order; the trace begins with the first and ends with the last. */
  readonly steps: readonly TraceStep[];
  /** Why it did not come to its end. */
  readonly failure?: string;
}

/** Where traces go. */
export interface Tracer {
  /** Never waits and never throws: what does not fit into the queue is dropped. */
  record(trace: Trace): void;
  /** Sends what waits, within the deadline. */
  close(deadlineMs: number): Promise<void>;
}

export interface TracerOptions {
  /** Of an OTLP/HTTP collector; `/v1/traces` is put behind it unless it is there. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Which part of the traces is sent: from 0 to 1. */
  readonly sampleRatio: number;
  readonly version: string;
  /** Told once when the collector takes nothing, and once when it does again. */
  readonly log: Logger;
}

/** OpenTelemetry is loaded here, and only when this is called. */
export async function openTracer(options: TracerOptions): Promise<Tracer> {
  const { createOtlpTracer } = await import('./otlp.js');
  return createOtlpTracer(options);
}
