import { expect, it } from 'vitest';
import type { ProcessIdentity, ProcessWitness } from '../../src/storage/publish/lease/lease.js';
import { FaultyStore } from '../support/faulty-store.js';
import { severable } from '../support/severable-store.js';
import { VirtualClock } from '../support/virtual-clock.js';
import { parsePlaylist, Show, studio, Witness } from './publish/studio.js';

const playlist = 'demo/source/index.m3u8';

/** Nodes of one machine, one after the other, that share a store. */
function machine({ conditional = true } = {}) {
  const clock = new VirtualClock();
  const store = new FaultyStore({ clock, conditional, latencyMs: 40, bytesPerSecond: 2_000_000 });
  const players = new Witness(store, clock);
  const dead = new Set<number>();
  let pid = 100;
  const node = (session: string, realm = 'here') => {
    pid += 1;
    const self: ProcessIdentity = { realm, pid, startedAt: pid * 10 };
    const witness: ProcessWitness = {
      self,
      isDead: async (other) => other.realm === realm && dead.has(other.pid),
    };
    const link = severable(store, clock);
    const made = studio({ clock, store: link.store, seed: pid, lease: { owner: `node-${session}`, witness } });
    made.publisher.start();
    const kill = () => {
      link.cut();
      dead.add(self.pid);
    };
    return { ...made, kill, pid: self.pid, show: new Show(made.publisher, { session, bytes: 100_000 }) };
  };
  return { clock, store, players, node };
}

it('a node that was killed and started again takes its own lease at once, and says whose it was', async () => {
  const { clock, store, players, node } = machine();
  const first = node('aaa');
  await first.show.run(clock, 8);
  first.kill();
  const second = node('bbb');
  // Less than the lease's 12 s: three segments, so that players who come from the old playlist find enough.
  await second.show.run(clock, 3);
  await clock.advance(1000);
  expect(second.show.publication.status()).toMatchObject({ state: 'publishing', lastError: null });
  expect(players.sessions).toEqual(['aaa', 'bbb']);
  await second.show.run(clock, 10);
  players.check(playlist);
  expect(players.problems).toEqual([]);
  expect(parsePlaylist(store.text(playlist)!).segments).toHaveLength(6);
  const told = second.events.filter(({ event }) => event.startsWith('lease-'));
  expect(told.map(({ event }) => event)).toEqual(['lease-taken']);
  expect(told[0]!.message).toContain(`dead process of this machine (pid ${first.pid})`);
  await clock.until(second.publisher.close());
});

it('the first playlist after it lists three segments at least', async () => {
  const { clock, store, node } = machine();
  const first = node('aaa');
  await first.show.run(clock, 8);
  first.kill();
  const second = node('bbb');
  for (let i = 0; i < 8; i += 1) {
    await second.show.run(clock, 1);
    const { segments } = parsePlaylist(store.text(playlist)!);
    if (segments.some(({ file }) => file.startsWith('bbb'))) expect(segments.length).toBeGreaterThanOrEqual(3);
  }
  expect(store.text(playlist)).toContain('bbb-');
  await clock.until(second.publisher.close());
});

it.each([
  ['a process that lives', {}, 'here', false],
  ['one of another machine or container', {}, 'there', true],
  ['a dead one, on a store without conditional writes', { conditional: false }, 'here', true],
] as const)('the lease of %s is waited for', async (_, options, realm, killed) => {
  const { clock, players, node } = machine(options);
  const first = node('aaa');
  await first.show.run(clock, 8);
  if (killed) first.kill();
  const second = node('bbb', realm);
  await second.show.run(clock, 4);
  expect(second.show.publication.status().state).toBe('standby');
  expect(players.sessions).toEqual(['aaa']);
  await clock.until(second.publisher.close());
  if (!killed) await clock.until(first.publisher.close());
});

it('one that stands by takes over from a process of its machine as soon as that is dead', async () => {
  const { clock, players, node } = machine();
  const first = node('aaa');
  await first.show.run(clock, 8);
  const second = node('bbb');
  await second.show.run(clock, 8);
  expect(players.sessions).toEqual(['aaa']);
  first.kill();
  // It looks every 2 s.
  await second.show.run(clock, 3);
  expect(second.show.publication.status()).toMatchObject({ state: 'publishing', lastError: null });
  expect(second.events.map(({ event }) => event).filter((event) => event.startsWith('lease-'))).toEqual([
    'lease-conflict',
    'lease-taken',
  ]);
  expect(players.sessions).toEqual(['aaa', 'bbb']);
  expect(players.problems).toEqual([]);
  await clock.until(second.publisher.close());
});
