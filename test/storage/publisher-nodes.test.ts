import { describe, expect, it } from 'vitest';
import { FaultyStore } from '../support/faulty-store.js';
import { severable } from '../support/severable-store.js';
import { VirtualClock } from '../support/virtual-clock.js';
import { parsePlaylist, Show, studio, Witness } from './publish/studio.js';

const playlist = 'demo/source/index.m3u8';

/** A shared store and as many nodes as wanted. */
function world({ conditional = true } = {}) {
  const clock = new VirtualClock();
  const store = new FaultyStore({ clock, conditional, latencyMs: 40, bytesPerSecond: 2_000_000 });
  const witness = new Witness(store, clock);
  const node = (session: string, seed: number) => {
    const link = severable(store, clock);
    const made = studio({ clock, store: link.store, seed, lease: { owner: `node-${session}` } });
    made.publisher.start();
    return { ...made, link, show: new Show(made.publisher, { session, bytes: 100_000 }) };
  };
  return { clock, store, witness, node };
}

it('a node killed in the middle of an upload and started again: valid before, between and after, orphans gone', async () => {
  const { clock, store, witness, node } = world();
  const first = node('aaa', 1);
  await first.show.run(clock, 12);
  // Two segments on their way, one of which the store receives.
  first.show.segment();
  first.show.segment();
  await clock.advance(60);
  expect(store.inFlightPuts).toBeGreaterThan(0);
  first.link.cut();
  await clock.advance(3000);
  const between = parsePlaylist(store.text(playlist)!);
  witness.check(playlist);
  expect(between.segments.every(({ file }) => file.startsWith('aaa-'))).toBe(true);

  const second = node('bbb', 2);
  for (let i = 0; i < 60; i += 1) {
    second.show.segment();
    await clock.advance(2000);
    witness.check(playlist);
  }
  expect(witness.problems).toEqual([]);
  expect(witness.sessions).toEqual(['aaa', 'bbb']);
  expect([...store.objects.keys()].filter((key) => key.includes('aaa-'))).toEqual([]);
  expect(second.events.some(({ event }) => event === 'orphans-removed')).toBe(true);
  // Its own are all there, and no more than the grace allows.
  const own = [...store.objects.keys()].filter((key) => key.includes('bbb-'));
  expect(own.length).toBeLessThan(6 + 7 + 4);
  await clock.until(second.publisher.close());
});

describe.each([true, false])('two nodes with one stream name (conditional writes: %s)', (conditional) => {
  it('never interleave: the second waits, and takes over when the first is gone', async () => {
    const { clock, witness, node } = world({ conditional });
    const a = node('aaa', 1);
    await a.show.run(clock, 4);
    const b = node('bbb', 2);
    for (let i = 0; i < 15; i += 1) {
      a.show.segment();
      b.show.segment();
      await clock.advance(2000);
    }
    expect(witness.sessions).toEqual(['aaa']);
    const status = b.show.publication.status();
    expect(status.state).toBe('standby');
    expect(status.lastError?.code).toBe('storage-conflict');
    expect(status.lastError?.message).toContain('another node');
    expect(status.backlogBytes).toBeLessThanOrEqual(6 * 100_000);
    expect(b.events.filter(({ event }) => event === 'lease-conflict')).toHaveLength(1);

    a.link.cut();
    for (let i = 0; i < 15; i += 1) {
      b.show.segment();
      await clock.advance(2000);
    }
    expect(b.show.publication.status().state).toBe('publishing');
    // The first wakes up and believes for a moment that it is still the one.
    a.link.mend();
    for (let i = 0; i < 15; i += 1) {
      a.show.segment();
      b.show.segment();
      await clock.advance(2000);
    }
    expect(witness.sessions).toEqual(['aaa', 'bbb']);
    expect(witness.problems).toEqual([]);
    expect(a.show.publication.status().state).toBe('standby');
    expect([...a.events, ...b.events].filter(({ event }) => event === 'lease-unsupported')).toHaveLength(
      conditional ? 0 : 2,
    );
    await clock.until(b.publisher.close());
    void a.publisher.close({ deadlineMs: 0 });
  });
});

