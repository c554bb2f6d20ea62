import { createHash, randomBytes } from 'node:crypto';

export interface SessionsOptions {
  /** How long a login holds. Default 12 h. */
  readonly lifetimeMs?: number;
  /** How many there are at a time; beyond it the oldest ends. Default 1000. */
  readonly most?: number;
}

/**
 * Logins of the pages. A table and not signed values: a logout then really ends a session, and a restart ends all. Holds
 * hashes only, so that no dump of memory lets anyone in.
 */
export interface Sessions {
  readonly lifetimeSeconds: number;
  /** Begins a session and gives the value of its cookie. */
  begin(now: number): string;
  /** When the session ends, in milliseconds since the epoch; undefined where there is none. */
  expiresAt(value: string, now: number): number | undefined;
  end(value: string): void;
  readonly size: number;
}

const shape = /^[A-Za-z0-9_-]{43}$/;

export function createSessions({ lifetimeMs = 12 * 3_600_000, most = 1000 }: SessionsOptions = {}): Sessions {
  // In the order of their ends: all live equally long.
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

/** Looked up by its hash: the time that a lookup takes says nothing about values that are held. */
function keyOf(value: string): string {
  return createHash('sha256').update(value).digest('base64url');
}
