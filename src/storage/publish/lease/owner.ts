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
export function decodeProcess(value: unknown): ProcessIdentity | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { realm, pid, startedAt } = value as Record<string, unknown>;
  if (typeof realm !== 'string' || realm === '') return undefined;
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
  if (typeof startedAt !== 'number' || !Number.isSafeInteger(startedAt) || startedAt < 0) return undefined;
  return { realm, pid, startedAt };
}
