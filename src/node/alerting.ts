import type { AlertChange } from '../alerts/alert.js';
import { Alerts } from '../alerts/alerts.js';
import type { NodeClock } from '../clock.js';
import type { Config } from '../config/schema/schema.js';
import type { ConditionChanges } from '../events/condition-changes.js';
import type { Feed } from '../events/feed.js';
import type { RecordedEvent } from '../events/feed-schema.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { version } from '../version.js';

export interface AlertingOptions {
  readonly config: Config;
  /** Events of the streams. */
  readonly events: Pick<ConditionChanges, 'subscribe'>;
  /** Called with every alert. */
  readonly feed: Pick<Feed, 'publish'>;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly clock: Pick<NodeClock, 'now' | 'dateOf'>;
}

/** More events than all streams can publish while one is processed, which is synchronous. */
const EVENTS_LIMIT = 10_000;

/** Starts the alerts for the events of a node's streams. */
export function openAlerts({ config, events, feed, metrics, log, clock }: AlertingOptions): Alerts {
  const alerts = new Alerts({
    ...{ config, metrics, log, now: clock.now, dateOf: clock.dateOf },
    events: events.subscribe({ limit: EVENTS_LIMIT }),
    onChange: (change) => feed.publish(alertEvent(change)),
    userAgent: `sidepipe/${version}`,
  });
  alerts.start();
  return alerts;
}

/** A change of an alert as an event of the API. */
function alertEvent({ at, since, ...change }: AlertChange): RecordedEvent {
  return { type: 'alert', ...change, at: new Date(at).toISOString(), since: new Date(since).toISOString() };
}
