import type { AlertName } from '../terms.js';

/** A change of a stream's state, as streams report it. */
export interface StreamChange {
  readonly stream: string;
  /**
   * Content of frames: `black`, `flat`, `frozen`, `recovered`; age of the thumbnail: `stale`, `offline`, `fresh`; stream:
   * `live`, `recovering`, `failed`; copy on the store: `lagging`, `caught-up`, `unreadable`, `readable`, `refused`,
   * `accepted`, `losing`, `complete`, `unpublished`, `published`. Others are ignored.
   */
  readonly type: string;
  /** Start of the state, in milliseconds since the epoch. */
  readonly at: number;
  /** Additional facts, without secrets. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** An alert that was raised or cleared. */
export interface AlertChange {
  readonly stream: string;
  readonly alert: AlertName;
  readonly state: 'raised' | 'cleared';
  /** Time of the decision, in milliseconds since the epoch. */
  readonly at: number;
  /** Start of the condition. */
  readonly since: number;
  readonly details: Readonly<Record<string, unknown>>;
}

/** How long a condition must last before an alert is raised, in seconds. */
export interface AlertThresholds {
  readonly raisedAfterSeconds: Readonly<Record<AlertName, number>>;
  /** How long it must be gone before the alert is cleared. */
  readonly clearedAfterSeconds: number;
}
