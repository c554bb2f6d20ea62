import { afterEach, describe, expect, it } from 'vitest';
import type { StorePublisher } from '../../src/storage/publisher.js';
import { FaultyStore } from '../support/faulty-store.js';
import { severable } from '../support/severable-store.js';
import { VirtualClock } from '../support/virtual-clock.js';
import { parsePlaylist, Show, type StudioOptions, studio, textObject, Witness } from './publish/studio.js';

const playlist = 'demo/source/index.m3u8';

const open: StorePublisher[] = [];
function begin(options: Partial<StudioOptions> & { store?: FaultyStore; clock?: VirtualClock } = {}) {
  const clock = options.clock ?? new VirtualClock();
  const store = options.store ?? new FaultyStore({ clock });
  const made = studio({ ...options, clock, store });
  open.push(made.publisher);
  return { clock, store, ...made };
}

afterEach(async () => {
  for (const publisher of open.splice(0)) void publisher.close({ deadlineMs: 0 });
});

describe('a publisher on a healthy store', () => {
  it('lists segments only when they are there, removes them after their grace, and ends', async () => {
    const { clock, store, publisher, events } = begin();
    const witness = new Witness(store, clock);
    publisher.start();
    const show = new Show(publisher, { multivariant: true });
    await show.run(clock, 30);
    const live = parsePlaylist(store.text(playlist)!);
    expect(live.segments.map(({ sequence }) => sequence)).toEqual([24, 25, 26, 27, 28, 29]);
    expect(store.text('demo/index.m3u8')).toContain('source/index.m3u8');
    show.lane.end();
    await clock.until(show.publication.close({ deadlineMs: 10_000 }));
    expect(parsePlaylist(store.text(playlist)!).ended).toBe(true);
    await clock.advance(60_000);
    expect([...store.objects.keys()].sort()).toEqual(
      ['demo/index.m3u8', playlist, ...[24, 25, 26, 27, 28, 29].map((n) => `demo/source/s1-${n}.ts`)].sort(),
    );
    expect(witness.problems).toEqual([]);
    expect(witness.hurried).toEqual([]);
    expect(witness.gaps).toBe(0);
    expect(events.filter(({ level }) => level !== 'info')).toEqual([]);
    expect(publisher.backlogBytes).toBe(0);
    expect(show.publication.status()).toMatchObject({
      state: 'ended',
      backlogBytes: 0,
      failed: 0,
      playlistLagSeconds: 0,
    });
  });
});

it('gives each call to the store what is left of the time of the attempt', async () => {
  const clock = new VirtualClock();
  const store = new FaultyStore({ clock, latencyMs: 1000 });
  const limits: (number | undefined)[] = [];
  const { put, head } = store;
  store.put = (object, options) => {
    if (object.key === 'demo/source/s1-0.ts') limits.push(options?.timeoutMs);
    return put.call(store, object, options);
  };
  store.head = (key, options) => {
    if (key === 'demo/source/s1-0.ts') limits.push(options?.timeoutMs);
    return head.call(store, key, options);
  };
  const timing = { attemptMs: 8000, minimumBytesPerSecond: 1000 };
  const { publisher } = begin({ clock, store, timing });
  publisher.start();
  const show = new Show(publisher, { bytes: 2000 });
  await show.run(clock, 5);
  expect(limits).toEqual([10_000, 9000]);
});

it('deletes no segment before its grace is over', async () => {
  const { clock, store, publisher } = begin();
  const unlistedAt = new Map<string, number>();
  const early: string[] = [];
  let deleted = 0;
  let before: string[] = [];
  store.onCommit = (key) => {
    if (key !== playlist) return;
    const files = parsePlaylist(store.text(key)!).segments.map(({ file }) => `demo/source/${file}`);
    for (const file of before) if (!files.includes(file)) unlistedAt.set(file, clock.now());
    before = files;
  };
  store.onDelete = (key) => {
    deleted += 1;
    if (clock.now() - unlistedAt.get(key)! < 14_000) early.push(key);
  };
  publisher.start();
  await new Show(publisher).run(clock, 40);
  expect(early).toEqual([]);
  expect(deleted).toBeGreaterThan(20);
});

