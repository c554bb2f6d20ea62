/** One row of the doctor's table. */
export interface CheckResult {
  /** `ffmpeg`, `source`, `images`, `ports`, `limits`, `clock`, `store`, `fallback`. */
  readonly area: string;
  /** What was looked at, in a few words. */
  readonly check: string;
  /**
   * False: a stream would not work. `warning`: it works, and not as it should. `skipped`: it could not or need not be looked at;
   * `detail` says why.
   */
  readonly ok: boolean | 'warning' | 'skipped';
  /** What was found. Never a secret. */
  readonly detail: string;
  /** What to do about a failure, or about what works and could be better. */
  readonly remedy?: string;
}

/** Looks at one area. A check that throws counts as failed with the error's message. */
export interface Check {
  readonly area: string;
  /** How long it may take; a minute where it does not say. */
  readonly timeoutMs?: number;
  run(signal: AbortSignal): Promise<readonly CheckResult[]>;
}
