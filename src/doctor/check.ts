/** One row of doctor's table. */
export interface CheckResult {
  /** `ffmpeg`, `source`, `images`, `ports`, `limits`, `clock`, `store`, `fallback`. */
  readonly area: string;
  /** The subject of the check, in a few words. */
  readonly check: string;
  /**
   * False: a stream would not work. `warning`: it works, but not as it should. `skipped`: it could not or need not be checked;
   * `detail` states why.
   */
  readonly ok: boolean | 'warning' | 'skipped';
  /** The finding, without secrets. */
  readonly detail: string;
  /** What to do about a failure or a warning. */
  readonly remedy?: string;
}

/** Checks one area. If it throws, it counts as failed with the error's message. */
export interface Check {
  readonly area: string;
  /** Maximum duration. Default: one minute. */
  readonly timeoutMs?: number;
  run(signal: AbortSignal): Promise<readonly CheckResult[]>;
}
