import { describe, expect, it } from 'vitest';
import type { StoreOptions, StorePublisherOptions } from '../../src/storage/publisher.js';
import { FaultyStore } from '../support/faulty-store.js';
import { VirtualClock } from '../support/virtual-clock.js';
import { parsePlaylist, Show, seeded, studio, Witness } from './publish/studio.js';

const playlist = 'demo/source/index.m3u8';

function begin(
  cleanup: 'delete' | 'keep',
  failover: { handBackAfterMs?: number } = {},
  more: Pick<StorePublisherOptions, 'audit' | 'publicUrl' | 'fetch'> = {},
  ofSecond: Omit<StoreOptions, 'store'> = {},
) {
  const clock = new VirtualClock();
  const first = new FaultyStore({ clock });
  const second = new FaultyStore({ clock });
  const made = studio({ clock, store: first, fallback: { store: second, ...ofSecond, ...failover }, ...more });
  made.publisher.start();
  const show = new Show(made.publisher, { cleanup, multivariant: true });
  return { clock, first, second, show, ...made };
}

it('takes over when the first store is down past the limit, and hands back with the gap reconciled', async () => {
  const { clock, first, second, show, publisher, events } = begin('delete');
  const witnesses = [new Witness(first, clock), new Witness(second, clock)];
  await show.run(clock, 10);
  expect(second.objects.size).toBe(0);

  first.outage = 'refuse';
  await show.run(clock, 40);
  const meanwhile = parsePlaylist(second.text(playlist)!);
  expect(meanwhile.segments.at(-1)?.sequence).toBe(49);
  expect(meanwhile.segments.some(({ gap }) => gap)).toBe(false);
  expect(second.text('demo/index.m3u8')).toContain('source');

  first.outage = 'none';
  await show.run(clock, 12);
  const after = parsePlaylist(first.text(playlist)!);
  expect(after.segments.map(({ sequence }) => sequence)).toEqual([56, 57, 58, 59, 60, 61]);
  expect(witnesses.flatMap(({ problems }) => problems)).toEqual([]);
  expect(witnesses.map(({ gaps }) => gaps)).toEqual([0, 0]);
  expect(events.filter(({ event }) => event === 'store-switched')).toHaveLength(2);

  // Nothing is left on the fallback, and nothing unlisted on the first.
  await show.run(clock, 30);
  expect([...second.objects.keys()]).toEqual([]);
  const files = [...first.objects.keys()].filter((key) => key.endsWith('.ts'));
  expect(files.length).toBeLessThan(6 + 7 + 4);
  await clock.until(publisher.close());
});

it('leaves nothing on the fallback when a copy back comes late', async () => {
  const { clock, first, second, show, publisher } = begin('delete');
  await show.run(clock, 5);
  first.outage = 'refuse';
  await show.run(clock, 30);
  first.outage = 'none';
  // The newest of what went to the fallback is refused for a while, so that a playlist comes before it.
  let switched: string[] = [];
  let refused = 0;
  first.fault = (operation, key) => {
    if (operation !== 'put' || !key.endsWith('.ts')) return undefined;
    if (!second.objects.has(key)) return undefined;
    switched = [...new Set([...switched, key])];
    if (switched.length < 4 || key !== switched[3] || refused >= 4) return undefined;
    refused += 1;
    return '500';
  };
  await show.run(clock, 60);
  expect(refused).toBe(4);
  expect([...second.objects.keys()]).toEqual([]);
  await clock.until(publisher.close());
});

it('deletes nothing that the old playlist on the first store lists, until that is written again', async () => {
  const { clock, first, show, publisher } = begin('delete', { handBackAfterMs: 200_000 });
  const witness = new Witness(first, clock);
  await show.run(clock, 10);
  first.outage = 'refuse';
  await show.run(clock, 30);
  first.outage = 'none';
  const old = first.text(playlist);
  for (let i = 0; i < 90; i += 1) {
    await show.run(clock, 1);
    witness.check(playlist);
  }
  expect(first.text(playlist)).toBe(old);
  await show.run(clock, 60);
  expect(first.text(playlist)).not.toBe(old);
  expect(witness.problems).toEqual([]);
  await clock.until(publisher.close());
});

it('copies a recording back, so that the playlist of the whole has no gap', async () => {
  const { clock, first, second, show, publisher } = begin('keep');
  const gone: string[] = [];
  second.onDelete = (key) => gone.push(key);
  await show.run(clock, 10);
  first.outage = 'refuse';
  await show.run(clock, 40);
  first.outage = 'none';
  await show.run(clock, 20);
  show.lane.end();
  await clock.until(show.publication.close());
  const whole = parsePlaylist(first.text(playlist)!);
  expect(whole.ended).toBe(true);
  expect(whole.segments.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 70 }, (_, i) => i));
  expect(whole.segments.filter(({ gap }) => gap)).toEqual([]);
  expect(gone).toEqual(['demo/lease.json']);
  for (const { file } of whole.segments) expect(first.objects.has(`demo/source/${file}`), file).toBe(true);
  await clock.until(publisher.close());
});