it('knows the grace of segments that are longer than was said', async () => {
  const { clock, store, publisher } = begin();
  const long = publisher.stream({ name: 'demo', windowSegments: 3, targetDurationSeconds: 2, cleanup: 'delete' });
  const lane = long.rendition<string>({
    name: 'source',
    render: (list) => textObject(playlist, list.map(({ entry }) => entry).join('\n')),
  });
  let unlistedAt: number | undefined;
  let deletedAt: number | undefined;
  store.onCommit = (key) => {
    if (key === playlist && !store.text(key)?.includes('x-0.ts')) unlistedAt ??= clock.now();
  };
  store.onDelete = (key) => {
    if (key.endsWith('x-0.ts')) deletedAt = clock.now();
  };
  publisher.start();
  for (let i = 0; i < 12; i += 1) {
    const file = `x-${i}.ts`;
    lane.append({ object: textObject(`demo/source/${file}`, file), durationSeconds: 10, entry: file });
    await clock.advance(10_000);
  }
  expect(deletedAt! - unlistedAt!).toBeGreaterThanOrEqual(40_000);
});

describe('what is uploaded', () => {
  it('an initialization segment once, before any playlist lists what needs it', async () => {
    const { clock, store, publisher } = begin();
    const inits: number[] = [];
    const early: string[] = [];
    store.fault = (operation, key) =>
      operation === 'put' && key.endsWith('init.mp4') && inits.length < 3 ? '500' : undefined;
    const put = store.put.bind(store);
    store.put = (object, options) => {
      if (object.key.endsWith('init.mp4')) inits.push(clock.now());
      return put(object, options);
    };
    store.onCommit = (key) => {
      if (key === playlist && !store.objects.has('demo/source/s1-init.mp4')) early.push(key);
    };
    publisher.start();
    const show = new Show(publisher);
    for (let i = 0; i < 6; i += 1) {
      show.segment({ init: 's1-init.mp4' });
      await clock.advance(2000);
    }
    expect(inits).toHaveLength(3);
    expect(early).toEqual([]);
    expect(parsePlaylist(store.text(playlist)!).segments).toHaveLength(6);
  });

  it('removes an initialization segment when nothing listed needs it any more', async () => {
    const { clock, store, publisher } = begin();
    publisher.start();
    const show = new Show(publisher);
    for (let i = 0; i < 40; i += 1) {
      show.segment({ init: i < 10 ? 's1-init.mp4' : 's2-init.mp4' });
      await clock.advance(2000);
      if (i === 14) expect(store.objects.has('demo/source/s1-init.mp4')).toBe(true);
    }
    expect(store.objects.has('demo/source/s1-init.mp4')).toBe(false);
    expect(store.objects.has('demo/source/s2-init.mp4')).toBe(true);
  });

  it('of a key that changes the newest content, at most once a second', async () => {
    const { clock, store, publisher } = begin();
    const witness = new Witness(store, clock);
    publisher.start();
    const show = new Show(publisher);
    for (let i = 0; i < 100; i += 1) {
      show.publication.image(textObject('demo/thumbnail.jpg', `picture ${i}`));
      await clock.advance(100);
    }
    await clock.advance(2000);
    expect(store.text('demo/thumbnail.jpg')).toBe('picture 99');
    expect(witness.writtenAt.get('demo/thumbnail.jpg')!.length).toBeLessThanOrEqual(11);
    expect(witness.hurried).toEqual([]);
    expect(publisher.backlogBytes).toBe(0);
  });

  it('immutable pictures once each, and the old ones of a series are removed', async () => {
    const { clock, store, publisher } = begin();
    publisher.start();
    const show = new Show(publisher);
    await clock.advance(1000);
    for (let i = 0; i < 10; i += 1) {
      show.publication.image(textObject(`demo/storyboard-${i}.jpg`, 'x'), { immutable: true, series: 'storyboard' });
      await clock.advance(10_000);
    }
    await clock.advance(30_000);
    expect([...store.objects.keys()].filter((key) => key.includes('storyboard')).sort()).toEqual([
      'demo/storyboard-8.jpg',
      'demo/storyboard-9.jpg',
    ]);
  });

  it('the important first, and no stream at the cost of another', async () => {
    const clock = new VirtualClock();
    const store = new FaultyStore({ clock, latencyMs: 200 });
    const { publisher } = begin({ clock, store, concurrency: 2, verify: false });
    publisher.start();
    const shows = ['a', 'b', 'c'].map((name) => new Show(publisher, { name }));
    // All have their leases already.
    for (const { name, publication } of shows) publication.image(textObject(`${name}/preview.gif`, 'x'));
    await clock.advance(4000);
    const order: string[] = [];
    const put = store.put.bind(store);
    store.put = (object, options) => {
      if (!object.key.endsWith('.json')) order.push(object.key);
      return put(object, options);
    };
    for (let i = 0; i < 10; i += 1) shows[0]!.segment();
    shows[1]!.publication.image(textObject('b/thumbnail.jpg', 'x'));
    for (let i = 0; i < 3; i += 1) for (const show of shows.slice(1)) show.segment({ init: 's1-init.mp4' });
    await clock.advance(10_000);
    const at = (key: string): number => order.indexOf(key);
    // Two of `a` had the slots before anything else was there.
    expect(order.slice(2, 4).sort()).toEqual(['b/source/s1-init.mp4', 'c/source/s1-init.mp4']);
    for (const name of ['b', 'c']) expect(at(`${name}/source/s1-2.ts`)).toBeLessThan(at('a/source/s1-6.ts'));
    expect(at('a/source/index.m3u8')).toBeLessThan(at('a/source/s1-9.ts'));
    expect(at('b/thumbnail.jpg')).toBeGreaterThan(at('a/source/s1-9.ts'));
  });

  it('nothing of the bodies stays in memory', async () => {
    const { clock, publisher } = begin();
    publisher.start();
    const show = new Show(publisher);
    await show.run(clock, 2);
    expect(publisher.backlogBytes).toBe(0);
    expect(show.publication.status().backlogBytes).toBe(0);
  });
});

