import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, SidepipeError } from '../errors.js';
import { probePublicUrl } from './probe-public-url.js';
import type { ObjectStore, StoreCapabilities } from './store.js';

type ProbeCheck =
  | 'put'
  | 'segment'
  | 'get'
  | 'head'
  | 'list'
  | 'delete'
  | 'conditional put'
  | 'checksum'
  | 'ACL'
  | 'clock skew'
  | 'public URL';

/** One line of `sidepipe doctor`. `ok` with a remedy: it works, and could work better. */
export interface ProbeResult {
  readonly check: ProbeCheck;
  readonly ok: boolean;
  readonly detail: string;
  readonly remedy?: string;
}

export interface ProbeOptions {
  /** `storage.s3.publicUrl`. */
  readonly publicUrl?: string | undefined;
  /** `storage.s3.acl`: if set, a store that rejects ACLs fails the check. */
  readonly acl?: string | undefined;
  /** The size of the largest segment of the streams, because a proxy in between may have a limit. Unset: not tested. */
  readonly segmentBytes?: number | undefined;
  readonly fetch?: typeof fetch;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  readonly signal?: AbortSignal;
}

type Outcome = Omit<ProbeResult, 'check'>;

const allowedSkewMs = 60_000;

/**
 * Tests everything that streams need against the real store, one check after the other, with objects under its own keys that it deletes at
 * the end. Never rejects because of the store: a failure is a line. Rejects when aborted.
 */
export async function probeStore(store: ObjectStore, options: ProbeOptions = {}): Promise<readonly ProbeResult[]> {
  const { publicUrl, signal, now = Date.now } = options;
  const call = signal === undefined ? {} : { signal };
  const folder = `sidepipe-probe-${randomBytes(8).toString('hex')}`;
  const [key, second, segment] = [`${folder}/object.txt`, `${folder}/second.txt`, `${folder}/segment.ts`];
  const body = Buffer.from(`sidepipe doctor ${folder}`);
  const { segmentBytes } = options;
  // Random, so that no proxy can compress it.
  const large = segmentBytes === undefined ? undefined : randomBytes(segmentBytes);
  const results: ProbeResult[] = [];
  const check = async (name: ProbeCheck, task: () => Promise<Outcome>): Promise<boolean> => {
    const outcome = await task().catch((error: unknown) => {
      if (signal?.aborted) throw error;
      return failureOf(error);
    });
    results.push({ check: name, ...outcome });
    return outcome.ok;
  };
  const skip = (...names: ProbeCheck[]): void => {
    for (const name of names) results.push({ check: name, ok: false, detail: 'not tested: put failed' });
  };

  try {
    const writes = await check('put', async () => {
      await retried(() => store.put({ key, body, contentType: 'text/plain', cacheControl: 'no-store' }, call), signal);
      return good(`${body.byteLength} bytes to ${store.description}`);
    });
    if (!writes) {
      skip(
        ...(large === undefined ? [] : (['segment'] as const)),
        'get',
        'head',
        'list',
        'delete',
        'conditional put',
        'checksum',
        'ACL',
        'clock skew',
        'public URL',
      );
      return results;
    }
    const takesSegments =
      large !== undefined && (await check('segment', () => putSegment(store, { key: segment, body: large, ...call })));
    await check('get', async () => {
      const got = await retried(() => store.get(key, call), signal);
      if (!got) return bad('the object is missing after its put', 'use a store with read-after-write consistency');
      return Buffer.from(got.body).equals(body)
        ? good('the same bytes')
        : bad(
            'the content differs from what was put',
            'look for a proxy that rewrites content between here and the store',
          );
    });
    await check('head', async () => {
      const info = await retried(() => store.head(key, call), signal);
      return info?.bytes === body.byteLength
        ? good('size and date are right')
        : bad(`the size is ${info?.bytes ?? 'unknown'} instead of ${body.byteLength}`, 'check storage.s3.endpoint');
    });
    await check('list', async () => {
      const keys: string[] = [];
      for await (const info of store.list(`${folder}/`, call)) keys.push(info.key);
      return keys.includes(key)
        ? good(`${keys.length} ${keys.length === 1 ? 'object' : 'objects'} under the probe's prefix`)
        : bad('the object is missing from the list', 'use a store with consistent listings: orphans are found by them');
    });
    await check('clock skew', async () => {
      const info = await retried(() => store.head(key, call), signal);
      return clockOutcome((info?.modifiedAt ?? 0) - now());
    });
    if (publicUrl === undefined) {
      results.push({ check: 'public URL', ok: true, detail: 'not configured: not tested' });
    } else {
      // Reads the largest object, because a proxy may limit responses too.
      const [name, content] = takesSegments ? [segment, large] : [key, body];
      await check('public URL', () =>
        probePublicUrl({ url: `${publicUrl}/${name}`, body: content, fetch: options.fetch ?? fetch, ...call }),
      );
    }
    let able: StoreCapabilities | undefined;
    await check('conditional put', async () => {
      able = await store.capabilities(call);
      return conditionOutcome(able);
    });
    await check('checksum', async () => checksumOutcome(able ?? (await store.capabilities(call))));
    await check('ACL', async () => aclOutcome(able ?? (await store.capabilities(call)), options.acl));
    await check('delete', async () => {
      await retried(() => store.put({ key: second, body, contentType: 'text/plain' }, call), signal);
      await retried(() => store.delete([key, second, segment], call), signal);
      const left = await Promise.all([key, second, segment].map((each) => store.head(each, call)));
      if (left.some((each) => each !== undefined)) {
        return bad('the objects still exist', 'allow s3:DeleteObject, and turn object lock off for this prefix');
      }
      const { batchDelete } = able ?? (await store.capabilities(call));
      return good(batchDelete === 'none' ? 'one request per key' : `many keys per request (${batchDelete})`);
    });
  } finally {
    await store.delete([key, second, segment]).catch(() => undefined);
  }
  return results;
}

