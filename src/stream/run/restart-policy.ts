import { doublingMs } from '../../backoff.js';
import type { ErrorCode } from '../../errors.js';

/** How soon and how often a stream is restarted whose ffmpeg ended unexpectedly. */
export interface RestartPolicy {
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  /** A run with media for this long counts as sound: earlier failures are forgotten. */
  readonly stableMs: number;
  /** This many failures in a row are not a temporary fault. */
  readonly exhaustedAfter: number;
  /**
   * The delays after each denial beyond the first two; the last one repeats. Cameras lock an account after too many failed logins. Empty:
   * the same as after other failures.
   */
  readonly deniedDelaysMs: readonly number[];
}

/** This many denials in a row are retried like other failures: a starting camera can refuse what it accepts later. */
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

/** The policy of one stream: its own settings, otherwise what suits the kind of its source. `longestMs`: the maximum delay for that kind. Pure. */
export function restartPolicyOf(
  policy: RestartPolicy,
  { reconnectMinSeconds, reconnectMaxSeconds }: RestartSettings,
  longestMs = Number.POSITIVE_INFINITY,
): RestartPolicy {
  const minDelayMs = reconnectMinSeconds === undefined ? policy.minDelayMs : reconnectMinSeconds * 1000;
  const maxDelayMs =
    reconnectMaxSeconds === undefined ? Math.min(policy.maxDelayMs, longestMs) : reconnectMaxSeconds * 1000;
  // A listener or a local source denies nothing: a stranger with a wrong passphrase must not close the port.
  const deniedDelaysMs = Number.isFinite(longestMs) ? [] : policy.deniedDelaysMs;
  return { ...policy, deniedDelaysMs, minDelayMs, maxDelayMs: Math.max(minDelayMs, maxDelayMs) };
}

/** The number of failed runs in a row after one ended that had media for `mediaMs`. Pure. */
export function failuresAfter(policy: RestartPolicy, failures: number, mediaMs: number): number {
  return mediaMs >= policy.stableMs ? 1 : failures + 1;
}

/**
 * The delay before the next run: doubling from `minDelayMs` to `maxDelayMs`, reduced by up to half depending on `random` (0 to 1), so that
 * a hundred cameras behind one broken switch do not reconnect at the same instant. Pure.
 */
export function restartDelayMs(policy: RestartPolicy, failures: number, random: number): number {
  const { minDelayMs: baseMs, maxDelayMs: capMs } = policy;
  return doublingMs({ failures, baseMs, capMs }) * (1 - random / 2);
}

/** The delay after an ffmpeg that cannot do what is needed. */
const UNUSABLE_DELAY_MS = 60_000;
/** The same for a file that is not playable: it does not become playable by itself. */
const UNPLAYABLE_DELAY_MS = 60_000;
const UNPLAYABLE: ReadonlySet<ErrorCode> = new Set(['source-not-media', 'source-without-video', 'source-unsupported']);

/** What the delay after a failed run depends on. */
interface RunFailure {
  readonly code: ErrorCode;
  /** Failures in a row, including this one. */
  readonly inARow: number;
  /** The source denied access. */
  readonly isDenial: boolean;
  /** Denials since the source last sent media, including this one. */
  readonly denials: number;
  /** The source is a file. */
  readonly isFile: boolean;
}

/**
 * The delay before the next run: the longest of those that apply. `isHeldBack`: it is longer than usual, until somebody changes something:
 * the credentials, or the file. `random`: 0 to 1. Pure.
 */
export function delayAfter(
  policy: RestartPolicy,
  { code, inARow, isDenial, denials, isFile }: RunFailure,
  random: number,
): { readonly delayMs: number; readonly isHeldBack: boolean } {
  const denied = isDenial ? deniedDelayMs(policy, denials) : 0;
  // Only another ffmpeg helps, so retrying soon is pointless. The first retry is quick, because the next run may use another encoder.
  const unusable = code === 'ffmpeg-unusable' && inARow > 1 ? UNUSABLE_DELAY_MS : 0;
  // The first retry is quick here too, because the file may still be being written.
  const unplayable = isFile && UNPLAYABLE.has(code) && inARow > 1 ? UNPLAYABLE_DELAY_MS : 0;
  const delayMs = Math.max(denied, unusable, unplayable, restartDelayMs(policy, inARow, random));
  return { delayMs, isHeldBack: denied > 0 || unplayable > 0 };
}

/**
 * The minimum delay after this many denials in a row, including the newest failure: none for the first ones, then increasing in steps. 0: the
 * same as after other failures.
 */
function deniedDelayMs({ deniedDelaysMs }: Pick<RestartPolicy, 'deniedDelaysMs'>, denials: number): number {
  const beyond = denials - DENIED_ATTEMPTS;
  return beyond < 1 ? 0 : (deniedDelaysMs[Math.min(beyond, deniedDelaysMs.length) - 1] ?? 0);
}