describe('what was claimed is checked', () => {
  it('a listed segment that the store has lost becomes a gap', async () => {
    const { clock, store, publisher, events, metrics } = begin({ audit: { intervalMs: 5000 } });
    publisher.start();
    const show = new Show(publisher, { windowSegments: 12 });
    await show.run(clock, 12);
    expect(events.some(({ event }) => event === 'audit-failed')).toBe(false);
    store.objects.delete('demo/source/s1-8.ts');
    await show.run(clock, 5);
    const segments = parsePlaylist(store.text(playlist)!).segments;
    expect(segments.filter(({ gap }) => gap).map(({ sequence }) => sequence)).toEqual([8]);
    expect(events.filter(({ event }) => event === 'audit-failed')).toHaveLength(1);
    expect(metrics.some((one) => one.type === 'audited' && one.problems === 1)).toBe(true);
  });

  it('and through the public URL', async () => {
    const asked: string[] = [];
    const fetchOne = (async (url: string) => {
      asked.push(url);
      return new Response(null, { status: url.endsWith('s1-3.ts') ? 403 : 200, headers: { 'content-length': '1000' } });
    }) as unknown as typeof fetch;
    const { clock, publisher, events } = begin({
      audit: { intervalMs: 4000 },
      publicUrl: 'https://cdn.example.org/live',
      fetch: fetchOne,
    });
    publisher.start();
    const show = new Show(publisher);
    await show.run(clock, 7);
    expect(asked).toContain('https://cdn.example.org/live/demo/source/s1-0.ts');
    const [failed] = events.filter(({ event }) => event === 'audit-failed');
    expect(failed?.message).toContain('s1-3.ts answers 403');
  });

  it('a playlist that falls behind is told once, and once when it has caught up', async () => {
    const { clock, store, publisher, events } = begin();
    publisher.start();
    const show = new Show(publisher);
    await show.run(clock, 5);
    store.outage = 'refuse';
    await show.run(clock, 10);
    store.outage = 'none';
    await show.run(clock, 5);
    const lag = events.map(({ event }) => event).filter((event) => event.startsWith('playlist-'));
    expect(lag).toEqual(['playlist-lagging', 'playlist-caught-up']);
  });
});

