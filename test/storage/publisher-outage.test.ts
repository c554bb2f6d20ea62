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
      'segments-complete',
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

it('begins anew what hung when the store is back, instead of waiting for its deadline', async () => {
  const clock = new VirtualClock();
  const store = new FaultyStore({ clock, latencyMs: 30, bytesPerSecond: 12_500_000 });
  const timing = { attemptMs: 5000, minimumBytesPerSecond: 10_000 };
  const { publisher } = studio({ clock, store, backlogBytes: 60_000_000, timing });
  publisher.start();
  const show = new Show(publisher, { bytes: segmentBytes });
  await show.run(clock, 5);
  // Connections that are open die in silence, later ones are refused.
  store.outage = 'hang';
  await show.run(clock, 3);
  store.outage = 'refuse';
  await show.run(clock, 10);
  store.outage = 'none';
  await show.run(clock, 2);
  // A segment's deadline is 105 s away.
  expect(show.publication.status().playlistLagSeconds).toBeLessThanOrEqual(2);
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

it('asks little of a store that is down, and does not fall upon it when it is back, with 50 streams', async () => {
  const clock = new VirtualClock();
  const store = new FaultyStore({ clock, latencyMs: 30 });
  const { publisher, events } = studio({ clock, store, backlogBytes: 5_000_000 });
  publisher.start();
  const shows = Array.from({ length: 50 }, (_, i) => new Show(publisher, { name: `s${i}` }));
  const round = async (): Promise<void> => {
    for (const show of shows) show.segment();
    await clock.advance(2000);
  };
  for (let i = 0; i < 5; i += 1) await round();
  store.outage = 'refuse';
  await round();
  const calls = (): number => Object.values(store.counts).reduce((sum, count) => sum + count, 0);
  const before = calls();
  for (let i = 0; i < 30; i += 1) await round();
  // About two probes a second, and nothing else.
  expect(calls() - before).toBeLessThan(60 * 4);
  store.outage = 'none';
  const atOnce: number[] = [];
  for (const show of shows) show.segment();
  for (let i = 0; i < 200; i += 1) {
    await clock.advance(10);
    atOnce.push(store.inFlightPuts);
  }
  expect(Math.max(...atOnce)).toBeLessThanOrEqual(8 * 1.5 + 4);
  for (let i = 0; i < 6; i += 1) await round();
  for (const { publication } of shows) expect(publication.status()).toMatchObject({ playlistLagSeconds: 0, failed: 0 });
  expect(events.filter(({ event }) => event === 'store-down')).toHaveLength(1);
  await clock.until(publisher.close());
});

it('begins while the store is down, and catches up', async () => {
  const clock = new VirtualClock();
  const store = new FaultyStore({ clock });
  const { publisher } = studio({ clock, store });
  const witness = new Witness(store, clock);
  store.outage = 'hang';
  publisher.start();
  const show = new Show(publisher, { multivariant: true });
  await show.run(clock, 20);
  store.outage = 'none';
  await show.run(clock, 5);
  expect(show.publication.status()).toMatchObject({ playlistLagSeconds: 0, failed: 0, state: 'publishing' });
  expect(store.text('demo/index.m3u8')).toBeDefined();
  expect(witness.problems).toEqual([]);
  expect(witness.gaps).toBe(0);
  await clock.until(publisher.close());
});

it('keeps no endless list of what was lost', async () => {
  const clock = new VirtualClock();
  const store = new FaultyStore({ clock });
  const { publisher } = studio({ clock, store, backlogBytes: 5000 });
  const witness = new Witness(store, clock);
  publisher.start();
  const show = new Show(publisher);
  await show.run(clock, 3);
  store.outage = 'refuse';
  for (let i = 0; i < 6000; i += 1) show.segment();
  await clock.advance(5000);
  store.outage = 'none';
  await show.run(clock, 10);
  expect(show.publication.status().playlistLagSeconds).toBe(0);
  expect(witness.problems).toEqual([]);
  await clock.until(publisher.close());
});

function storedBytes(store: FaultyStore): number {
  return [...store.objects.values()].reduce((sum, { bytes }) => sum + bytes, 0);
}
