import { expect, it } from 'vitest';
import { createMemoryStore } from '../../src/storage/memory.js';
import { describeStore, objectOf } from './contract.js';

describeStore('memory', async () => {
  const store = createMemoryStore();
  return { store, close: () => store.close() };
});

it('dates objects by the clock that it is given', async () => {
  const store = createMemoryStore({ now: () => 1_700_000_000_123 });
  await store.put(objectOf('a'));
  expect((await store.head('a'))?.modifiedAt).toBe(1_700_000_000_123);
});