interface SegmentPut {
  readonly key: string;
  readonly body: Uint8Array;
  readonly signal?: AbortSignal;
}

/** A small put has succeeded before, so a failure here is due to the size. */
async function putSegment(store: ObjectStore, { key, body, signal }: SegmentPut): Promise<Outcome> {
  const size = `${(body.byteLength / 1e6).toFixed(1)} MB`;
  const call = signal === undefined ? {} : { signal };
  const startedAt = performance.now();
  try {
    await retried(() => store.put({ key, body, contentType: 'video/mp2t', cacheControl: 'no-store' }, call), signal);
  } catch (error) {
    if (signal?.aborted) throw error;
    const { detail } = failureOf(error);
    const limits = `in nginx client_max_body_size, elsewhere the body limit of the proxy, WAF or CDN, to more than ${size}`;
    return bad(
      `an object as large as a segment (${size}) is rejected, a small one is accepted: ${detail}`,
      `raise ${limits}`,
    );
  }
  const seconds = Math.max(0.001, (performance.now() - startedAt) / 1000);
  const info = await retried(() => store.head(key, call), signal);
  if (info?.bytes !== body.byteLength)
    return bad(
      `the object has ${info?.bytes ?? 'no'} bytes instead of ${body.byteLength}`,
      'look for a proxy that truncates bodies between here and the store',
    );
  return good(
    `${size}, as large as a segment, in ${seconds.toFixed(1)} s (${((body.byteLength * 8e-6) / seconds).toFixed(0)} Mbit/s)`,
  );
}

function clockOutcome(skewMs: number): Outcome {
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  if (Math.abs(skewMs) <= allowedSkewMs) return good(`${seconds} s or less`);
  return bad(`the store's clock is ${seconds} s ${skewMs > 0 ? 'ahead' : 'behind'}`, "set this machine's clock (NTP)");
}

function conditionOutcome({ ifNoneMatch, ifMatch }: StoreCapabilities): Outcome {
  if (ifNoneMatch && ifMatch) return good('If-None-Match and If-Match are supported');
  return {
    ok: true,
    detail: ifNoneMatch ? 'If-None-Match only' : 'not supported',
    remedy: 'this store cannot keep two nodes with the same stream name apart: give every node its own prefix',
  };
}

function checksumOutcome({ checksum }: StoreCapabilities): Outcome {
  return good(
    checksum ? 'CRC32 is accepted' : 'checksum headers are rejected, so none are sent: the signature covers the body',
  );
}

function aclOutcome({ acl }: StoreCapabilities, wanted: string | undefined): Outcome {
  if (acl) return good('accepted');
  if (wanted === undefined) return good('rejected; none is sent');
  return bad(`rejected, but storage.s3.acl is ${wanted}`, 'remove storage.s3.acl and use a bucket policy instead');
}

/** Retries once or twice before it reports that the store fails. */
async function retried<T>(task: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof SidepipeError) || !error.retryable || attempt === 3) throw error;
      await delay(1100, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
    }
  }
}

function failureOf(error: unknown): Outcome {
  const remedy = error instanceof SidepipeError ? error.details['remedy'] : undefined;
  const fallback =
    error instanceof SidepipeError && error.retryable ? 'check the endpoint, the network, and try again' : undefined;
  const advice = typeof remedy === 'string' ? remedy : fallback;
  return { ok: false, detail: messageOf(error), ...(advice === undefined ? {} : { remedy: advice }) };
}

const good = (detail: string): Outcome => ({ ok: true, detail });
const bad = (detail: string, remedy: string): Outcome => ({ ok: false, detail, remedy });