it('sends pictures to the store in use, and leaves a store that refuses', async () => {
  const { clock, first, second, show, publisher } = begin('delete');
  const picture = (text: string): void => {
    show.publication.image({ key: 'demo/thumbnail.jpg', body: Buffer.from(text), contentType: 'image/jpeg' });
    show.publication.image(
      { key: `demo/storyboard-${text}.jpg`, body: Buffer.from(text), contentType: 'image/jpeg' },
      { immutable: true },
    );
  };
  await show.run(clock, 5);
  first.outage = 'deny';
  for (let i = 0; i < 40; i += 1) {
    picture(`${i}`);
    await show.run(clock, 1);
    // Of the store that is not in use there is nothing to say.
    if (i > 20) expect(show.publication.status()).toMatchObject({ state: 'publishing', lastError: null });
  }
  expect(second.text('demo/thumbnail.jpg')).toBe('39');
  expect(second.objects.has('demo/storyboard-39.jpg')).toBe(true);
  expect(parsePlaylist(second.text(playlist)!).segments.at(-1)?.sequence).toBe(44);
  first.outage = 'none';
  await show.run(clock, 30);
  picture('new');
  await show.run(clock, 2);
  expect(first.text('demo/thumbnail.jpg')).toBe('new');
  expect(parsePlaylist(first.text(playlist)!).segments.at(-1)?.sequence).toBe(76);
  await clock.until(publisher.close());
});

it('stays where it is when both stores are down', async () => {
  const { clock, first, second, show, publisher, events } = begin('delete');
  await show.run(clock, 5);
  first.outage = 'hang';
  second.outage = 'refuse';
  await show.run(clock, 60);
  first.outage = 'none';
  await show.run(clock, 40);
  expect(parsePlaylist(first.text(playlist)!).segments.at(-1)?.sequence).toBe(104);
  expect(events.filter(({ event }) => event === 'store-switched').length % 2).toBe(0);
  await clock.until(publisher.close({ deadlineMs: 1000 }));
});

it('looks after the store in use while the same work is stuck on the one that is down', async () => {
  const audit = { intervalMs: 4000 };
  const { clock, first, second, show, publisher, events, metrics } = begin(
    'delete',
    { handBackAfterMs: 120_000 },
    { audit },
  );
  const witness = new Witness(second, clock);
  const audits = () => metrics.filter(({ type }) => type === 'audited').length;
  // The next audit is under way when the store goes, and never gets an answer.
  await show.run(clock, 10);
  const before = audits();
  expect(before).toBeGreaterThan(0);
  const { head } = first.counts;
  while (first.counts.head === head || first.outage === 'none') {
    first.outage = 'hang';
    await show.run(clock, 1);
  }
  await show.run(clock, 40);
  expect(events.filter(({ event }) => event === 'store-switched')).toHaveLength(1);
  expect(audits() - before).toBeGreaterThan(5);

  // The stuck one goes on when its store answers, and takes nothing that lies on the other for lost.
  first.outage = 'none';
  await show.run(clock, 50);
  expect(events.filter(({ event }) => event === 'store-switched')).toHaveLength(1);
  expect(events.filter(({ event }) => event === 'audit-failed')).toEqual([]);
  expect([...witness.problems, witness.gaps]).toEqual([0]);
  await clock.until(publisher.close({ deadlineMs: 0 }));
});

it('reports which store is active, and the health of each', async () => {
  const { clock, first, show, publisher } = begin('delete');
  const stores = () => publisher.stores.map(({ isActive, state, error }) => [isActive, state, error?.code]);
  const isWell = [true, 'up', undefined];
  await show.run(clock, 5);
  expect(stores()).toEqual([isWell, [false, 'up', undefined]]);
  first.outage = 'refuse';
  await show.run(clock, 5);
  expect(stores()).toEqual([
    [true, 'down', 'storage-unavailable'],
    [false, 'up', undefined],
  ]);
  await show.run(clock, 30);
  expect(stores()).toEqual([[false, 'down', 'storage-unavailable'], isWell]);
  first.outage = 'none';
  await show.run(clock, 30);
  expect(stores()).toEqual([isWell, [false, 'up', undefined]]);
  await clock.until(publisher.close());
});

it('audits each store through its own public URL', async () => {
  const asked = new Set<string>();
  const fetchOne = (async (url: string) => {
    asked.add(new URL(url).host);
    return new Response(null);
  }) as unknown as typeof fetch;
  const { clock, first, show, publisher, events } = begin(
    'delete',
    {},
    { audit: { intervalMs: 2000 }, publicUrl: 'https://first.example.org', fetch: fetchOne },
    { publicUrl: 'https://second.example.org', fetch: fetchOne },
  );
  await show.run(clock, 10);
  expect([...asked]).toEqual(['first.example.org']);
  first.outage = 'refuse';
  await show.run(clock, 20);
  asked.clear();
  await show.run(clock, 10);
  expect([...asked]).toEqual(['second.example.org']);
  expect(events.filter(({ event }) => event === 'audit-failed')).toEqual([]);
  await clock.until(publisher.close());
});

