import type { PublishEvent, PublishMetric } from '../storage/publish/types.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';

/** Counts what the publisher did. Its gauges are read at the moment of asking, so only ended uploads matter here. */
export function observeUploads(metrics: Metrics): (metric: PublishMetric) => void {
  return (metric) => {
    if (metric.type !== 'upload') return;
    const { kind, result, seconds } = metric;
    metrics.uploads.inc({ kind, result });
    metrics.uploadSeconds.observe({ kind }, seconds);
  };
}

/** Logs what the publisher tells operators, one line an event. */
export function logUploads(log: Logger): (event: PublishEvent) => void {
  return ({ level, event, stream, message, details, error }) => {
    log[level]({ event, ...(stream && { stream }), ...details, ...(error && { err: error }) }, message);
  };
}
