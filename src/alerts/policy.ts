import { type AlertName, alertNames } from '../terms.js';
import type { AlertChange, AlertThresholds, StreamChange } from './alert.js';
import { conditionsOf, factsAfter, noFacts, type StreamFacts } from './conditions.js';

/** One alert of one stream. */
interface Watched {
  /** Start of the condition; undefined while it is absent. Milliseconds since the epoch, here and below. */
  heldSince: number | undefined;
  /** End of the condition. */
  goneSince: number;
  /** Set while the alert is raised: the start of its condition. */
  raisedSince: number | undefined;
  details: Readonly<Record<string, unknown>>;
}

export interface AlertPolicyOptions {
  /** Undefined: this stream has no alerts. */
  readonly thresholdsOf: (stream: string) => AlertThresholds | undefined;
}

/**
 * Turns the changes of streams into alerts: a condition that lasts raises one, and the alert clears only when the condition has
 * been gone for a while, so that a condition that comes and goes is one alert. Pure: time is a parameter.
 */
export class AlertPolicy {
  readonly #options: AlertPolicyOptions;
  readonly #facts = new Map<string, StreamFacts>();
  readonly #watched = new Map<string, Map<AlertName, Watched>>();

  constructor(options: AlertPolicyOptions) {
    this.#options = options;
  }

  /** Applies a change at `now`. Returns the alert changes that it causes at once. */
  change(change: StreamChange, now: number): readonly AlertChange[] {
    if (this.#options.thresholdsOf(change.stream) === undefined) return [];
    const due = this.tick(now);
    const facts = factsAfter(this.#facts.get(change.stream) ?? noFacts, change);
    this.#facts.set(change.stream, facts);
    const conditions = conditionsOf(facts);
    // The source's clock may be ahead of this one.
    const at = Math.min(change.at, now);
    for (const alert of alertNames) {
      const watched = this.#of(change.stream, alert);
      if (conditions[alert] && watched.heldSince === undefined) {
        watched.heldSince = at;
        watched.details = change.details;
      } else if (!conditions[alert] && watched.heldSince !== undefined) {
        watched.heldSince = undefined;
        watched.goneSince = now;
        watched.details = change.details;
      }
    }
    return [...due, ...this.tick(now)];
  }

  /** Returns the alert changes that are due at `now`. */
  tick(now: number): readonly AlertChange[] {
    return [...this.#watched].flatMap(([stream, alerts]) => {
      const thresholds = this.#options.thresholdsOf(stream);
      if (thresholds === undefined) return [];
      return [...alerts].flatMap(([alert, watched]) => decide({ stream, alert, watched, thresholds, now }));
    });
  }

  /** Removes a stream. Returns its cleared alerts. */
  forget(stream: string, now: number): readonly AlertChange[] {
    const over = this.raised().filter((each) => each.stream === stream);
    this.#watched.delete(stream);
    this.#facts.delete(stream);
    return over.map((each) => ({ ...each, state: 'cleared', at: now, details: { removed: true } }));
  }

  /** The currently raised alerts. */
  raised(): readonly { readonly stream: string; readonly alert: AlertName; readonly since: number }[] {
    return [...this.#watched].flatMap(([stream, alerts]) =>
      [...alerts].flatMap(([alert, { raisedSince }]) =>
        raisedSince === undefined ? [] : [{ stream, alert, since: raisedSince }],
      ),
    );
  }

  #of(stream: string, alert: AlertName): Watched {
    const alerts = this.#watched.get(stream) ?? new Map<AlertName, Watched>();
    this.#watched.set(stream, alerts);
    const watched = alerts.get(alert) ?? { heldSince: undefined, goneSince: 0, raisedSince: undefined, details: {} };
    alerts.set(alert, watched);
    return watched;
  }
}

interface Decision {
  readonly stream: string;
  readonly alert: AlertName;
  readonly watched: Watched;
  readonly thresholds: AlertThresholds;
  readonly now: number;
}

function decide({ stream, alert, watched, thresholds, now }: Decision): AlertChange[] {
  const { raisedAfterSeconds, clearedAfterSeconds } = thresholds;
  const { details } = watched;
  // A clock that was set back would delay alerts by that much.
  if (watched.heldSince !== undefined) watched.heldSince = Math.min(watched.heldSince, now);
  else watched.goneSince = Math.min(watched.goneSince, now);
  if (watched.raisedSince === undefined) {
    const since = watched.heldSince;
    if (since === undefined || now - since < raisedAfterSeconds[alert] * 1000) return [];
    watched.raisedSince = since;
    return [{ stream, alert, state: 'raised', at: now, since, details }];
  }
  if (watched.heldSince !== undefined || now - watched.goneSince < clearedAfterSeconds * 1000) return [];
  const since = watched.raisedSince;
  watched.raisedSince = undefined;
  return [{ stream, alert, state: 'cleared', at: now, since, details }];
}
