import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace as traceApi } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  type SpanExporter,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import { createDeadline } from '../deadline.js';
import { createEpisodes, type Episodes } from './episodes.js';
import type { Trace, Tracer, TracerOptions } from './tracer.js';

/** Spans that wait, over all streams: some 2 MB. Those that come when it is full are dropped. */
const QUEUED_SPANS = 2048;
const BATCH_SPANS = 256;
const SEND_EVERY_MS = 2000;
const SEND_TIMEOUT_MS = 5000;

/** Sends traces to an OTLP/HTTP collector. No file but this one knows OpenTelemetry. */
export function createOtlpTracer({ endpoint, headers, sampleRatio, version, log }: TracerOptions): Tracer {
  const url = endpoint.endsWith('/v1/traces') ? endpoint : `${endpoint}/v1/traces`;
  const exporter = new OTLPTraceExporter({ url, headers: { ...headers }, timeoutMillis: SEND_TIMEOUT_MS });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'sidepipe', 'service.version': version }),
    sampler: new TraceIdRatioBasedSampler(sampleRatio),
    spanProcessors: [
      new BatchSpanProcessor(told(exporter, createEpisodes({ log })), {
        maxQueueSize: QUEUED_SPANS,
        maxExportBatchSize: BATCH_SPANS,
        scheduledDelayMillis: SEND_EVERY_MS,
        exportTimeoutMillis: 2 * SEND_TIMEOUT_MS,
      }),
    ],
  });
  const tracer = provider.getTracer('sidepipe', version);

  return {
    record({ name, attributes, steps, failure }: Trace) {
      const [first, last] = [steps[0], steps.at(-1)];
      if (first === undefined || last === undefined) return;
      const own = { ...attributes };
      const whole = tracer.startSpan(
        name,
        { startTime: first.from, kind: SpanKind.INTERNAL, attributes: own },
        ROOT_CONTEXT,
      );
      if (whole.isRecording()) {
        const within = traceApi.setSpan(ROOT_CONTEXT, whole);
        const stream = attributes['sidepipe.stream'];
        for (const { name: step, from, to } of steps) {
          const of = stream === undefined ? {} : { 'sidepipe.stream': stream };
          tracer.startSpan(step, { startTime: from, attributes: of }, within).end(Math.max(from, to));
        }
        if (failure !== undefined) whole.setStatus({ code: SpanStatusCode.ERROR, message: failure });
      }
      whole.end(Math.max(first.from, last.to));
    },
    async close(deadlineMs) {
      const deadline = createDeadline(deadlineMs);
      await Promise.race([provider.shutdown(), deadline.reached]).catch(() => undefined);
      deadline.clear();
    },
  };
}

/** The exporter, with its failures in the log: once an episode, and without the address, which can hold a secret. */
function told(exporter: SpanExporter, episodes: Episodes): SpanExporter {
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.code === 0) episodes.ended('traces-failed', 'the collector takes traces again');
        else
          episodes.happened('traces-failed', 'the collector takes no traces: they are dropped', {
            spans: spans.length,
          });
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
    ...(exporter.forceFlush && { forceFlush: () => exporter.forceFlush!() }),
  };
}