it('two nodes that start at the same moment: one wins', async () => {
  const { clock, witness, node } = world();
  const a = node('aaa', 1);
  const b = node('bbb', 2);
  for (let i = 0; i < 20; i += 1) {
    a.show.segment();
    b.show.segment();
    await clock.advance(2000);
  }
  expect(witness.sessions).toHaveLength(1);
  expect([a, b].map(({ show }) => show.publication.status().state).sort()).toEqual(['publishing', 'standby']);
  await clock.until(a.publisher.close());
  await clock.until(b.publisher.close());
});

it('a playlist that arrives late from a node that lost its lease changes nothing', async () => {
  const { clock, store, witness, node } = world();
  const a = node('aaa', 1);
  await a.show.run(clock, 4);
  // Its next playlist is held up on the way for as long as the lease and longer.
  const put = store.put.bind(store);
  let heldUp = 0;
  store.put = async (object, options) => {
    if (object.key === playlist && Buffer.from(object.body).includes('aaa-')) {
      heldUp += 1;
      await clock.delay(30_000);
      const { signal: _signal, timeoutMs: _timeoutMs, ...rest } = options ?? {};
      return put(object, rest);
    }
    return put(object, options);
  };
  a.show.segment();
  await clock.advance(1000);
  expect(heldUp).toBe(1);
  a.link.cut();
  const b = node('bbb', 2);
  for (let i = 0; i < 30; i += 1) {
    b.show.segment();
    await clock.advance(2000);
  }
  expect(witness.sessions).toEqual(['aaa', 'bbb']);
  expect(witness.problems).toEqual([]);
  await clock.until(b.publisher.close());
});

it('a stream that is closed gives its lease back: another node begins at once', async () => {
  const { clock, store, witness, node } = world();
  const a = node('aaa', 1);
  await a.show.run(clock, 4);
  a.show.lane.end();
  await clock.until(a.show.publication.close());
  expect(store.objects.has('demo/lease.json')).toBe(false);
  const b = node('bbb', 2);
  await b.show.run(clock, 2);
  expect(witness.sessions).toEqual(['aaa', 'bbb']);
  await clock.until(b.publisher.close());
  await clock.until(a.publisher.close());
});

it('a stream that ends and begins again in one node: its last session is removed when nothing lists it', async () => {
  const { clock, store, witness, node } = world();
  const a = node('aaa', 1);
  await a.show.run(clock, 20);
  a.show.lane.end();
  await clock.until(a.show.publication.close());
  expect(parsePlaylist(store.text(playlist)!).ended).toBe(true);
  const again = new Show(a.publisher, { session: 'ccc', bytes: 100_000 });
  await again.run(clock, 30);
  expect(witness.sessions).toEqual(['aaa', 'ccc']);
  expect(witness.problems).toEqual([]);
  expect([...store.objects.keys()].filter((key) => key.includes('aaa-'))).toEqual([]);
  await clock.until(a.publisher.close());
});

it('orphans: finds them by the thousand, spares what is not its own to judge', async () => {
  const { clock, store, node } = world();
  const put = (key: string, text = 'x'): Promise<unknown> =>
    store.put({ key, body: Buffer.from(text), contentType: 'text/plain' });
  const spared = [
    'demo/source/holiday.ts',
    'demo/source/notes.txt',
    'demo/source/old-7.ts',
    'demo/source/recording.m3u8',
    'demo/thumbnail.jpg',
    'demo-2/source/old-1.ts',
    'other/source/old-1.ts',
  ];
  const written = [
    ...spared.filter((key) => !key.endsWith('.m3u8')).map((key) => put(key)),
    put('demo/source/recording.m3u8', '#EXTM3U\n#EXTINF:2,\nold-7.ts\n'),
    ...Array.from({ length: 1200 }, (_, i) => put(`demo/source/old-${i + 100}.ts`)),
    put('demo/source/old-init.mp4'),
    put('demo/gone/old-1.m4s'),
  ];
  await clock.until(Promise.all(written));
  await clock.advance(60_000);
  const a = node('aaa', 1);
  await a.show.run(clock, 20);
  const left = [...store.objects.keys()].filter((key) => !key.includes('aaa-'));
  expect(left.sort()).toEqual([...spared, 'demo/lease.json', playlist].sort());
  await clock.until(a.publisher.close());
});
