import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDirectoryStore } from '../../src/storage/directory.js';
import { describeStore, failureOf, keysOf, objectOf } from './contract.js';

describeStore('directory', async () => {
  const path = await mkdtemp(join(tmpdir(), 'sidepipe-store-'));
  const store = await createDirectoryStore({ path });
  return {
    store,
    /** A named pipe: opening it waits for a writer, as a file on a mount that is gone waits for its server. */
    hang: () => {
      const pipe = join(path, 'hangs');
      spawnSync('mkfifo', [pipe]);
      return {
        key: 'hangs',
        release: () => {
          const writer = openSync(pipe, constants.O_RDWR);
          rmSync(pipe);
          closeSync(writer);
        },
      };
    },
    async close() {
      await store.close();
      await rm(path, { recursive: true });
    },
  };
});

describe('the directory store', () => {
  let base: string;
  let number = 0;
  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), 'sidepipe-directory-'));
  });
  afterAll(() => rm(base, { recursive: true }));
  const fresh = (): string => {
    number += 1;
    return join(base, String(number));
  };

  it('makes its folder and writes plain files that a web server can read', async () => {
    const path = join(fresh(), 'deep', 'er');
    const store = await createDirectoryStore({ path });
    await store.put(objectOf('cam/source/a-1.ts', 'segment'));
    expect(await readFile(join(path, 'cam/source/a-1.ts'), 'utf8')).toBe('segment');
    expect((await stat(join(path, 'cam/source/a-1.ts'))).mode & 0o444).toBe(0o444);
    expect(await readdir(join(path, 'cam/source'))).toEqual(['a-1.ts']);
  });

  it('removes what a crash left half written, and nothing else', async () => {
    const path = fresh();
    await mkdir(join(path, 'cam/source'), { recursive: true });
    await writeFile(join(path, 'cam/source/.sidepipe-0123456789ab-7.tmp'), 'half');
    await writeFile(join(path, '.sidepipe-0123456789ab-8.tmp'), 'half');
    await writeFile(join(path, 'cam/source/.hidden'), 'the operator put it there');
    const store = await createDirectoryStore({ path });
    expect(await readdir(join(path, 'cam/source'))).toEqual(['.hidden']);
    expect(await readdir(path)).toEqual(['cam']);
    expect(await keysOf(store)).toEqual(['cam/source/.hidden']);
  });

  it('leaves the writes under way of another store of this process alone', async () => {
    const path = fresh();
    const first = await createDirectoryStore({ path });
    const writes = Array.from({ length: 30 }, (_, index) => first.put(objectOf(`a/${index}`, Buffer.alloc(100_000))));
    const opened = Array.from({ length: 5 }, () => createDirectoryStore({ path }));
    await Promise.all([...writes, ...opened]);
    expect(await keysOf(first)).toHaveLength(30);
  });

  it('writes again when another process clears its temporary file away', async () => {
    const path = fresh();
    const store = await createDirectoryStore({ path });
    await store.put(objectOf('a/first'));
    let writing = true;
    const vandal = (async () => {
      let removed = 0;
      while (writing) {
        for (const name of await readdir(join(path, 'a'))) {
          if (!name.startsWith('.sidepipe-')) continue;
          if (removed >= 2) break;
          await rm(join(path, 'a', name), { force: true });
          removed += 1;
        }
      }
    })();
    for (let round = 0; round < 20; round += 1) await store.put(objectOf('a/object', Buffer.alloc(300_000)));
    writing = false;
    await vandal;
    expect(await keysOf(store)).toEqual(['a/first', 'a/object']);
  });

  it('leads no way out of its folder through links', async () => {
    const outside = fresh();
    await mkdir(outside);
    await writeFile(join(outside, 'secret.ts'), 'not yours');
    const path = fresh();
    await mkdir(path);
    await symlink(outside, join(path, 'cam'));
    await symlink(join(outside, 'secret.ts'), join(path, 'link.ts'));
    const store = await createDirectoryStore({ path });
    expect(await store.get('cam/secret.ts')).toBeUndefined();
    expect(await store.head('link.ts')).toBeUndefined();
    expect(await keysOf(store)).toEqual([]);
    expect((await failureOf(store.put(objectOf('cam/new.ts')))).code).toBe('storage-refused');
    await store.delete(['cam/secret.ts', 'link.ts']);
    await store.put(objectOf('link.ts', 'mine'));
    expect(await readdir(outside)).toEqual(['secret.ts']);
    expect(await readFile(join(outside, 'secret.ts'), 'utf8')).toBe('not yours');
    expect(await readFile(join(path, 'link.ts'), 'utf8')).toBe('mine');
  });

  it('removes the folders that a delete emptied, while others write into them', async () => {
    const path = fresh();
    const store = await createDirectoryStore({ path });
    await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        await store.put(objectOf(`a/b/c/${index}`));
        await store.delete([`a/b/c/${index}`]);
      }),
    );
    expect(await readdir(path)).toEqual([]);
  });

  it('says in words when its folder is none', async () => {
    const path = fresh();
    await writeFile(path, 'a file');
    const error = await failureOf(createDirectoryStore({ path }));
    expect(error).toMatchObject({ code: 'storage-misconfigured', retryable: false, details: { vendorCode: 'EEXIST' } });
  });

  it('says that it will work again when the disk is full', async ({ skip }) => {
    // A file system of 64 KiB needs the right to mount one.
    const path = fresh();
    await mkdir(path);
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path]).status !== 0) skip();
    try {
      const store = await createDirectoryStore({ path });
      await store.put(objectOf('cam/index.m3u8', 'old'));
      const error = await failureOf(store.put(objectOf('cam/index.m3u8', Buffer.alloc(200_000))));
      expect(error).toMatchObject({ code: 'storage-unavailable', retryable: true, details: { vendorCode: 'ENOSPC' } });
      expect(await readdir(join(path, 'cam'))).toEqual(['index.m3u8']);
      expect(Buffer.from((await store.get('cam/index.m3u8'))!.body).toString()).toBe('old');
    } finally {
      spawnSync('umount', [path]);
    }
  });
});
