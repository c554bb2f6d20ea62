/** Pure: decides from a lease object on the store which node may write a stream. */

/** The lease object's content. Each renewal writes a new `count`, so that its ETag changes. */
export interface LeaseRecord {
  readonly owner: string;
  readonly ttlMs: number;
  readonly count: number;
  /** The owner's process, if its system reports it. */
  readonly process?: ProcessIdentity;
}

const shortestTtlMs = 1000;
const longestTtlMs = 300_000;

export function encodeLease(record: LeaseRecord): Uint8Array {
  return Buffer.from(`${JSON.stringify(record)}\n`);
}

/** Undefined if unreadable. Limits the duration of another program's lease. */
export function decodeLease(body: Uint8Array): LeaseRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { owner, ttlMs, count, process: named } = value as Record<string, unknown>;
  if (typeof owner !== 'string' || typeof ttlMs !== 'number' || !Number.isFinite(ttlMs)) return undefined;
  const process = decodeProcess(named);
  return {
    owner,
    ...(process && { process }),
    ttlMs: Math.min(longestTtlMs, Math.max(shortestTtlMs, ttlMs)),
    count: typeof count === 'number' && Number.isFinite(count) ? count : 0,
  };
}

/** The lease object as last read, and since when it is unchanged, by this machine's monotonic clock. */
export interface LeaseSighting {
  readonly etag: string;
  /** Undefined for an object that is not a lease. */
  readonly record: LeaseRecord | undefined;
  readonly sinceMs: number;
}

/** Read again now. An unchanged object keeps the time when it was first seen; only the local clock counts. */
export function sight(
  last: LeaseSighting | undefined,
  seen: { readonly etag: string; readonly record: LeaseRecord | undefined } | undefined,
  now: number,
): LeaseSighting | undefined {
  if (seen === undefined) return undefined;
  return { ...seen, sinceMs: last !== undefined && last.etag === seen.etag ? last.sinceMs : now };
}

/**
 * `create`: there is no lease. `take`: its owner has not renewed it in time, or it is not a lease. `adopt`: it is ours, although the store
 * never confirmed it. `inherit`: its owner is dead, and the store's conditional writes make its late writes fail. `wait`: another node writes
 * this stream.
 */
export type LeaseDecision = 'create' | 'take' | 'adopt' | 'inherit' | 'wait';

export interface LeaseQuestion {
  readonly owner: string;
  readonly ttlMs: number;
  readonly now: number;
  /** Proven, on a store with conditional writes. */
  readonly ownerIsDead?: boolean;
}

export function decideLease(
  sighting: LeaseSighting | undefined,
  { owner, ttlMs, now, ownerIsDead = false }: LeaseQuestion,
): LeaseDecision {
  if (sighting === undefined) return 'create';
  if (sighting.record?.owner === owner) return 'adopt';
  if (sighting.record && ownerIsDead) return 'inherit';
  return now - sighting.sinceMs >= (sighting.record?.ttlMs ?? ttlMs) ? 'take' : 'wait';
}

/**
 * Until when the owner may write after a renewal that was sent at `sentAt`: a little less than others wait, because clocks run at different
 * speeds and a write takes time.
 */
export function leaseEndsAt(sentAt: number, ttlMs: number): number {
  return sentAt + ttlMs * 0.85;
}

/**
 * Identifies a process for later ones, in the lease object. Everyone who can read the stream can read the lease, so the machine is identified
 * by a digest.
 */
export interface ProcessIdentity {
  /** Identifies the boot of the machine and the PID namespace: `pid` is only valid within them. */
  readonly realm: string;
  readonly pid: number;
  /** In clock ticks since boot: a pid is reused, but not with the same start time. */
  readonly startedAt: number;
}

/** What this process knows about processes. */
export interface ProcessWitness {
  readonly self: ProcessIdentity;
  /** Whether the process is proven to have exited. False if that cannot be known: a process of another machine or container. */
  isDead(other: ProcessIdentity): Promise<boolean>;
}

/** Undefined if unreadable. */
function decodeProcess(value: unknown): ProcessIdentity | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { realm, pid, startedAt } = value as Record<string, unknown>;
  if (typeof realm !== 'string' || realm === '') return undefined;
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
  if (typeof startedAt !== 'number' || !Number.isSafeInteger(startedAt) || startedAt < 0) return undefined;
  return { realm, pid, startedAt };
}
