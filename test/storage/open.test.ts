import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { configSchema } from '../../src/config/schema/schema.js';
import { openStore } from '../../src/storage/open.js';

const storageOf = (storage: unknown) => configSchema.parse({ storage }).storage;

it('opens the store that the configuration names', async () => {
  const path = await mkdtemp(join(tmpdir(), 'sidepipe-open-'));
  const cases = [
    [{}, 'memory'],
    [{ type: 'directory', directory: { path } }, `file://${path}`],
    [{ type: 's3', s3: { bucket: 'live', prefix: 'a/b', endpoint: 'http://127.0.0.1:9' } }, 's3://live/a/b/'],
  ] as const;
  for (const [storage, description] of cases) {
    const store = await openStore(storageOf(storage));
    expect(store.description).toBe(description);
    await store.close();
  }
  await rm(path, { recursive: true });
});

it('says which half of the configuration is missing', async () => {
  const storage = { ...storageOf({}), type: 's3' as const };
  await expect(openStore(storage)).rejects.toMatchObject({ code: 'storage-misconfigured' });
});
