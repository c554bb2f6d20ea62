/** Pure: who may write a stream, by a lease object on the store. */

/** The lease object's content. Each renewal writes a new `count`, so that its ETag changes. */
export interface LeaseRecord {
  readonly owner: string;
  readonly ttlMs: number;
  readonly count: number;
  /** The owner's, where its system tells. */
  readonly process?: ProcessIdentity;
}

const shortestTtlMs = 1000;
const longestTtlMs = 300_000;

export function encodeLease(record: LeaseRecord): Uint8Array {
  return Buffer.from(`${JSON.stringify(record)}\n`);
}

/** Anything unreadable is undefined. A foreign lease's time is kept within reason. */
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

/** The lease object as it was last seen, and since when it has looked like that: by this machine's monotonic clock. */
export interface LeaseSighting {
  readonly etag: string;
  /** Undefined for an object that is no lease. */
  readonly record: LeaseRecord | undefined;
  readonly sinceMs: number;
}

/** Seen again now. An unchanged object keeps the time at which it was first seen; no clock but the local one counts. */
export function sight(
  last: LeaseSighting | undefined,
  seen: { readonly etag: string; readonly record: LeaseRecord | undefined } | undefined,
  now: number,
): LeaseSighting | undefined {
  if (seen === undefined) return undefined;
  return { ...seen, sinceMs: last !== undefined && last.etag === seen.etag ? last.sinceMs : now };
}

/**
 * `create`: nobody has it. `take`: its owner has not renewed it in time, or it is no lease. `adopt`: it is ours, although
 * the store never said so. `inherit`: its owner is dead, and the store sees to it that nothing of it still on its way can
 * do harm. `wait`: another node writes this stream.
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
 * How long the owner may write after a renewal that was sent at `sentAt`: a little less than others wait, because clocks
 * differ in speed and a write takes its time.
 */
export function leaseEndsAt(sentAt: number, ttlMs: number): number {
  return sentAt + ttlMs * 0.85;
}

/**
 * A process as a later one can recognise it, in the lease object. The lease can be read by anyone who can read the stream,
 * so what names the machine is there as a digest.
 */
export interface ProcessIdentity {
  /** Of the machine since it was started and the namespace of process ids: only within it does `pid` mean anything. */
  readonly realm: string;
  readonly pid: number;
  /** In clock ticks since the machine was started: a pid is used again, but not with the same start. */
  readonly startedAt: number;
}

/** What this process can tell of processes. */
export interface ProcessWitness {
  readonly self: ProcessIdentity;
  /** Whether the process is proven to be no more. False for all that cannot be known: one of another machine or container. */
  isDead(other: ProcessIdentity): Promise<boolean>;
}

/** Anything unreadable is undefined. */
function decodeProcess(value: unknown): ProcessIdentity | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { realm, pid, startedAt } = value as Record<string, unknown>;
  if (typeof realm !== 'string' || realm === '') return undefined;
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
  if (typeof startedAt !== 'number' || !Number.isSafeInteger(startedAt) || startedAt < 0) return undefined;
  return { realm, pid, startedAt };
}
