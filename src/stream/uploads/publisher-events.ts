import type { Condition } from '../../events/condition-changes.js';
import type { NodeEvents } from '../../events/stream-events.js';
import type { PublishEvent, PublishMetric } from '../../storage/publish/types.js';
import type { Logger } from '../../telemetry/logger.js';
import type { Metrics } from '../../telemetry/metrics.js';

/** Updates metrics from the publisher's events. Its gauges, backlog and lag, are read on request instead. */
export function observeUploads(
  metrics: Metrics,
  /** Cleanup continues after a stream is removed, and its series must not reappear. */
  isKnown: (stream: string) => boolean = () => true,
): (metric: PublishMetric) => void {
  return (metric) => {
    if (metric.type !== 'backlog' && metric.type !== 'upload' && !isKnown(metric.stream)) return;
    if (metric.type === 'upload') {
      metrics.uploads.inc({ kind: metric.kind, result: metric.result });
      metrics.uploadSeconds.observe({ kind: metric.kind }, metric.seconds);
    } else if (metric.type === 'deleted') {
      metrics.deletedObjects.inc({ stream: metric.stream }, metric.objects);
    } else if (metric.type === 'lost') {
      metrics.lostSegments.inc({ stream: metric.stream, reason: metric.reason }, metric.segments);
    } else if (metric.type === 'restored') {
      metrics.restoredObjects.inc({ stream: metric.stream }, metric.objects);
    } else if (metric.type === 'audited') {
      const { stream, objects, problems } = metric;
      metrics.auditedSegments.inc({ stream, result: 'readable' }, objects - problems);
      metrics.auditedSegments.inc({ stream, result: 'unreadable' }, problems);
    }
  };
}

/** Logs the publisher's events, one line each, and emits changes of a stream's copy on the store. */
export function tellUploads(log: Logger, events: Pick<NodeEvents, 'emit'>): (event: PublishEvent) => void {
  return ({ level, event, stream, message, details, error }) => {
    log[level]({ event, ...(stream && { stream }), ...details, ...(error && { err: error }) }, message);
    if (stream === undefined) return;
    for (const condition of changes[event] ?? [])
      events.emit(stream, { type: 'publication', condition, details: details ?? {} });
  };
}

/** Problems with a stream's copy on the store become events, and so alerts. */
export function tellTroubles(events: Pick<NodeEvents, 'emit'>): (metric: PublishMetric) => void {
  return (metric) => {
    if (metric.type !== 'trouble') return;
    const { stream, trouble, holds, error } = metric;
    const condition = holds ? trouble : over[trouble];
    const { status, vendorCode, remedy } = error?.details ?? {};
    const details = error === undefined ? {} : { message: error.message, status, vendorCode, remedy };
    events.emit(stream, { type: 'publication', condition, details });
  };
}

const over = { refused: 'accepted', losing: 'complete' } as const;

const changes: { readonly [E in PublishEvent['event']]?: readonly Condition[] } = {
  'playlist-lagging': ['lagging'],
  'playlist-caught-up': ['caught-up'],
  'audit-failed': ['unreadable'],
  'audit-passed': ['readable'],
  // From now on the store's content belongs to another node.
  'lease-conflict': ['caught-up', 'readable', 'accepted', 'complete'],
};
