import { afterEach, describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../src/storage/memory.js';
import { type ProbeOptions, type ProbeResult, probeStore } from '../../src/storage/probe.js';
import { createS3Store } from '../../src/storage/s3.js';
import { s3ConfigFor } from '../support/s3/config.js';
import type { FaultRule } from '../support/s3/faults.js';
import { type S3Server, startS3Server } from '../support/s3/server.js';
import type { ServerSettings } from '../support/s3/settings.js';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Scene {
  readonly settings?: Partial<ServerSettings>;
  readonly change?: Record<string, unknown>;
  readonly faults?: readonly FaultRule[];
  readonly options?: (server: S3Server) => ProbeOptions;
}

const cors = { origins: ['*'], methods: ['GET', 'HEAD'], exposeHeaders: [] };

async function probe({ settings = {}, change = {}, faults = [], options }: Scene) {
  const server = await startS3Server({ settings });
  const store = await createS3Store(s3ConfigFor(server, { prefix: 'p', ...change }), { requestTimeoutMs: 1000 });
  closers.push(server.close, store.close);
  server.faults.add(...faults);
  const results = await probeStore(store, options?.(server) ?? {});
  return { server, results, of: (check: ProbeResult['check']) => results.find((item) => item.check === check)! };
}

const checks = [
  'put',
  'get',
  'head',
  'list',
  'clock skew',
  'public URL',
  'conditional put',
  'checksum',
  'ACL',
  'delete',
];

describe('probeStore', () => {
  it('passes a good store with a line for everything and leaves nothing', async () => {
    const { results, server } = await probe({
      settings: { publicRead: true, cors },
      options: ({ endpoint }) => ({ publicUrl: `${endpoint}/live/p` }),
    });
    expect(results.map((item) => item.check)).toEqual(checks);
    for (const item of results) expect(item).toMatchObject({ ok: true });
    expect(results.some((item) => item.remedy !== undefined)).toBe(false);
    expect(server.objects().size).toBe(0);
  });

  it('puts an object as large as a segment, reads it back at the public URL and deletes it', async () => {
    const sizes: number[] = [];
    const { results, server } = await probe({
      settings: { publicRead: true, cors },
      options: (server) => {
        server.observe(({ type, key }) => {
          if (type === 'put' && key.endsWith('segment.ts')) sizes.push(server.objects().get(key)?.body.length ?? 0);
        });
        return { publicUrl: `${server.endpoint}/live/p`, segmentBytes: 3_000_000 };
      },
    });
    expect(results.map((item) => item.check)).toEqual(['put', 'segment', ...checks.slice(1)]);
    for (const item of results) expect(item).toMatchObject({ ok: true });
    expect(results[1]?.detail).toMatch(/^3\.0 MB, as large as a segment, in [\d.]+ s/);
    expect(sizes).toEqual([3_000_000]);
    expect(server.objects().size).toBe(0);
  });

  it.each<[string, Scene]>([
    [
      'a proxy',
      { faults: [{ method: 'PUT', key: /segment\.ts$/, fault: { kind: 'error', status: 413, code: 'TooLarge' } }] },
    ],
    ['the store', { settings: { maxObjectBytes: 1_000_000 } }],
  ])('finds the limit that %s has for the size of an object, which small ones do not meet', async (_, scene) => {
    const { of, server } = await probe({ ...scene, options: () => ({ segmentBytes: 2_000_000 }) });
    expect(of('put').ok).toBe(true);
    expect(of('segment')).toMatchObject({
      ok: false,
      detail: expect.stringMatching(/as large as a segment \(2\.0 MB\) is rejected, a small one is accepted/),
      remedy: expect.stringMatching(/client_max_body_size.*2\.0 MB/),
    });
    expect(of('delete').ok).toBe(true);
    expect(server.objects().size).toBe(0);
  });

  it('passes the memory store too', async () => {
    const results = await probeStore(createMemoryStore());
    expect(results.filter((item) => !item.ok)).toEqual([]);
  });

  it('stops at a put that does not work and says what to do', async () => {
    const { results, of } = await probe({ change: { secretAccessKey: 'wrong-secret-key' } });
    expect(results.every((item) => !item.ok)).toBe(true);
    expect([...results.map((item) => item.check)].sort()).toEqual([...checks].sort());
    expect(of('put').detail).toContain('SignatureDoesNotMatch');
    expect(of('put').remedy).toContain('secretAccessKey');
    expect(of('get').detail).toContain('not tested');
  });

  it('names each permission that is missing, and no other', async () => {
    const deny = (method: string, key?: RegExp): FaultRule => ({
      method,
      fault: { kind: 'error', status: 403, code: 'AccessDenied' },
      ...(key ? { key } : {}),
    });
    const listing = await probe({ faults: [deny('GET', /^$/)] });
    expect(listing.results.filter((item) => !item.ok).map((item) => item.check)).toEqual(['list']);
    const deleting = await probe({ faults: [deny('POST'), deny('DELETE')] });
    expect(deleting.results.filter((item) => !item.ok).map((item) => item.check)).toEqual(['delete']);
    const reading = await probe({ faults: [deny('GET', /./)] });
    expect(reading.results.filter((item) => !item.ok).map((item) => item.check)).toEqual(['get']);
  });

  it('notices a store that shows its objects late', async () => {
    const { of } = await probe({ faults: [{ method: 'PUT', fault: { kind: 'hide', reads: 1 }, count: 1 }] });
    expect(of('get')).toMatchObject({ ok: false });
    expect(of('head')).toMatchObject({ ok: true });
  });

  it('tells the clocks apart', async () => {
    const { of } = await probe({ options: () => ({ now: () => Date.now() - 125_000 }) });
    expect(of('clock skew')).toMatchObject({ ok: false, remedy: expect.stringContaining('NTP') });
    expect(of('clock skew').detail).toMatch(/12[456] s ahead/);
    const skewed = await probe({ settings: { clockSkewMs: -3_600_000 } });
    expect(skewed.of('put').ok).toBe(true);
    expect(skewed.of('clock skew').detail).toMatch(/(?:359\d|36[01]\d) s behind/);
  });

  it('is content without conditions, checksums and ACLs, and says what that means', async () => {
    const { results, of } = await probe({
      settings: { conditionalPut: 'ignore', refuseAcl: 'r2', refuseChecksum: true, batchDelete: 'refuse' },
    });
    expect(results.filter((item) => !item.ok)).toEqual([]);
    expect(of('conditional put').remedy).toContain('prefix');
    expect(of('delete').detail).toContain('one request per key');
  });

  it('is not content with an ACL that is asked for and refused', async () => {
    const { of } = await probe({
      settings: { refuseAcl: 'aws' },
      change: { acl: 'public-read' },
      options: () => ({ acl: 'public-read' }),
    });
    expect(of('put').ok).toBe(true);
    expect(of('ACL')).toMatchObject({ ok: false, remedy: expect.stringContaining('storage.s3.acl') });
  });

  it.each([
    ['closed to the public', {}, '/live/p', false, 'bucket policy'],
    ['leading elsewhere', { publicRead: true }, '/live/elsewhere', false, 'prefix'],
    ['without CORS', { publicRead: true }, '/live/p', true, 'CORS'],
  ] as const)('looks at the public URL with a stranger’s eyes: %s', async (_, settings, path, ok, remedy) => {
    const { of } = await probe({ settings, options: ({ endpoint }) => ({ publicUrl: endpoint + path }) });
    expect(of('public URL')).toMatchObject({ ok, remedy: expect.stringContaining(remedy) });
  });

  it('is not taken in by a page that answers everything', async () => {
    const page = async (): Promise<Response> => new Response('<!doctype html>');
    const { of } = await probe({ options: () => ({ publicUrl: 'https://live.example', fetch: page }) });
    expect(of('public URL')).toMatchObject({ ok: false, detail: expect.stringContaining('another object') });
  });

  it('says so when the public URL’s host is not there', async () => {
    const { of } = await probe({ options: () => ({ publicUrl: 'http://127.0.0.1:1' }) });
    expect(of('public URL')).toMatchObject({ ok: false, remedy: expect.stringContaining('publicUrl') });
  });

  it('ends when it is called off, and cleans up', async () => {
    const server = await startS3Server();
    const store = await createS3Store(s3ConfigFor(server));
    closers.push(server.close, store.close);
    const caller = new AbortController();
    server.observe(() => caller.abort());
    await expect(probeStore(store, { signal: caller.signal })).rejects.toMatchObject({ code: 'aborted' });
    expect(server.objects().size).toBe(0);
  });
});
