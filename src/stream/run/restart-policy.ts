export interface RestartPolicy {
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  /** A run that gave media for this long counts as sound: what went wrong before it is forgotten. */
  readonly stableMs: number;
  /** This many failures in a row are no passing fault any more. */
  readonly exhaustedAfter: number;
  /**
   * How long to wait after each denial beyond the first two; the last one again and again. Cameras lock an account that
   * fails to log in too often. Empty: as after every other failure.
   */
  readonly deniedDelaysMs: readonly number[];
}

/** So many denials in a row are retried as other failures are: a camera that is starting can refuse what it accepts later. */
const DENIED_ATTEMPTS = 2;

export const defaultRestartPolicy: RestartPolicy = {
  minDelayMs: 250,
  maxDelayMs: 15_000,
  stableMs: 10_000,
  exhaustedAfter: 5,
  deniedDelaysMs: [60_000, 300_000, 900_000],
};

export interface RestartSettings {
  readonly reconnectMinSeconds?: number | undefined;
  readonly reconnectMaxSeconds?: number | undefined;
}

/** The policy of one stream: what it says itself, else what suits its source's kind. `longestMs`: what is enough for that. Pure. */
export function restartPolicyOf(
  policy: RestartPolicy,
  { reconnectMinSeconds, reconnectMaxSeconds }: RestartSettings,
  longestMs = Number.POSITIVE_INFINITY,
): RestartPolicy {
  const minDelayMs = reconnectMinSeconds === undefined ? policy.minDelayMs : reconnectMinSeconds * 1000;
  const maxDelayMs =
    reconnectMaxSeconds === undefined ? Math.min(policy.maxDelayMs, longestMs) : reconnectMaxSeconds * 1000;
  // Who is called, or is on this machine, denies nothing: a stranger with a wrong passphrase must not close the port.
  const deniedDelaysMs = Number.isFinite(longestMs) ? [] : policy.deniedDelaysMs;
  return { ...policy, deniedDelaysMs, minDelayMs, maxDelayMs: Math.max(minDelayMs, maxDelayMs) };
}

/** How many runs have failed in a row after one that gave media for `mediaMs` ended. Pure. */
export function failuresAfter(policy: RestartPolicy, failures: number, mediaMs: number): number {
  return mediaMs >= policy.stableMs ? 1 : failures + 1;
}

/**
 * How long to wait before the next run: doubling from `minDelayMs` to `maxDelayMs`, of which `random` (0 to 1) takes up to half
 * away, so that a hundred cameras behind one broken switch do not come back in one instant. Pure.
 */
export function restartDelayMs(policy: RestartPolicy, failures: number, random: number): number {
  const full = Math.min(policy.maxDelayMs, policy.minDelayMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
  return full * (1 - random / 2);
}

/**
 * How long to wait at least after so many denials in a row, the newest failure being one: nothing for the first ones, then longer and longer,
 * in steps. 0: as after every other failure. Pure.
 */
export function deniedDelayMs({ deniedDelaysMs }: Pick<RestartPolicy, 'deniedDelaysMs'>, denials: number): number {
  const beyond = denials - DENIED_ATTEMPTS;
  return beyond < 1 ? 0 : (deniedDelaysMs[Math.min(beyond, deniedDelaysMs.length) - 1] ?? 0);
}
