import { messageOf } from '../../../errors.js';
import type { ObjectStore } from '../../store.js';
import { within } from '../../time-limit.js';
import type { Attempt } from '../queue/uploader.js';

/** An object that players need and that should be on the store. */
export interface AuditedObject {
  readonly key: string;
  readonly bytes: number;
  /** It is overwritten: a cache in front of the public URL may have an earlier version. */
  readonly changes: boolean;
  /** Whether players still need it: it can have been replaced, or have left the playlist, since the list was made. */
  readonly isExpected: () => boolean;
  /** It is missing. Uploads it again and calls `done` once it is on the store; returns false if that is not possible. */
  readonly restore: (done: () => void) => boolean;
}

export interface AuditProblem {
  readonly key: string;
  readonly where: 'store' | 'public-url';
  readonly problem: string;
}

export interface AuditRun {
  readonly store: ObjectStore;
  readonly publicUrl: string | undefined;
  readonly fetch: typeof fetch;
  readonly attempt: Attempt;
}

/** The problem of one listed object: first on the store, then at the public URL. Rejects if the store cannot be read. */
export async function auditObject(object: AuditedObject, run: AuditRun): Promise<AuditProblem | undefined> {
  const found = await run.store.head(object.key, run.attempt);
  if (found?.bytes !== object.bytes) {
    const problem = found === undefined ? 'is missing' : `has ${found.bytes} bytes instead of ${object.bytes}`;
    return { key: object.key, where: 'store', problem };
  }
  const problem =
    run.publicUrl === undefined
      ? undefined
      : await auditUrl(`${run.publicUrl}/${object.key}`, object.changes ? undefined : object.bytes, run);
  return problem === undefined ? undefined : { key: object.key, where: 'public-url', problem };
}

async function auditUrl(
  url: string,
  bytes: number | undefined,
  { fetch, attempt }: AuditRun,
): Promise<string | undefined> {
  try {
    const headers = { 'accept-encoding': 'identity' };
    const response = await within(attempt, 'HEAD', (signal) => fetch(url, { method: 'HEAD', headers, signal }));
    if (!response.ok) return `answers ${response.status}`;
    const length = response.headers.get('content-length');
    const isRight = length === null || bytes === undefined || Number(length) === bytes;
    return isRight ? undefined : `has ${length} bytes instead of ${bytes}`;
  } catch (error) {
    return `cannot be fetched: ${messageOf(error)}`;
  }
}
