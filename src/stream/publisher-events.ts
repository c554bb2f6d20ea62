import type { PublishEvent, PublishMetric } from '../storage/publish/types.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';

/** Counts what the publisher did. Its gauges, backlog and lag, are read at the moment of asking instead. */
export function observeUploads(metrics: Metrics): (metric: PublishMetric) => void {
  return (metric) => {
    if (metric.type === 'upload') {
      metrics.uploads.inc({ kind: metric.kind, result: metric.result });
      metrics.uploadSeconds.observe({ kind: metric.kind }, metric.seconds);
    } else if (metric.type === 'deleted') {
      metrics.deletedObjects.inc({ stream: metric.stream }, metric.objects);
    } else if (metric.type === 'audited') {
      const { stream, objects, problems } = metric;
      metrics.auditedSegments.inc({ stream, result: 'readable' }, objects - problems);
      metrics.auditedSegments.inc({ stream, result: 'unreadable' }, problems);
    }
  };
}

/** Logs what the publisher tells operators, one line an event, and counts what somebody should look at. */
export function logUploads(log: Logger, metrics: Metrics): (event: PublishEvent) => void {
  return ({ level, event, stream, message, details, error }) => {
    log[level]({ event, ...(stream && { stream }), ...details, ...(error && { err: error }) }, message);
    if (level !== 'info') metrics.storageAlerts.inc({ event });
  };
}
