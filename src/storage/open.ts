import type { StoreConfig } from '../config/schema/schema.js';
import { SidepipeError } from '../errors.js';
import { createDirectoryStore } from './directory.js';
import { createMemoryStore } from './memory.js';
import { createS3Store, type S3StoreOptions } from './s3.js';
import type { ObjectStore } from './store.js';

export type OpenStoreOptions = S3StoreOptions;

/** Opens the configured store. Throws `storage-misconfigured` if it cannot be opened. */
export async function openStore(config: StoreConfig, options: OpenStoreOptions = {}): Promise<ObjectStore> {
  switch (config.type) {
    case 'memory':
      return createMemoryStore();
    case 'directory':
      return createDirectoryStore({ path: config.directory?.path ?? missing('storage.directory.path') });
    case 's3':
      return createS3Store(config.s3 ?? missing('storage.s3'), options);
  }
}

function missing(path: string): never {
  throw new SidepipeError(`${path} is missing`, { code: 'storage-misconfigured', fault: 'storage' });
}
