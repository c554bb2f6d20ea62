/** Counts by key in fixed windows, in bounded memory. Pure: times are parameters, in milliseconds of any clock. */

export interface RateLimitOptions {
  /** Maximum count within one window. */
  readonly limit: number;
  readonly windowMs: number;
  /** Maximum number of keys in memory. Default 10,000; beyond it the oldest window is evicted. */
  readonly remembered?: number | undefined;
}

/** The remaining quota of a key. */
interface Allowance {
  /** Negative once the limit is passed. */
  readonly remaining: number;
  /** Seconds until the window ends, at least 1. */
  readonly resetSeconds: number;
}

export interface RateLimit {
  readonly limit: number;
  readonly windowSeconds: number;
  /** Returns the quota without counting. */
  look(key: string, now: number): Allowance;
  /** Counts one and returns the quota after it. */
  hit(key: string, now: number): Allowance;
  /** Number of keys in memory, for tests. */
  readonly size: number;
}

export function createRateLimit({ limit, windowMs, remembered = 10_000 }: RateLimitOptions): RateLimit {
  // In the order of `since`: the first is the oldest.
  const counts = new Map<string, { count: number; readonly since: number }>();

  function forgetOld(now: number): void {
    for (const [key, { since }] of counts) {
      if (now >= since && now - since < windowMs) return;
      counts.delete(key);
    }
  }

  const allowance = (count: number, since: number, now: number): Allowance => ({
    remaining: limit - count,
    resetSeconds: Math.max(1, Math.ceil((since + windowMs - now) / 1000)),
  });

  return {
    limit,
    windowSeconds: windowMs / 1000,
    get size() {
      return counts.size;
    },
    look(key, now) {
      forgetOld(now);
      const entry = counts.get(key);
      return allowance(entry?.count ?? 0, entry?.since ?? now, now);
    },
    hit(key, now) {
      forgetOld(now);
      const entry = counts.get(key);
      if (entry !== undefined) {
        entry.count += 1;
        return allowance(entry.count, entry.since, now);
      }
      const [oldest] = counts.keys();
      if (counts.size >= remembered && oldest !== undefined) counts.delete(oldest);
      counts.set(key, { count: 1, since: now });
      return allowance(1, now, now);
    },
  };
}
