/** What can be wrong with a stream, as its operators are told of it. */
export const alertNames = [
  'stale',
  'black',
  'flat',
  'frozen',
  'offline',
  'lagging',
  'unreadable',
  'refused',
  'gaps',
  'unpublished',
] as const;
export type AlertName = (typeof alertNames)[number];

/** A change of a stream's state, as streams tell of it. */
export interface StreamChange {
  readonly stream: string;
  /**
   * Of the picture's content: `black`, `flat`, `frozen`, `recovered`; of its age: `stale`, `offline`, `fresh`; of the stream:
   * `live`, `recovering`, `failed`; of its copy on the store: `lagging`, `caught-up`, `unreadable`, `readable`, `refused`,
   * `accepted`, `losing`, `complete`, `unpublished`, `published`. Others are ignored.
   */
  readonly type: string;
  /** Milliseconds since the epoch: when the state began. */
  readonly at: number;
  /** Plain facts. No secret. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** An alert that was raised, or that is over. */
export interface AlertChange {
  readonly stream: string;
  readonly alert: AlertName;
  readonly state: 'raised' | 'cleared';
  /** When this was decided: milliseconds since the epoch. */
  readonly at: number;
  /** When the condition began. */
  readonly since: number;
  readonly details: Readonly<Record<string, unknown>>;
}

/** How long a condition has to last before anyone is told. Seconds. */
export interface AlertThresholds {
  readonly raisedAfterSeconds: Readonly<Record<AlertName, number>>;
  /** How long it has to be gone before it counts as over. */
  readonly clearedAfterSeconds: number;
}