it('gives the second store what the media window still holds, so that players there can start at once', async () => {
  const clock = new VirtualClock();
  const [first, second] = [new FaultyStore({ clock }), new FaultyStore({ clock })];
  const { publisher, events } = studio({ clock, store: first, fallback: { store: second } });
  publisher.start();
  const show = new Show(publisher, { remembers: true, renditions: ['source', 'small'], multivariant: true });
  const lists: number[] = [];
  second.onCommit = (key) => {
    if (key !== playlist || lists.length > 0) return;
    const { segments } = parsePlaylist(second.text(playlist)!);
    expect(segments.filter(({ gap }) => gap)).toEqual([]);
    lists.push(...segments.map(({ sequence }) => sequence));
  };
  await show.run(clock, 10);
  first.outage = 'refuse';
  await show.run(clock, 20);
  expect(lists.slice(0, 6)).toEqual([4, 5, 6, 7, 8, 9]);
  const lag = events.map(({ event }) => event).filter((event) => event.startsWith('playlist-'));
  expect(lag).toEqual(['playlist-lagging', 'playlist-caught-up']);
  await clock.until(publisher.close());
});

it('keeps no lease on either store when there is nothing to publish', async () => {
  const { clock, first, second, show, publisher } = begin('delete', { handBackAfterMs: 600_000 });
  await show.run(clock, 5);
  first.outage = 'refuse';
  await show.run(clock, 25);
  first.outage = 'none';
  await show.run(clock, 5);
  const leases = () => [first, second].map(({ objects }) => objects.has('demo/lease.json'));
  expect(leases()).toEqual([true, true]);
  await clock.advance(60_000);
  expect(leases()).toEqual([false, false]);
  expect(show.publication.status().state).toBe('idle');
  await show.run(clock, 5);
  expect(show.publication.status()).toMatchObject({ state: 'publishing', playlistLagSeconds: 0 });
  await clock.until(publisher.close());
});

describe.each([1, 2, 3, 4, 5, 6])('stores that come and go (seed %i)', (seed) => {
  it.each(['delete', 'keep'] as const)('each playlist is right at every moment (cleanup: %s)', async (cleanup) => {
    const clock = new VirtualClock();
    const random = seeded(seed);
    const faults = ['500', 'reset-after', 'late', 'latency'] as const;
    const fault = (operation: string) =>
      operation !== 'delete' && random() < 0.02 ? faults[Math.floor(random() * faults.length)] : undefined;
    const stores = [new FaultyStore({ clock, fault }), new FaultyStore({ clock, fault })] as const;
    const witnesses = stores.map((store) => new Witness(store, clock));
    const failover = { afterMs: 10_000, handBackAfterMs: 5000 };
    const { publisher, events } = studio({
      clock,
      store: stores[0],
      fallback: { store: stores[1], ...failover },
      seed,
    });
    publisher.start();
    const show = new Show(publisher, { cleanup, remembers: seed % 2 === 0, renditions: ['source', 'small'] });
    for (let round = 0; round < 40; round += 1) {
      const outages = ['none', 'none', 'refuse', 'hang', 'deny'] as const;
      stores[0].outage = outages[Math.floor(random() * outages.length)]!;
      stores[1].outage = stores[0].outage === 'none' && random() < 0.3 ? 'refuse' : 'none';
      const count = 1 + Math.floor(random() * 25);
      for (let each = 0; each < count; each += 1) {
        show.segment({ init: round < 20 ? 'a-init.mp4' : 'a-init-2.mp4' });
        await clock.advance(2000);
        for (const witness of witnesses)
          for (const lane of ['source', 'small']) witness.check(`demo/${lane}/index.m3u8`);
      }
    }
    for (const store of stores) store.outage = 'none';
    for (let each = 0; each < 60; each += 1) {
      show.segment({ init: 'a-init-2.mp4' });
      await clock.advance(2000);
    }
    expect(events.filter(({ event }) => event === 'store-switched').length).toBeGreaterThan(3);
    expect(witnesses.flatMap(({ problems }) => problems)).toEqual([]);
    expect(witnesses.map(({ gaps }) => gaps)).toEqual([0, 0]);
    expect(publisher.stores[0]).toMatchObject({ isActive: true, state: 'up' });
    expect(show.publication.status()).toMatchObject({ state: 'publishing' });
    expect(show.publication.status().playlistLagSeconds).toBeLessThan(8);
    for (const lane of show.lanes.values()) lane.end();
    await clock.until(publisher.close());
    const list = parsePlaylist(stores[0].text(playlist)!);
    expect(list.ended).toBe(true);
    expect(list.segments.at(-1)?.sequence).toBe(show.sequence - 1);
    if (cleanup === 'keep')
      expect(list.segments.map(({ sequence }) => sequence)).toEqual([...Array(show.sequence).keys()]);
    else expect([...stores[1].objects.keys()].filter((key) => key !== 'demo/lease.json')).toEqual([]);
  });
});
