import { afterEach, describe, expect, it } from 'vitest';
import type { StillsOptions } from '../../src/storage/publish/types.js';
import { createPublisher, type StorePublisher } from '../../src/storage/publisher.js';
import { createS3Store } from '../../src/storage/s3.js';
import type { StoredObject } from '../../src/storage/store.js';
import { FaultyStore } from '../support/faulty-store.js';
import { s3ConfigFor } from '../support/s3/config.js';
import { startS3Server } from '../support/s3/server.js';
import { VirtualClock } from '../support/virtual-clock.js';
import { until } from '../support/wait.js';
import { studio } from './publish/studio.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const kept: StillsOptions = { naming: 'date', format: 'jpg', keepCount: 5, keepSeconds: 3600 };
const stream = { name: 'demo', windowSegments: 6, targetDurationSeconds: 2, cleanup: 'delete' } as const;
/** Nobody's but a stranger's. */
const foreign = [
  'demo/stills/notes.txt',
  'demo/stills/20260231T000000.000Z.jpg',
  'demo/stills/123.jpg',
  'demo/stills/deep/0000000001.jpg',
  'demo/stills-old/0000000001.jpg',
  'other/stills/0000000001.jpg',
];

const object = (key: string): StoredObject => ({ key, body: Buffer.from('x'), contentType: 'image/jpeg' });
const stillAt = (capturedAt: number) => ({
  body: Buffer.alloc(100),
  contentType: 'image/jpeg',
  cacheControl: 'immutable',
  metadata: {},
  capturedAt,
});

function begin(options: Partial<StillsOptions> = {}, clock = new VirtualClock(), store = new FaultyStore({ clock })) {
  const { publisher } = studio({ clock, store });
  closers.push(() => void publisher.close({ deadlineMs: 0 }));
  publisher.start();
  const publication = publisher.stream(stream);
  const lane = publication.stills({ ...kept, ...options });
  const run = async (count: number, everyMs = 5000) => {
    for (let each = 0; each < count; each += 1) {
      lane.add(stillAt(clock.now()));
      await clock.advance(everyMs);
    }
    // What is doomed is deleted a little later.
    await clock.advance(5000);
  };
  const files = () =>
    [...store.objects.keys()]
      .filter((key) => key.startsWith('demo/stills/'))
      .map((key) => key.slice(12))
      .sort();
  return { clock, store, publisher, publication, lane, run, files };
}

const close = (clock: VirtualClock, publisher: StorePublisher) => clock.until(publisher.close({ deadlineMs: 1000 }));

describe('a sequence of stills', () => {
  it('keeps the newest by count, named by their dates', async () => {
    const { run, files, lane, publisher } = begin();
    await run(12);
    expect(files()).toHaveLength(5);
    expect(files().at(-1)).toBe('20260101T000055.000Z.jpg');
    expect(lane.list().map(({ name }) => name)).toEqual(files());
    expect(publisher.backlogBytes).toBe(0);
  });

  it('removes what is too old, although nothing new comes', async () => {
    const { run, files, clock, lane } = begin({ keepCount: 100, keepSeconds: 60 });
    await run(5);
    expect(files()).toHaveLength(5);
    await clock.advance(30_000);
    expect(files().length).toBeGreaterThan(0);
    await clock.advance(60_000);
    expect(files()).toEqual([]);
    expect(lane.list()).toEqual([]);
  });

  it('goes on after a restart: numbers, and retention of what was there', async () => {
    const first = begin({ naming: 'number' });
    await first.run(4);
    expect(first.files()).toEqual([1, 2, 3, 4].map((number) => `000000000${number}.jpg`));
    await close(first.clock, first.publisher);
    const second = begin({ naming: 'number' }, first.clock, first.store);
    await second.run(4);
    expect(second.files()).toEqual([4, 5, 6, 7, 8].map((number) => `000000000${number}.jpg`));
    expect(second.lane.list().map(({ name }) => name)).toEqual(second.files());
  });

  it('takes stills of the other naming for its own', async () => {
    const first = begin({ naming: 'number' });
    await first.run(4);
    await close(first.clock, first.publisher);
    const second = begin({}, first.clock, first.store);
    await second.run(3);
    expect(second.files()).toHaveLength(5);
    expect(second.files().filter((name) => name.startsWith('00000'))).toEqual(['0000000003.jpg', '0000000004.jpg']);
  });

  it('touches no key that bears another name', async () => {
    const clock = new VirtualClock();
    const store = new FaultyStore({ clock });
    for (const key of foreign) await clock.until(store.put(object(key)));
    const { run } = begin({ keepCount: 1, keepSeconds: 1 }, clock, store);
    await clock.advance(60_000);
    await run(20);
    for (const key of foreign) expect(store.objects.has(key), key).toBe(true);
  });

  it('holds little while the store is away', async () => {
    const { clock, store, lane, publisher, files } = begin();
    await clock.advance(2000);
    lane.add(stillAt(clock.now()));
    await clock.advance(2000);
    expect(files()).toHaveLength(1);
    store.outage = 'refuse';
    for (let each = 0; each < 100; each += 1) {
      lane.add(stillAt(clock.now()));
      await clock.advance(100);
    }
    expect(publisher.backlogBytes).toBeLessThanOrEqual(1000);
    store.outage = 'none';
    await clock.advance(120_000);
    expect(files()).toHaveLength(5);
    expect(publisher.backlogBytes).toBe(0);
  });

  it('lives on S3, over a restart', async () => {
    const server = await startS3Server({});
    closers.push(server.close);
    for (let round = 0; round < 2; round += 1) {
      const store = await createS3Store(s3ConfigFor(server));
      const publisher = createPublisher({ store, backlogBytes: 1_000_000, lease: false });
      publisher.start();
      const lane = publisher.stream(stream).stills({ ...kept, naming: 'number', keepCount: 3 });
      for (let each = 0; each < 4; each += 1) {
        lane.add(stillAt(Date.now()));
        const name = `${String(round * 4 + each + 1).padStart(10, '0')}.jpg`;
        await until(name, () => lane.list().at(-1)?.name === name);
      }
      await until(
        'the removal',
        () => [...server.objects().keys()].filter((key) => key.includes('/stills/')).length === 3,
      );
      await publisher.close({ deadlineMs: 100 });
      await store.close();
    }
    const keys = [...server.objects().keys()].filter((key) => key.includes('/stills/')).sort();
    expect(keys.map((key) => key.slice(-14))).toEqual(['0000000006.jpg', '0000000007.jpg', '0000000008.jpg']);
  });
});
