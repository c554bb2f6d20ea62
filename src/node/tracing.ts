import type { NodeClock } from '../clock.js';
import type { Config } from '../config/schema/schema.js';
import { Traces } from '../stream/uploads/traces.js';
import type { Logger } from '../telemetry/logger.js';
import { openTracer } from '../telemetry/tracer.js';
import { version } from '../version.js';

export interface TracingOptions {
  readonly telemetry: Config['telemetry'];
  readonly log: Logger;
  readonly clock: Pick<NodeClock, 'now' | 'dateOf'>;
}

/** Traces of images and segments, and the exporter to the collector. */
export interface Tracing {
  readonly traces: Traces;
  /** Exports pending traces within the deadline. */
  close(deadlineMs: number): Promise<void>;
}

/** Undefined without a configured collector: nothing is loaded then. */
export async function openTracing({ telemetry, log, clock }: TracingOptions): Promise<Tracing | undefined> {
  const { endpoint, headers = {}, sampleRatio } = telemetry.otlp;
  if (endpoint === undefined) return undefined;
  const tracer = await openTracer({ endpoint, headers, sampleRatio, version, log });
  const traces = new Traces({ tracer, now: clock.now, dateOf: clock.dateOf });
  return {
    traces,
    async close(deadlineMs) {
      traces.close();
      await tracer.close(deadlineMs);
    },
  };
}
