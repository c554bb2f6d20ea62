import { expect, it } from 'vitest';
import { type Fault, FaultyStore } from '../support/faulty-store.js';
import { VirtualClock } from '../support/virtual-clock.js';
import { parsePlaylist, Show, seeded, studio, Witness } from './publish/studio.js';

const kinds: readonly Fault[] = [
  'latency',
  '500',
  '503',
  '429',
  '413',
  'reset-before',
  'reset-after',
  'late',
  'trickle',
  'skew',
  'refused-header',
  'missing-after-put',
  'hang',
];
const streams = 10;
const segmentsEach = 1000;

it('10,000 segments through 5 % faults of every kind: never a playlist that lists what cannot be read', async () => {
  const clock = new VirtualClock();
  const random = seeded(7);
  const store = new FaultyStore({
    clock,
    latencyMs: 20,
    fault: () => (random() < 0.05 ? kinds[Math.floor(random() * kinds.length)] : undefined),
  });
  const { publisher, metrics } = studio({ clock, store, backlogBytes: 50_000_000, seed: 3 });
  const witness = new Witness(store, clock);
  const observe = store.onCommit;
  const committed = new Set<string>();
  let hidden = 0;
  store.onCommit = (key) => {
    observe(key);
    if (/-\d+\.ts$/.test(key)) committed.add(key);
  };
  store.onDelete = (key) => {
    const [stream] = key.split('/');
    const text = store.text(`${stream}/source/index.m3u8`);
    if (text === undefined || !key.endsWith('.ts')) return;
    if (parsePlaylist(text).segments.some(({ file, gap }) => !gap && key.endsWith(`/${file}`))) hidden += 1;
  };
  publisher.start();
  const shows = Array.from(
    { length: streams },
    (_, i) => new Show(publisher, { name: `s${i}`, session: `x${i}`, multivariant: true }),
  );
  for (let round = 0; round < segmentsEach; round += 1) {
    for (const show of shows) show.segment();
    await clock.advance(2000);
  }
  for (const show of shows) show.lane.end();
  await clock.advance(60_000);
  expect(publisher.backlogBytes).toBe(0);
  for (const show of shows) {
    expect(show.publication.status()).toMatchObject({ failed: 0, playlistLagSeconds: 0 });
    const last = parsePlaylist(store.text(`${show.name}/source/index.m3u8`)!);
    expect(last.ended).toBe(true);
    expect(last.segments.at(-1)?.sequence).toBe(segmentsEach - 1);
  }
  // Cleanup goes on through the same faults.
  await clock.advance(300_000);
  expect([...store.faultsSeen.keys()].sort()).toEqual([...kinds].sort());
  expect(witness.problems).toEqual([]);
  expect(witness.gaps).toBe(0);
  expect(hidden).toBe(0);

  const listed = shows.flatMap((show) =>
    parsePlaylist(store.text(`${show.name}/source/index.m3u8`)!).segments.map(
      ({ file }) => `${show.name}/source/${file}`,
    ),
  );
  const left = [...store.objects.keys()].filter((key) => key.endsWith('.ts'));
  expect(left.sort()).toEqual(listed.sort());
  const uploads = metrics.filter((one) => one.type === 'upload');
  const segments = uploads.filter(({ kind }) => kind === 'segment');
  expect(segments.filter(({ result }) => result === 'stored')).toHaveLength(streams * segmentsEach);
  expect(segments.filter(({ result }) => result === 'given-up')).toHaveLength(0);
  expect(segments.filter(({ result }) => result === 'failed').length).toBeGreaterThan(300);
  expect(committed.size).toBe(streams * segmentsEach);
  const deleted = metrics.reduce((sum, one) => sum + (one.type === 'deleted' ? one.objects : 0), 0);
  expect(deleted).toBe(committed.size - left.length);

  store.fault = () => undefined;
  await clock.until(publisher.close());
  expect([...store.objects.keys()].filter((key) => key.endsWith('lease.json'))).toEqual([]);
});
