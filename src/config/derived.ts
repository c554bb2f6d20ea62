import { limitDefaults } from './schema/guard.js';
import { thumbnailDefaults } from './schema/pictures.js';
import { isRecord } from './tree.js';

/**
 * Defaults that follow other settings, so that changing one setting never conflicts with a default of another. `given` is the
 * configuration as written, `filled` the same with the defaults of its profile. A written setting is never replaced: if two of
 * them conflict, the schema reports it. Pure.
 */
export function withDerived(given: unknown, filled: unknown): unknown {
  if (!isRecord(filled)) return filled;
  const derived: Record<string, unknown> = { ...filled };
  if (isRecord(filled['guard'])) derived['guard'] = guardOf(filled['guard']);
  if (isRecord(filled['storage'])) derived['storage'] = storageOf(filled['storage']);
  const { streams } = filled;
  if (Array.isArray(streams)) {
    const written = isRecord(given) && Array.isArray(given['streams']) ? given['streams'] : [];
    derived['streams'] = streams.map((stream, index) => streamOf(written[index], stream));
  }
  return derived;
}

function streamOf(given: unknown, filled: unknown): unknown {
  if (!isRecord(filled) || !isRecord(filled['thumbnail'])) return filled;
  const written = isRecord(given) && isRecord(given['thumbnail']) ? given['thumbnail'] : {};
  return { ...filled, thumbnail: thumbnailOf(written, filled['thumbnail']) };
}

/** The ages of a thumbnail: the interval is less than `staleAfterSeconds`, which is at most `offlineAfterSeconds`. */
function thumbnailOf(given: Record<string, unknown>, filled: Record<string, unknown>): unknown {
  const usual = numberOf(filled['intervalSeconds']) ?? thumbnailDefaults.intervalSeconds;
  const stale = setting(given['staleAfterSeconds']);
  const offline = setting(given['offlineAfterSeconds']);
  const hold = setting(isRecord(given['gate']) ? given['gate']['holdSeconds'] : undefined);
  const interval = setting(given['intervalSeconds']);
  // The schema reports values that are not numbers; no default can follow from them.
  if ([stale, offline, hold, interval].includes(Number.NaN)) return filled;
  const intervalSeconds = interval ?? intervalWithin(Math.min(stale ?? longest, offline ?? longest), usual);
  const least = Math.max(thumbnailDefaults.staleAfterSeconds, 3 * intervalSeconds, (hold ?? 0) + 2 * intervalSeconds);
  const most = offline !== undefined && offline > intervalSeconds ? offline : longest;
  const staleAfterSeconds = stale ?? Math.min(least, most);
  const late = Math.max(thumbnailDefaults.offlineAfterSeconds, 2 * staleAfterSeconds, 2 * intervalSeconds);
  return { ...filled, intervalSeconds, staleAfterSeconds, offlineAfterSeconds: offline ?? Math.min(late, longest) };
}

/** One day, the maximum age of a thumbnail. */
const longest = 86_400;

/** The usual interval, or a third of `ageSeconds` if that age is not longer than it, in tenths of a second. */
function intervalWithin(ageSeconds: number, usual: number): number {
  return ageSeconds > usual ? usual : Math.max(0.1, Math.floor((ageSeconds / 3) * 10) / 10);
}

/** The limits for rejecting streams are at least as severe as those for slowing thumbnails. */
function guardOf(filled: Record<string, unknown>): unknown {
  const { slow = {}, refuse = {} } = filled;
  if (!isRecord(slow) || !isRecord(refuse)) return filled;
  const derived = { slow: { ...slow }, refuse: { ...refuse } } as Record<'slow' | 'refuse', Record<string, unknown>>;
  for (const name of ['cpu', 'loadPerCore', 'loopDelayMs', 'memoryAvailable', 'encoderDropped'] as const) {
    // For memory, less is worse.
    const [worse, better] = name === 'memoryAvailable' ? [Math.min, Math.max] : [Math.max, Math.min];
    const [first, second] = [numberOf(slow[name]), numberOf(refuse[name])];
    if (first !== undefined && refuse[name] === undefined)
      derived.refuse[name] = worse(limitDefaults.refuse[name], first);
    if (second !== undefined && slow[name] === undefined) derived.slow[name] = better(limitDefaults.slow[name], second);
  }
  return { ...filled, ...derived };
}

function storageOf(filled: Record<string, unknown>): unknown {
  const { s3, fallback } = filled;
  return {
    ...filled,
    ...(isRecord(s3) ? { s3: encryptionOf(s3) } : {}),
    ...(isRecord(fallback) && isRecord(fallback['s3'])
      ? { fallback: { ...fallback, s3: encryptionOf(fallback['s3']) } }
      : {}),
  };
}

/** A KMS key implies KMS encryption. */
function encryptionOf(s3: Record<string, unknown>): unknown {
  if (s3['kmsKeyId'] === undefined || s3['serverSideEncryption'] !== undefined) return s3;
  return { ...s3, serverSideEncryption: 'aws:kms' };
}

/** Undefined: not written. NaN: written, but not a number. */
function setting(value: unknown): number | undefined {
  return value === undefined ? undefined : (numberOf(value) ?? Number.NaN);
}

/** Environment variables are strings. */
function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}
