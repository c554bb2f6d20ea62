import { configInvalid } from '../config/problems.js';
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

const loadOtlp = () => import('./otlp.js');

/**
 * OpenTelemetry is loaded here, and only when this is called. Its packages are optional: throws `config-invalid` if one is missing.
 * `load` is for tests.
 */
export async function openTracer(options: TracerOptions, load = loadOtlp): Promise<Tracer> {
  const { createOtlpTracer } = await load().catch((error: unknown) => {
    const name = missingPackage(error);
    if (name === undefined) throw error;
    const message = `requires the optional package ${name}, which is not installed. Its version is in the package.json of sidepipe.`;
    throw configInvalid([{ path: 'telemetry.otlp.endpoint', message }]);
  });
  return createOtlpTracer(options);
}

/** The package of OpenTelemetry that could not be found, if this is the error. */
function missingPackage(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'ERR_MODULE_NOT_FOUND') return undefined;
  return /@opentelemetry\/[a-z-]+/.exec(error.message)?.[0];
}
