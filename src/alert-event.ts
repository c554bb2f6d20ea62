import type { AlertChange } from './alerts/alert.js';
import type { RecordedEvent } from './stream/feed-schema.js';

/** A change of an alert as the API's event stream tells it. Pure. */
export function alertEvent({ at, since, ...change }: AlertChange): RecordedEvent {
  return { type: 'alert', ...change, at: new Date(at).toISOString(), since: new Date(since).toISOString() };
}
