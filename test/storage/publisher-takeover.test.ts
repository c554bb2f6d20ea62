import { describe, expect, it } from 'vitest';
import { FaultyStore } from '../support/faulty-store.js';
import { severable } from '../support/severable-store.js';
import { VirtualClock } from '../support/virtual-clock.js';
import { parsePlaylist, Show, type ShowOptions, studio, textObject, Witness } from './publish/studio.js';

const playlist = 'demo/source/index.m3u8';

/** A shared store and nodes that come and go, each with the numbers of its own start. */
function world({ conditional = true, show: common = {} as ShowOptions, ttlMs = 12_000 } = {}) {
  const clock = new VirtualClock();
  const store = new FaultyStore({ clock, conditional, latencyMs: 40, bytesPerSecond: 20_000_000 });
  const witness = new Witness(store, clock);
  const started: { readonly show: Show; on: boolean }[] = [];
  const node = (session: string, first: number, options: ShowOptions = {}) => {
    const link = severable(store, clock);
    const made = studio({ clock, store: link.store, seed: first + 1, lease: { ttlMs, owner: `node-${session}` } });
    made.publisher.start();
    const show = new Show(made.publisher, { session, first, bytes: 50_000, ...common, ...options });
    const life = { show, on: true };
    started.push(life);
    const stop = async () => {
      life.on = false;
      await clock.until(made.publisher.close());
    };
    const kill = () => {
      life.on = false;
      link.cut();
    };
    return { ...made, show, stop, kill };
  };
  /** Every node that runs makes so many segments. */
  const run = async (segments: number, seconds = 2) => {
    for (let each = 0; each < segments; each += 1) {
      for (const { show, on } of started) if (on) show.segment({ seconds });
      await clock.advance(seconds * 1000);
      witness.check(playlist);
    }
  };
  const list = (key = playlist) => parsePlaylist(store.text(key)!);
  const files = (key?: string) => list(key).segments.map(({ file }) => file);
  return { clock, store, witness, node, run, list, files };
}

const sessionsIn = (files: readonly string[]) => [...new Set(files.map((file) => file.split('-')[0]))];

/** Every playlist that is written from now on. */
function listsOf(store: FaultyStore): readonly string[] {
  const lists: string[] = [];
  const { onCommit } = store;
  store.onCommit = (key) => {
    onCommit(key);
    if (key === playlist) lists.push(store.text(key)!);
  };
  return lists;
}

describe.each([true, false])('a node takes over (conditional writes: %s)', (conditional) => {
  it.each([
    ['one that was started later', 100, 1000],
    ['one that was started before', 1000, 100],
  ])('from %s, which was killed: its segments stay listed, numbers go on', async (_, firstB, firstC) => {
    const { witness, node, run, list, files } = world({ conditional });
    const c = node('ccc', firstC);
    await run(4);
    const b = node('bbb', firstB);
    await run(6);
    expect(witness.sessions).toEqual(['ccc']);
    c.kill();
    const before = list();
    await run(9);
    expect(witness.sessions).toEqual(['ccc', 'bbb']);
    await run(2);
    expect(list().mediaSequence).toBeGreaterThanOrEqual(before.mediaSequence);
    await run(20);
    expect(sessionsIn(files())).toEqual(['bbb']);
    expect(list().mediaSequence).toBe(before.mediaSequence + (list().segments[0]!.sequence - before.mediaSequence));
    expect(witness.problems).toEqual([]);
    expect(b.show.publication.status()).toMatchObject({ state: 'publishing', lastError: null });
    await b.stop();
  });
});

