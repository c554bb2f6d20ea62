import { type AlertChange, type AlertName, type AlertThresholds, alertNames, type StreamChange } from './alert.js';
import { conditionsOf, factsAfter, noFacts, type StreamFacts } from './conditions.js';

/** One alert of one stream. */
interface Watched {
  /** The condition holds since then; undefined while it does not. Milliseconds since the epoch, here and below. */
  heldSince: number | undefined;
  /** It has been gone since then. */
  goneSince: number;
  /** Set while the alert is raised: when its condition began. */
  raisedSince: number | undefined;
  details: Readonly<Record<string, unknown>>;
}

export interface AlertPolicyOptions {
  /** Undefined: nobody is told of this stream. */
  readonly thresholdsOf: (stream: string) => AlertThresholds | undefined;
}

/**
 * Turns what streams tell of into alerts: a condition that lasts raises one, and only when it has been gone for a while is
 * the alert over, so that what comes and goes is told of once. Pure: time is a parameter.
 */
export class AlertPolicy {
  readonly #options: AlertPolicyOptions;
  readonly #facts = new Map<string, StreamFacts>();
  readonly #watched = new Map<string, Map<AlertName, Watched>>();

  constructor(options: AlertPolicyOptions) {
    this.#options = options;
  }

  /** Takes a change in at `now`. Answers what it leads to at once. */
  change(change: StreamChange, now: number): readonly AlertChange[] {
    if (this.#options.thresholdsOf(change.stream) === undefined) return [];
    const due = this.tick(now);
    const facts = factsAfter(this.#facts.get(change.stream) ?? noFacts, change);
    this.#facts.set(change.stream, facts);
    const conditions = conditionsOf(facts);
    // A source's clock may be ahead of this one.
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

  /** What has become due by `now`. */
  tick(now: number): readonly AlertChange[] {
    return [...this.#watched].flatMap(([stream, alerts]) => {
      const thresholds = this.#options.thresholdsOf(stream);
      if (thresholds === undefined) return [];
      return [...alerts].flatMap(([alert, watched]) => decide({ stream, alert, watched, thresholds, now }));
    });
  }

  /** A stream is gone. Answers what is over with it. */
  forget(stream: string, now: number): readonly AlertChange[] {
    const over = this.raised().filter((each) => each.stream === stream);
    this.#watched.delete(stream);
    this.#facts.delete(stream);
    return over.map((each) => ({ ...each, state: 'cleared', at: now, details: { removed: true } }));
  }

  /** The alerts that are raised now. */
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
  // A clock that was set back would put what is due off for as long.
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
