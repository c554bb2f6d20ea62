import { messageOf } from '../../errors.js';
import type { ObjectStore } from '../store.js';

export interface AuditedObject {
  readonly key: string;
  readonly bytes: number;
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
  readonly signal: AbortSignal;
}

/** What is wrong with one listed object: on the store, then where players fetch it. Rejects when the store cannot tell. */
export async function auditObject(object: AuditedObject, run: AuditRun): Promise<AuditProblem | undefined> {
  const found = await run.store.head(object.key, { signal: run.signal });
  if (found?.bytes !== object.bytes) {
    const problem = found === undefined ? 'is not there' : `has ${found.bytes} bytes instead of ${object.bytes}`;
    return { key: object.key, where: 'store', problem };
  }
  const problem =
    run.publicUrl === undefined ? undefined : await auditUrl(`${run.publicUrl}/${object.key}`, object, run);
  return problem === undefined ? undefined : { key: object.key, where: 'public-url', problem };
}

async function auditUrl(
  url: string,
  { bytes }: AuditedObject,
  { fetch, signal }: AuditRun,
): Promise<string | undefined> {
  try {
    const response = await fetch(url, { method: 'HEAD', headers: { 'accept-encoding': 'identity' }, signal });
    if (!response.ok) return `answers ${response.status}`;
    const length = response.headers.get('content-length');
    return length === null || Number(length) === bytes ? undefined : `has ${length} bytes instead of ${bytes}`;
  } catch (error) {
    return `cannot be fetched: ${messageOf(error)}`;
  }
}
