import { createHash, randomBytes } from 'node:crypto';

export interface SessionsOptions {
  /** Lifetime of a session. Default 12 h. */
  readonly lifetimeMs?: number;
  /** Maximum number of sessions; beyond it the oldest ends. Default 1000. */
  readonly most?: number;
}

/**
 * Sessions of the pages. A table instead of signed values, so that a logout really ends a session, and a restart ends all.
 * Stores only hashes, so that a memory dump contains no usable cookie.
 */
export interface Sessions {
  readonly lifetimeSeconds: number;
  /** Starts a session and returns the value of its cookie. */
  begin(now: number): string;
  /** The end of the session, in milliseconds since the epoch; undefined if there is none. */
  expiresAt(value: string, now: number): number | undefined;
  end(value: string): void;
  readonly size: number;
}

const shape = /^[A-Za-z0-9_-]{43}$/;

export function createSessions({ lifetimeMs = 12 * 3_600_000, most = 1000 }: SessionsOptions = {}): Sessions {
  // In the order of their expiry: all have the same lifetime.
  const ends = new Map<string, number>();

  function forgetOld(now: number): void {
    for (const [key, end] of ends) {
      if (end > now) return;
      ends.delete(key);
    }
  }

  return {
    lifetimeSeconds: lifetimeMs / 1000,
    get size() {
      return ends.size;
    },
    begin(now) {
      forgetOld(now);
      const [oldest] = ends.keys();
      if (ends.size >= most && oldest !== undefined) ends.delete(oldest);
      const value = randomBytes(32).toString('base64url');
      ends.set(keyOf(value), now + lifetimeMs);
      return value;
    },
    expiresAt(value, now) {
      if (!shape.test(value)) return undefined;
      forgetOld(now);
      const end = ends.get(keyOf(value));
      return end !== undefined && end > now ? end : undefined;
    },
    end(value) {
      ends.delete(keyOf(value));
    },
  };
}

/** Sessions are looked up by hash, so the duration of a lookup reveals nothing about stored values. */
function keyOf(value: string): string {
  return createHash('sha256').update(value).digest('base64url');
}
