import type { PublishEvent, PublishMetric } from '../storage/publish/types.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { StreamEvent, StreamEvents } from './events.js';

/** Counts what the publisher did. Its gauges, backlog and lag, are read at the moment of asking instead. */
export function observeUploads(
  metrics: Metrics,
  /** Clearing up goes on when a stream is gone, and its series must not come back. */
  isKnown: (stream: string) => boolean = () => true,
): (metric: PublishMetric) => void {
  return (metric) => {
    if ((metric.type === 'deleted' || metric.type === 'audited') && !isKnown(metric.stream)) return;
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

/** Logs what the publisher tells operators, one line an event, and tells what becomes of a stream's copy on the store. */
export function tellUploads(log: Logger, events: Pick<StreamEvents, 'publish'>): (event: PublishEvent) => void {
  return ({ level, event, stream, message, details, error }) => {
    log[level]({ event, ...(stream && { stream }), ...details, ...(error && { err: error }) }, message);
    for (const type of changes[event] ?? [])
      if (stream) events.publish({ stream, type, at: Date.now(), details: details ?? {} });
  };
}

const changes: { readonly [E in PublishEvent['event']]?: readonly StreamEvent['type'][] } = {
  'playlist-lagging': ['lagging'],
  'playlist-caught-up': ['caught-up'],
  'audit-failed': ['unreadable'],
  'audit-passed': ['readable'],
  // What is there is another node's from now on.
  'lease-conflict': ['caught-up', 'readable'],
};
