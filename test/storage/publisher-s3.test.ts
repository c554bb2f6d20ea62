import { afterEach, describe, expect, it } from 'vitest';
import { createPublisher, type StorePublisherOptions } from '../../src/storage/publisher.js';
import { createS3Store } from '../../src/storage/s3.js';
import { s3ConfigFor } from '../support/s3/config.js';
import type { FaultRule } from '../support/s3/faults.js';
import { type S3Server, type S3ServerOptions, startS3Server } from '../support/s3/server.js';
import { parsePlaylist, Show, seeded } from './publish/studio.js';

/** The publisher over HTTP: the project's S3 server, the real store, real time in small units. */

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const quick: Partial<StorePublisherOptions> = {
  // A busy machine may keep an attempt or a renewal waiting for a second.
  lease: { ttlMs: 10_000 },
  timing: { coalesceMs: 60, retryBaseMs: 10, retryCapMs: 200, probeCapMs: 50, attemptMs: 3000, refusedCapMs: 100 },
};

async function begin(options: S3ServerOptions = {}, more: Partial<StorePublisherOptions> = {}) {
  const server = await startS3Server(options);
  const store = await createS3Store(s3ConfigFor(server));
  const publisher = createPublisher({ store, backlogBytes: 20_000_000, random: seeded(5), ...quick, ...more });
  closers.push(server.close, store.close, () => publisher.close({ deadlineMs: 100 }));
  return { server, store, publisher };
}

/** Checks, at each commit of a media playlist, that all it lists is on the server. */
function watch(server: S3Server): { problems: string[]; playlists: number } {
  const seen = { problems: [] as string[], playlists: 0 };
  server.observe((commit) => {
    if (!commit.key.endsWith('/source/index.m3u8')) return;
    const body = server.objects().get(commit.key)?.body;
    if (body === undefined) return;
    seen.playlists += 1;
    for (const { file, gap } of parsePlaylist(Buffer.from(body).toString('utf8')).segments) {
      const key = commit.key.replace('index.m3u8', file);
      if (!gap && !server.objects().has(key)) seen.problems.push(`${key} is listed and not there`);
    }
  });
  return seen;
}

const error = (status: number, code: string): FaultRule['fault'] => ({ kind: 'error', status, code });
const faults: readonly FaultRule['fault'][] = [
  { kind: 'latency', ms: 150 },
  error(500, 'InternalError'),
  error(503, 'SlowDown'),
  error(429, 'TooManyRequests'),
  error(403, 'RequestTimeTooSkewed'),
  error(400, 'InvalidRequest'),
  { kind: 'page', status: 413, body: '<html><title>413 Request Entity Too Large</title></html>' },
  { kind: 'error', status: 500, code: 'InternalError', when: 'after-commit' },
  { kind: 'reset', when: 'during-body' },
  { kind: 'reset', when: 'before-commit' },
  { kind: 'reset', when: 'after-commit' },
  { kind: 'trickle', bytesPerSecond: 2000 },
  { kind: 'stall' },
  { kind: 'hide', reads: 2 },
];

describe('the publisher over S3', () => {
  it('holds its promises through 5 % faults of every kind', async () => {
    const { server, store, publisher } = await begin();
    await store.capabilities();
    server.faults.add(...faults.map((fault) => ({ fault, probability: 0.05 / faults.length })));
    const seen = watch(server);
    publisher.start();
    const shows = ['a', 'b', 'c', 'd'].map((name) => new Show(publisher, { name, multivariant: true, bytes: 4000 }));
    for (let round = 0; round < 120; round += 1) {
      for (const show of shows) show.segment();
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    for (const show of shows) show.lane.end();
    await Promise.all(shows.map(({ publication }) => publication.close({ deadlineMs: 60_000 })));
    expect(seen.problems).toEqual([]);
    expect(seen.playlists).toBeGreaterThan(20);
    const hit = new Set(server.log.flatMap((entry) => entry.faults));
    expect([...hit].sort()).toEqual(['error', 'hide', 'latency', 'page', 'reset', 'stall', 'trickle']);
    for (const show of shows) {
      expect(show.publication.status()).toMatchObject({ failed: 0, backlogBytes: 0 });
      const last = parsePlaylist(server.objects().get(`${show.name}/source/index.m3u8`)!.body.toString());
      expect(last.ended).toBe(true);
      expect(last.segments.at(-1)?.sequence).toBe(119);
      expect(last.segments.some(({ gap }) => gap)).toBe(false);
    }
    expect(server.log.filter(({ code }) => code?.startsWith('BUG'))).toEqual([]);
  });

  it('never writes a key twice within a second, where the store allows no more', async () => {
    const { server, publisher } = await begin(
      { settings: { oneWriteASecond: true } },
      { timing: {}, lease: { ttlMs: 6000 } },
    );
    publisher.start();
    const show = new Show(publisher, { multivariant: true });
    for (let i = 0; i < 16; i += 1) {
      show.segment();
      show.publication.image({ key: 'demo/thumbnail.jpg', body: Buffer.from(`${i}`), contentType: 'image/jpeg' });
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    show.lane.end();
    await show.publication.close({ deadlineMs: 60_000 });
    const refused = server.log.filter(
      ({ status, key }) => status === 429 && key !== undefined && !key.includes('sidepipe'),
    );
    expect(refused.map(({ key }) => key)).toEqual([]);
    expect(parsePlaylist(server.objects().get('demo/source/index.m3u8')!.body.toString()).ended).toBe(true);
    expect(server.objects().get('demo/thumbnail.jpg')!.body.toString()).toBe('15');
  });
});
