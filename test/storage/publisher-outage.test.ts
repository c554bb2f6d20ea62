import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { FaultyStore } from '../support/faulty-store.js';
import { VirtualClock } from '../support/virtual-clock.js';
import { parsePlaylist, Show, studio, Witness } from './publish/studio.js';

const playlist = 'demo/source/index.m3u8';
const backlogBytes = 20_000_000;
const segmentBytes = 1_000_000; // 4 Mbit/s, 2 s

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

async function heldBytes(): Promise<number> {
  for (let turn = 0; turn < 3; turn += 1) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().arrayBuffers;
}

describe.each(['refuse', 'hang'] as const)('an outage of 120 s (connections %s)', (kind) => {
  it('keeps memory within the bound, the playlist valid, and loses only what does not fit', async () => {
    const clock = new VirtualClock();
    const store = new FaultyStore({ clock, latencyMs: 30, bytesPerSecond: 12_500_000 });
    const { publisher, events, metrics } = studio({ clock, store, backlogBytes });
    const witness = new Witness(store, clock);
    publisher.start();
    const show = new Show(publisher, { bytes: segmentBytes });
    await show.run(clock, 10);
    const idle = (await heldBytes()) - storedBytes(store);

    store.outage = kind;
    let highest = 0;
    for (let second = 0; second < 120; second += 2) {
      show.segment();
      expect(publisher.backlogBytes).toBeLessThanOrEqual(backlogBytes);
      await clock.advance(2000);
      witness.check(playlist);
      if (second % 20 === 0) highest = Math.max(highest, (await heldBytes()) - storedBytes(store) - idle);
    }
    expect(highest).toBeLessThanOrEqual(backlogBytes * 1.2);
    expect(highest).toBeGreaterThan(backlogBytes * 0.5);

    store.outage = 'none';
    const before = store.counts.put;
    let mostAtOnce = 0;
    for (let step = 0; step < 10; step += 1) {
      await clock.advance(10);
      mostAtOnce = Math.max(mostAtOnce, store.inFlightPuts);
    }
    expect(mostAtOnce).toBeLessThanOrEqual(3);
    expect(store.counts.put - before).toBeLessThanOrEqual(6);
    await clock.advance(1900);
    show.segment();
    await clock.advance(2000);
    // Two segment durations after the return: all but the segment of this moment is listed.
    expect(show.publication.status().playlistLagSeconds).toBeLessThanOrEqual(2);
    await show.run(clock, 20);

    const status = show.publication.status();
    expect(status.playlistLagSeconds).toBe(0);
    expect(witness.problems).toEqual([]);
    expect(witness.hurried).toEqual([]);
    // 60 segments were made, 20 fit.
    expect(status.failed).toBeGreaterThanOrEqual(38);
    expect(status.failed).toBeLessThanOrEqual(42);
    expect(parsePlaylist(store.text(playlist)!).segments.every(({ gap }) => !gap)).toBe(true);
    expect(events.map(({ event }) => event).filter((event) => !event.startsWith('playlist-'))).toEqual([
      'store-down',
      'segments-given-up',
      'store-up',
    ]);
    const stored = metrics.filter((one) => one.type === 'upload' && one.kind === 'segment' && one.result === 'stored');
    expect(stored.length + status.failed).toBe(show.sequence);
    await clock.until(publisher.close());
  });
});

it('loses nothing in an outage that fits', async () => {
  const clock = new VirtualClock();
  const store = new FaultyStore({ clock, latencyMs: 30, bytesPerSecond: 12_500_000 });
  const { publisher, events } = studio({ clock, store, backlogBytes });
  const witness = new Witness(store, clock);
  const listed = new Set<string>();
  const note = store.onCommit;
  store.onCommit = (key) => {
    note(key);
    if (key === playlist) for (const { file } of parsePlaylist(store.text(key)!).segments) listed.add(file);
  };
  publisher.start();
  const show = new Show(publisher, { bytes: segmentBytes });
  await show.run(clock, 5);
  store.outage = 'refuse';
  await show.run(clock, 15);
  store.outage = 'none';
  await show.run(clock, 10);
  expect(witness.gaps).toBe(0);
  expect(witness.problems).toEqual([]);
  expect(listed.size).toBe(show.sequence);
  expect(show.publication.status().failed).toBe(0);
  expect(events.some(({ event }) => event === 'segments-given-up')).toBe(false);
  await clock.until(publisher.close());
});

it('goes on delivering what it can on a link that is slower than the stream', async () => {
  const clock = new VirtualClock();
  const store = new FaultyStore({ clock, latencyMs: 30, bytesPerSecond: 300_000 });
  const { publisher } = studio({ clock, store, backlogBytes: 6_000_000, concurrency: 2 });
  const witness = new Witness(store, clock);
  publisher.start();
  const show = new Show(publisher, { bytes: segmentBytes });
  await show.run(clock, 100);
  const { uploaded, failed } = show.publication.status();
  // The link carries 60 % of it.
  expect(failed).toBeLessThan(55);
  expect(uploaded).toBeGreaterThan(50);
  expect(witness.problems).toEqual([]);
  expect(witness.playlists).toBeGreaterThan(25);
  expect(publisher.backlogBytes).toBeLessThanOrEqual(6_000_000);
  await clock.until(publisher.close({ deadlineMs: 0 }));
});

it('asks a store that refuses seldom, tells it once, and recovers', async () => {
  const clock = new VirtualClock();
  const store = new FaultyStore({ clock });
  const { publisher, events } = studio({ clock, store });
  publisher.start();
  const show = new Show(publisher);
  await show.run(clock, 3);
  store.outage = 'deny';
  const before = store.counts.put;
  await show.run(clock, 150);
  expect(store.counts.put - before).toBeLessThan(60);
  expect(events.filter(({ event }) => event === 'store-refused')).toHaveLength(1);
  expect(show.publication.status().lastError?.code).toBe('storage-denied');
  store.outage = 'none';
  await show.run(clock, 25);
  expect(show.publication.status().playlistLagSeconds).toBe(0);
  expect(show.publication.status().failed).toBe(0);
  await clock.until(publisher.close());
});

function storedBytes(store: FaultyStore): number {
  return [...store.objects.values()].reduce((sum, { bytes }) => sum + bytes, 0);
}
