import { describe, expect, it } from 'vitest';
import { SidepipeError } from '../../src/errors.js';
import type { PublishMetric } from '../../src/storage/publisher.js';
import { FaultyStore } from '../support/faulty-store.js';
import { VirtualClock } from '../support/virtual-clock.js';
import { parsePlaylist, Show, studio, Witness } from './publish/studio.js';

const playlist = 'demo/source/index.m3u8';

function stage(intervalMs = 5000) {
  const clock = new VirtualClock();
  const store = new FaultyStore({ clock, latencyMs: 20 });
  const restored: PublishMetric[] = [];
  const lost: PublishMetric[] = [];
  const { publisher, events } = studio({
    clock,
    store,
    audit: { intervalMs },
    observe: (metric) => {
      if (metric.type === 'restored') restored.push(metric);
      if (metric.type === 'lost') lost.push(metric);
    },
  });
  const witness = new Witness(store, clock);
  return { clock, store, publisher, events, restored, lost, witness };
}

const of = (events: readonly { readonly event: string }[], ...names: string[]) =>
  events.map(({ event }) => event).filter((event) => names.includes(event));

describe('an audit restores what something else has deleted', () => {
  it.each([
    ['the initialization segment', 'demo/source/a-init.mp4'],
    ['the multivariant playlist', 'demo/index.m3u8'],
    ['the media playlist', playlist],
    ['a listed segment', 'demo/source/s1-17.ts'],
    ['the thumbnail', 'demo/thumbnail.jpg'],
  ])('%s', async (_, key) => {
    const { clock, store, publisher, events, restored, lost, witness } = stage();
    publisher.start();
    const show = new Show(publisher, { remembers: true, multivariant: true, windowSegments: 10 });
    show.publication.image({ key: 'demo/thumbnail.jpg', body: Buffer.from('picture'), contentType: 'image/jpeg' });
    for (let i = 0; i < 20; i += 1) {
      show.segment({ init: 'a-init.mp4' });
      await clock.advance(2000);
    }
    const before = Buffer.from(store.objects.get(key)!.body).toString();
    expect(store.objects.delete(key)).toBe(true);
    // The stream stands still: nothing but the audit writes.
    await clock.advance(14_000);
    expect(store.text(key)).toBe(before);
    expect(of(events, 'audit-failed', 'audit-restored', 'audit-passed')).toEqual([
      'audit-failed',
      'audit-restored',
      'audit-passed',
    ]);
    expect(events.find(({ event }) => event === 'audit-failed')?.details).toMatchObject({ restoring: 1, lost: 0 });
    expect(restored).toHaveLength(1);
    expect([lost, witness.gaps, witness.problems]).toEqual([[], 0, []]);
    await show.run(clock, 5);
    expect(show.publication.status()).toMatchObject({ failed: 0, playlistLagSeconds: 0 });
    await clock.until(publisher.close());
  });

  it('once, also where the upload ends behind the back of the next audit, which has seen that the object is missing', async () => {
    const { clock, store, publisher, restored } = stage();
    publisher.start();
    const show = new Show(publisher, { remembers: true, multivariant: true, windowSegments: 10 });
    await show.run(clock, 20);
    const key = 'demo/source/s1-13.ts';
    store.objects.delete(key);
    const { put, head } = store;
    let checks = 0;
    let puts = 0;
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    store.put = async (object, options) => {
      if (object.key === key) {
        puts += 1;
        await held;
      }
      return put.call(store, object, options);
    };
    store.head = async (asked, options) => {
      // Two audits have looked twice each; the second goes on to other objects.
      if (checks === 4) release();
      const found = await head.call(store, asked, options);
      if (asked === key) checks += 1;
      return found;
    };
    await clock.advance(30_000);
    expect(store.objects.has(key)).toBe(true);
    expect([puts, restored.length]).toEqual([1, 1]);
    await clock.until(publisher.close());
  });

  it('and what something else has written over', async () => {
    const { clock, store, publisher, restored } = stage();
    publisher.start();
    const show = new Show(publisher, { remembers: true, multivariant: true, windowSegments: 10 });
    await show.run(clock, 12);
    const key = 'demo/source/s1-8.ts';
    await clock.until(store.put({ key, body: Buffer.from('cut'), contentType: 'video/mp2t' }));
    await show.run(clock, 6);
    expect(store.objects.get(key)?.bytes).toBe(1000);
    expect(restored).toHaveLength(1);
    await clock.until(publisher.close());
  });

  it('a segment that is no longer in memory becomes a gap with its reason', async () => {
    const { clock, store, publisher, events, lost } = stage();
    publisher.start();
    const show = new Show(publisher, { windowSegments: 10 });
    await show.run(clock, 12);
    store.objects.delete('demo/source/s1-8.ts');
    await show.run(clock, 5);
    expect(lost).toMatchObject([{ reason: 'missing', segments: 1 }]);
    expect(show.publication.status().state).toBe('losing');
    expect(parsePlaylist(store.text(playlist)!).segments.filter(({ gap }) => gap)).toHaveLength(1);
    const [failed] = events.filter(({ event }) => event === 'audit-failed');
    expect(failed?.details).toMatchObject({ restoring: 0, lost: 1 });
    await clock.until(publisher.close());
  });

  it('a playlist that has ended is put back as it was', async () => {
    const { clock, store, publisher } = stage();
    publisher.start();
    const show = new Show(publisher, { remembers: true });
    await show.run(clock, 8);
    show.lane.end();
    await clock.advance(5000);
    const before = store.text(playlist);
    expect(parsePlaylist(before!).ended).toBe(true);
    store.objects.delete(playlist);
    await clock.advance(15_000);
    expect(store.text(playlist)).toBe(before);
    await clock.until(publisher.close());
  });
});

describe('work behind the scenes that fails', () => {
  it.each([
    ['the search for orphans', 'list', ['orphan-search-failed', 'orphan-search-works']],
    ['the audit', 'head', ['audit-unavailable', 'audit-available']],
  ] as const)('%s is reported once, and once when it works again', async (_, operation, expected) => {
    const clock = new VirtualClock();
    const store = new FaultyStore({ clock, latencyMs: 20 });
    const { publisher, events } = studio({
      clock,
      store,
      verify: false,
      audit: { intervalMs: 20_000 },
      orphanIntervalMs: 20_000,
    });
    publisher.start();
    const show = new Show(publisher);
    await show.run(clock, 5);
    store.answer = (called, key) =>
      called === operation && !key.endsWith('lease.json')
        ? new SidepipeError('no', { code: 'storage-denied', fault: 'storage', details: { status: 403 } })
        : undefined;
    await show.run(clock, 60);
    const own = () => of(events, 'orphan-search-failed', 'orphan-search-works', 'audit-unavailable', 'audit-available');
    expect(own()).toEqual(expected.slice(0, 1));
    store.answer = () => undefined;
    await show.run(clock, 60);
    expect(own()).toEqual(expected);
    expect(show.publication.status()).toMatchObject({ failed: 0, playlistLagSeconds: 0 });
    await clock.until(publisher.close());
  });
});
