import { afterEach, describe, expect, it } from 'vitest';
import type { Publisher } from '../../src/storage/publisher.js';
import { FaultyStore, type Operation } from '../support/faulty-store.js';
import { VirtualClock } from '../support/virtual-clock.js';
import { parsePlaylist, Show, type StudioOptions, studio, textObject, Witness } from './publish/studio.js';

const playlist = 'demo/source/index.m3u8';

const open: Publisher[] = [];
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
