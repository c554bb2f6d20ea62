import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { SidepipeError } from '../../errors.js';
import type { PutOptions } from '../store.js';
import { isRefusal } from './answers.js';

/** The plain put that detection uses for its tests. */
type TrialPut = (
  key: string,
  options: Pick<PutOptions, 'ifMatch' | 'ifNoneMatch'> & { readonly checksum?: boolean; readonly acl?: boolean },
) => Promise<{ etag: string }>;

export interface DetectOptions {
  readonly prefix: string;
  readonly put: TrialPut;
  readonly remove: (keys: readonly string[]) => Promise<void>;
  readonly signal: AbortSignal;
}

export interface Detected {
  readonly ifNoneMatch: boolean;
  /** The ETag format of the store. Ceph 16 compares it, quotes included, with its own without quotes. */
  readonly ifMatch: 'quoted' | 'bare' | 'no';
  readonly checksum: boolean;
  readonly acl: boolean;
}

/**
 * Detects how the store handles conditions and headers. An accepted header proves little, because some vendors ignore conditions: each one is
 * also tested in a case that must fail. Leaves no object behind.
 */
export async function detect({ prefix, put, remove, signal }: DetectOptions): Promise<Detected> {
  const base = `${prefix}sidepipe-probe-${randomBytes(8).toString('hex')}`;
  const keys = ['conditions', 'checksum', 'acl'].map((name) => `${base}-${name}`) as [string, string, string];
  const attempt = async (key: string, options: Parameters<TrialPut>[1]) => {
    const outcome = await outcomeOf(() => put(key, options), signal);
    // A store that currently rejects everything shows nothing about headers, so nothing must be remembered.
    if (outcome === 'refused') await patiently(() => put(key, {}), signal);
    return outcome;
  };

  try {
    const { etag } = await patiently(() => put(keys[0], {}), signal);
    const ifNoneMatch = (await attempt(keys[0], { ifNoneMatch: '*' })) === 'conflict';
    const refusesWrong = (await attempt(keys[0], { ifMatch: '"00000000000000000000000000000000"' })) === 'conflict';
    const takes = async (tag: string) => refusesWrong && (await attempt(keys[0], { ifMatch: tag })) === 'done';
    const ifMatch = (await takes(etag)) ? 'quoted' : (await takes(bare(etag))) ? 'bare' : 'no';
    const checksum = (await attempt(keys[1], { checksum: true })) === 'done';
    const acl = (await attempt(keys[2], { acl: true })) === 'done';
    return { ifNoneMatch, ifMatch, checksum, acl };
  } finally {
    await patiently(() => remove(keys), signal).catch(() => undefined);
  }
}

/** The ETag without its quotes. */
export const bare = (etag: string): string => etag.replace(/^"(.*)"$/, '$1');

async function outcomeOf(task: () => Promise<unknown>, signal: AbortSignal): Promise<'done' | 'conflict' | 'refused'> {
  try {
    await patiently(task, signal);
    return 'done';
  } catch (error) {
    if (isRefusal(error)) return 'refused';
    if (!(error instanceof SidepipeError) || error.retryable || error.code === 'aborted') throw error;
    return error.code === 'storage-conflict' ? 'conflict' : 'refused';
  }
}

/** Some vendors accept only one write per second to a key, and these writes follow each other quickly. */
async function patiently<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await task();
    } catch (error) {
      const passing = error instanceof SidepipeError && error.retryable && error.code !== 'storage-refused';
      if (!passing || attempt === 4) throw error;
      await delay(1100, undefined, { signal }).catch(() => undefined);
    }
  }
}