describe('cleanup: keep', () => {
  it('deletes nothing and ends with a playlist of the whole recording', async () => {
    const { clock, store, publisher } = begin();
    publisher.start();
    const show = new Show(publisher, { cleanup: 'keep' });
    await show.run(clock, 100);
    expect(parsePlaylist(store.text(playlist)!).segments).toHaveLength(6);
    show.lane.end();
    await clock.until(show.publication.close());
    const whole = parsePlaylist(store.text(playlist)!);
    expect(whole.ended).toBe(true);
    expect(whole.segments.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(store.counts.delete).toBe(1); // the lease
  });

  it('gives each recording a playlist that no later session writes over', async () => {
    const { clock, store, publisher } = begin();
    publisher.start();
    const show = new Show(publisher, { cleanup: 'keep' });
    await show.run(clock, 30);
    show.lane.end();
    await clock.until(show.publication.close());
    const whole = parsePlaylist(store.text('demo/source/s1-recording.m3u8')!);
    expect(whole.ended).toBe(true);
    expect(whole.segments.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 30 }, (_, i) => i));
    const next = new Show(publisher, { cleanup: 'keep', session: 's2' });
    await next.run(clock, 8);
    expect(parsePlaylist(store.text('demo/source/s1-recording.m3u8')!).segments).toHaveLength(30);
    expect(parsePlaylist(store.text('demo/source/s2-recording.m3u8')!).segments.length).toBeGreaterThan(5);
  });

  it.each([false, true])('a recording outlives a change to delete (its node was killed: %s)', async (isKilled) => {
    const clock = new VirtualClock();
    const store = new FaultyStore({ clock });
    const link = severable(store, clock);
    const { publisher } = studio({ clock, store: link.store });
    publisher.start();
    const show = new Show(publisher, { cleanup: 'keep' });
    await show.run(clock, 20);
    if (isKilled) link.cut();
    else {
      show.lane.end();
      await clock.until(publisher.close());
    }
    const recorded = [...store.objects.keys()].filter((key) => key.includes('/s1-'));
    expect(recorded.length).toBeGreaterThan(20);
    const later = begin({ clock, store });
    later.publisher.start();
    await new Show(later.publisher, { session: 's2' }).run(clock, 60);
    expect([...store.objects.keys()].filter((key) => key.includes('/s2-')).length).toBeLessThan(20);
    expect([...store.objects.keys()].filter((key) => key.includes('/s1-')).sort()).toEqual(recorded.sort());
  });

  it('bounds the memory of a recording, and says so', async () => {
    const { clock, store, publisher, events } = begin();
    publisher.start();
    const show = new Show(publisher, { cleanup: 'keep', recordSegments: 20 });
    await show.run(clock, 60);
    show.lane.end();
    await clock.until(show.publication.close());
    const { segments } = parsePlaylist(store.text(playlist)!);
    expect(segments.at(-1)?.sequence).toBe(59);
    expect(segments.length).toBeLessThanOrEqual(6 + 22);
    expect(events.filter(({ event }) => event === 'recording-truncated')).toHaveLength(1);
  });
});

describe('close', () => {
  it('waits for what is queued, to its deadline', async () => {
    const { clock, store, publisher } = begin();
    publisher.start();
    const show = new Show(publisher);
    await show.run(clock, 3);
    store.outage = 'hang';
    show.segment();
    const begun = clock.now();
    await clock.until(publisher.close({ deadlineMs: 3000 }));
    expect(clock.now() - begun).toBeLessThan(8000);
    expect(publisher.backlogBytes).toBe(0);
    const calls = { ...store.counts };
    await clock.advance(60_000);
    expect(store.counts).toEqual(calls);
  });

  it('leaves a node that renders badly alive', async () => {
    const { clock, store, publisher, events } = begin();
    publisher.start();
    const bad = publisher.stream({ name: 'bad', windowSegments: 6, targetDurationSeconds: 2, cleanup: 'delete' });
    const lane = bad.rendition<number>({
      name: 'source',
      render: () => {
        throw new Error('no such thing');
      },
    });
    const show = new Show(publisher);
    lane.append({ object: textObject('bad/source/x-0.ts', 'x'), durationSeconds: 2, entry: 0 });
    await show.run(clock, 5);
    expect(events.some(({ event, stream }) => event === 'caller-failed' && stream === 'bad')).toBe(true);
    expect(parsePlaylist(store.text(playlist)!).segments).toHaveLength(5);
  });
});