it("the first playlist of a takeover lists the other node's last segments, a discontinuity, and only what comes after them", async () => {
  const { clock, store, witness, node, run, list } = world();
  const c = node('ccc', 1000);
  await run(4);
  node('bbb', 100);
  await run(6);
  const before = list();
  const first: string[] = [];
  const { onCommit } = store;
  store.onCommit = (key) => {
    onCommit(key);
    if (key === playlist && store.text(key)!.includes('bbb-')) first.push(store.text(key)!);
  };
  // It is stopped in order, so the other one need not wait.
  await c.stop();
  await run(2);
  const text = first[0]!;
  const after = parsePlaylist(text);
  const own = after.segments.find(({ file }) => file.startsWith('bbb-'))!;
  expect(own.sequence).toBe(before.segments.at(-1)!.sequence + 1);
  expect(text.match(/#EXT-X-DISCONTINUITY\n/g)).toHaveLength(1);
  expect(text.split('#EXT-X-DISCONTINUITY\n')[1]).toContain(own.file);
  expect(after.segments.filter(({ file }) => file.startsWith('ccc-')).length).toBeGreaterThanOrEqual(3);
  expect(text).not.toContain('ENDLIST');
  expect(witness.problems).toEqual([]);
  await clock.advance(1000);
});

it.each(['stopped', 'killed'])(
  'the last segments of a node that was %s stay listed for half a window, also where a whole window waits to follow them',
  async (how) => {
    // It looks at the lease every 10 s, by when more than its three segments have come.
    const { store, witness, node, run, list } = world({ show: { windowSegments: 3 }, ttlMs: 60_000 });
    const c = node('ccc', 1000);
    await run(4);
    const b = node('bbb', 100);
    await run(6);
    if (how === 'killed') c.kill();
    else await c.stop();
    const before = list();
    const lists = listsOf(store);
    await run(how === 'killed' ? 40 : 8);
    const mixed = lists.filter((text) => text.includes('ccc-'));
    expect(mixed[0]).toMatch(/ccc-\d+\.ts\n#EXT-X-DISCONTINUITY\n(?:#EXT.*\n)+bbb-/);
    const first = parsePlaylist(mixed[0]!).segments.filter(({ file }) => file.startsWith('ccc-'));
    expect(first).toEqual(before.segments.filter(({ sequence }) => sequence >= first[0]!.sequence));
    expect(first.length).toBeGreaterThanOrEqual(3);
    expect(parsePlaylist(mixed[0]!).segments.filter(({ file }) => file.startsWith('bbb-')).length).toBeGreaterThan(2);
    await run(4);
    expect(list().segments.every(({ file }) => file.startsWith('bbb-'))).toBe(true);
    expect(witness.problems).toEqual([]);
    await b.stop();
  },
);

it.each([
  ['before the next segment comes', 3000],
  ['afterwards', 20_000],
])(
  'after a very short last segment of a node that was stopped, times do not go back: taken over %s',
  async (_, ttlMs) => {
    const { clock, store, witness, node, run } = world({ ttlMs });
    const c = node('ccc', 1000);
    await run(4);
    const b = node('bbb', 100);
    await run(6);
    for (const { show } of [b, c]) show.segment();
    await clock.advance(1200);
    c.show.segment({ seconds: 0.2 });
    await c.stop();
    await clock.advance(300);
    const lists = listsOf(store);
    await clock.advance(500);
    // It begins before the short one, and ends long after it.
    const early = b.show.sequence;
    await run(6);
    const mixed = lists.find((text) => text.includes('ccc-') && text.includes('bbb-'));
    expect(mixed).toMatch(new RegExp(`ccc-1011\\.ts\n#EXT-X-DISCONTINUITY\n(?:#EXT.*\n)+bbb-${early + 1}\\.ts`));
    expect(store.objects.has(`demo/source/bbb-${early}.ts`)).toBe(false);
    expect(witness.problems).toEqual([]);
    await b.stop();
  },
);

it('ten nodes after each other, killed or stopped, with numbers in any order: none falls, none names two segments', async () => {
  const { witness, node, run } = world();
  let current = node('n0', 500);
  await run(5);
  for (const [index, first] of [90, 7000, 10, 6000, 20, 20, 9000, 1, 400, 300].entries()) {
    const next = node(`n${index + 1}`, first);
    await run(3);
    if (index % 2 === 0) current.kill();
    else await current.stop();
    await run(index % 2 === 0 ? 9 : 3);
    current = next;
  }
  await run(10);
  expect(witness.sessions).toEqual(Array.from({ length: 11 }, (_, index) => `n${index}`));
  expect(witness.problems).toEqual([]);
  await current.stop();
});

it('a node that is stopped and started again continues its own playlist', async () => {
  const { witness, node, run, list } = world();
  const first = node('aaa', 100);
  await run(10);
  await first.stop();
  const before = list();
  expect(before.ended).toBe(false);
  await run(5);
  const second = node('bbb', 200);
  await run(1);
  expect(
    list()
      .segments.map(({ file }) => file)
      .at(-1),
  ).toBe('bbb-200.ts');
  expect(list().segments.at(-1)!.sequence).toBe(before.segments.at(-1)!.sequence + 1);
  await run(10);
  expect(witness.problems).toEqual([]);
  await second.stop();
});

it('numbers of all renditions go on together, though one of them was a segment behind', async () => {
  const { store, witness, node, run, list } = world({ show: { renditions: ['high', 'low'] } });
  const c = node('ccc', 1000);
  await run(8);
  // The last playlist of `low` never came.
  store.fault = (operation, key) => (operation === 'put' && key.startsWith('demo/low/index') ? '500' : undefined);
  await run(1);
  c.kill();
  store.fault = () => undefined;
  const [high, low] = [list('demo/high/index.m3u8'), list('demo/low/index.m3u8')];
  expect(high.segments.at(-1)!.sequence).toBe(low.segments.at(-1)!.sequence + 1);
  const b = node('bbb', 100);
  await run(9);
  const numbersOf = (rendition: string) =>
    list(`demo/${rendition}/index.m3u8`).segments.map(({ file, sequence }) => [file, sequence]);
  expect(numbersOf('high')).toEqual(numbersOf('low'));
  expect(witness.problems).toEqual([]);
  await run(10);
  expect(numbersOf('high')).toEqual(numbersOf('low'));
  expect(witness.problems).toEqual([]);
  await b.stop();
});

it('a segment of the last node that is not on the store is a gap', async () => {
  const { store, witness, node, run, list } = world();
  const c = node('ccc', 1000);
  await run(8);
  c.kill();
  store.objects.delete('demo/source/ccc-1006.ts');
  const b = node('bbb', 100);
  await run(8);
  const listed = list().segments;
  expect(listed.find(({ file }) => file === 'ccc-1006.ts')?.gap ?? true).toBe(true);
  expect(witness.problems.filter((problem) => !problem.startsWith('ccc-1006.ts'))).toEqual([]);
  expect(listed.at(-1)!.file).toContain('bbb-');
  await b.stop();
});

it('from fMP4 to MPEG-TS: what needs an initialization segment is listed no more, numbers go on', async () => {
  const { clock, store, witness, node, run, list } = world();
  const c = node('ccc', 1000);
  for (let each = 0; each < 8; each += 1) {
    c.show.segment({ init: 'ccc-init.mp4' });
    await clock.advance(2000);
  }
  const before = list();
  expect(store.text(playlist)).toContain('#EXT-X-MAP');
  await c.stop();
  const b = node('bbb', 100);
  await run(8);
  expect(store.text(playlist)).not.toContain('#EXT-X-MAP');
  expect(list().segments[0]!.sequence).toBeGreaterThan(before.segments.at(-1)!.sequence);
  expect(witness.problems.filter((problem) => !problem.includes('shorter than three'))).toEqual([]);
  await b.stop();
});

it('two fMP4 nodes: each keeps its own initialization segment', async () => {
  const { clock, store, witness, node } = world();
  const make = async (show: Show, init: string, count: number) => {
    for (let each = 0; each < count; each += 1) {
      show.segment({ init });
      await clock.advance(2000);
    }
  };
  const c = node('ccc', 1000);
  await make(c.show, 'ccc-init.mp4', 8);
  await c.stop();
  const b = node('bbb', 100);
  await make(b.show, 'bbb-init.mp4', 2);
  expect(store.text(playlist)).toMatch(/ccc-init\.mp4[\s\S]*DISCONTINUITY[\s\S]*bbb-init\.mp4/);
  await make(b.show, 'bbb-init.mp4', 60);
  expect(witness.problems).toEqual([]);
  expect([...store.objects.keys()].filter((key) => key.includes('ccc-'))).toEqual([]);
  await b.stop();
});

it('a longer target duration stays while its segments are listed', async () => {
  const { clock, store, witness, node, run } = world();
  const c = node('ccc', 1000);
  for (let each = 0; each < 6; each += 1) {
    c.show.segment({ seconds: 5 });
    await clock.advance(5000);
  }
  await c.stop();
  expect(store.text(playlist)).toContain('#EXT-X-TARGETDURATION:5\n');
  const b = node('bbb', 100);
  await run(3);
  expect(store.text(playlist)).toMatch(/ccc-[\s\S]*bbb-/);
  expect(store.text(playlist)).toContain('#EXT-X-TARGETDURATION:5\n');
  expect(witness.problems).toEqual([]);
  await b.stop();
});

describe('what cannot be continued', () => {
  const foreign = (text: string) => textObject(playlist, text);
  it.each([
    ['no playlist', 'hello', 1_000_000],
    [
      'cut off in the middle of an entry',
      '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:\nccc-1.ts\n',
      1_000_000,
    ],
    ['huge', `#EXTM3U\n#EXT-X-TARGETDURATION:2\n${'#EXTINF:2,\nccc-1.ts\n'.repeat(150_000)}`, 1_000_000],
    [
      'with an absurd number',
      '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:9007199254740000\n#EXTINF:2,\nccc-1.ts\n',
      1_000_000,
    ],
    [
      'of another program',
      '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:700\n#EXTINF:2,\nhttp://elsewhere/1.ts\n',
      701,
    ],
    [
      'ended',
      '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:700\n#EXTINF:2,\nccc-1.ts\n#EXT-X-ENDLIST\n',
      701,
    ],
    ['empty', '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:700\n', 700],
  ])('a playlist that is %s: nothing of it is listed, numbers are above its own', async (_, text, first) => {
    const { clock, store, node, run, list, files } = world();
    store.onCommit = () => {};
    await clock.until(store.put(foreign(text)));
    const b = node('bbb', 100);
    await run(5);
    expect(sessionsIn(files())).toEqual(['bbb']);
    expect(list().mediaSequence).toBe(first);
    await b.stop();
  });

  it('one that is old: new viewers must not see what was hours ago', async () => {
    const { clock, witness, node, run, list, files } = world();
    const c = node('ccc', 1000);
    await run(8);
    await c.stop();
    const before = list();
    await clock.advance(3_600_000);
    const b = node('bbb', 100);
    await run(8);
    expect(sessionsIn(files())).toEqual(['bbb']);
    expect(list().mediaSequence).toBeGreaterThan(before.segments.at(-1)!.sequence);
    expect(witness.problems).toEqual([]);
    await b.stop();
  });
});

it('a playlist that somebody overwrites while this node has the lease: it is continued', async () => {
  const { clock, store, node, run, list } = world();
  const b = node('bbb', 100);
  await run(8);
  store.onCommit = () => {};
  const elsewhere = '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:5000\n#EXTINF:2,\nelsewhere.ts\n';
  await clock.until(store.put(textObject(playlist, elsewhere)));
  await run(5);
  expect(list().mediaSequence).toBeGreaterThan(5000);
  expect(list().segments.at(-1)!.file).toBe('bbb-112.ts');
  await b.stop();
});

it('a store that does not tell what is there is asked until it does: no playlist is written before', async () => {
  const { clock, store, witness, node, run, files } = world();
  const c = node('ccc', 1000);
  await run(6);
  await c.stop();
  const text = store.text(playlist);
  store.fault = (operation, key) => (operation === 'head' && key === playlist ? '500' : undefined);
  const b = node('bbb', 100);
  await run(6);
  expect(store.text(playlist)).toBe(text);
  store.fault = () => undefined;
  await clock.advance(6000);
  await run(2);
  expect(files().at(-1)).toContain('bbb-');
  expect(witness.problems).toEqual([]);
  await b.stop();
});

describe('a lease', () => {
  it('is not asked for while there is nothing to publish, so another node can', async () => {
    const { clock, store, witness, node, run } = world();
    const idle = node('aaa', 100);
    const live = node('bbb', 200);
    await clock.advance(60_000);
    expect(store.objects.has('demo/lease.json')).toBe(false);
    expect(idle.show.publication.status().state).toBe('idle');
    for (let each = 0; each < 5; each += 1) {
      live.show.segment();
      await clock.advance(2000);
    }
    expect(live.show.publication.status().state).toBe('publishing');
    expect(witness.sessions).toEqual(['bbb']);
    // A picture that stands in for a missing one is nothing to publish.
    idle.show.publication.image(textObject('demo/thumbnail.jpg', 'off'), { standIn: true });
    await clock.advance(20_000);
    expect(store.objects.has('demo/thumbnail.jpg')).toBe(false);
    void run;
    await live.stop();
    await idle.stop();
  });

  it('is given back by a node whose source has nothing, and got again when it has', async () => {
    const { clock, witness, node, list } = world();
    const b = node('bbb', 100);
    const c = node('ccc', 1000);
    const make = async (show: Show, count: number) => {
      for (let each = 0; each < count; each += 1) {
        show.segment();
        await clock.advance(2000);
      }
    };
    await make(b.show, 6);
    // Its source is away, the other node's is there.
    await make(c.show, 30);
    expect(witness.sessions).toEqual(['bbb', 'ccc']);
    expect(b.show.publication.status()).toMatchObject({ state: 'idle', lastError: null });
    await make(b.show, 3);
    expect(b.show.publication.status().state).toBe('standby');
    expect(witness.sessions).toEqual(['bbb', 'ccc']);
    expect(list().ended).toBe(false);
    expect(witness.problems).toEqual([]);
    await b.stop();
    await c.stop();
  });

  it('is given back and got again by the only node, with nothing lost', async () => {
    const { clock, store, witness, node, run, files } = world();
    const b = node('bbb', 100);
    await run(6);
    await clock.advance(60_000);
    expect(store.objects.has('demo/lease.json')).toBe(false);
    b.show.restart('ccc');
    await run(10);
    expect(files().at(-1)).toBe('ccc-115.ts');
    expect(witness.problems).toEqual([]);
    await b.stop();
  });
});
