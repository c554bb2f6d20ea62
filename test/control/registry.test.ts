import { expect, it } from 'vitest';
import { StreamRegistry } from '../../src/control/registry.js';
import type { Stream } from '../../src/stream/stream.js';

const named = (name: string) => ({ name }) as Stream;

it('remembers the last streams that ended, and no more of them', () => {
  const registry = new StreamRegistry();
  const names = Array.from({ length: 40 }, (_, index) => `s-${index}`);
  for (const name of names) {
    registry.add(named(name));
    registry.remove(name, 60_000);
  }
  expect(names.filter((name) => registry.ended(name) !== undefined)).toEqual(names.slice(-16));
});

it('forgets a stream that ended when another takes its name', () => {
  const registry = new StreamRegistry();
  registry.add(named('a'));
  registry.remove('a', 60_000);
  expect(registry.ended('a')?.name).toBe('a');
  registry.add(named('a'));
  expect(registry.ended('a')).toBeUndefined();
  registry.remove('a', 0);
  expect(registry.ended('a')).toBeUndefined();
});
