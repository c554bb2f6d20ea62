import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SavedStream } from '../../src/control/saved-streams.js';
import { readState, writeState } from '../../src/control/state/document.js';
import { stateFile } from '../../src/control/state/file.js';
import { stateObject } from '../../src/control/state/object.js';
import { createSeal } from '../../src/control/state/seal.js';
import { SidepipeError } from '../../src/errors.js';
import { createMemoryStore } from '../../src/storage/memory.js';
import { emptyFolder } from '../support/child-node.js';

const saved = (name: string): SavedStream => ({
  input: { name, source: 'push', keys: ['key-of-the-test'] },
  madeFrom: 'abc',
});
const now = () => Date.UTC(2027, 0, 1);
const aside = 'unreadable-2027-01-01T00-00-00-000Z';

describe('text of a state', () => {
  it('reads what it wrote', () => {
    expect(readState(writeState([saved('a'), saved('b')]))).toEqual({ streams: [saved('a'), saved('b')] });
  });

  it('reads any text without an exception, and repeats nothing of it', () => {
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      fc.nat(400).map((length) => writeState([saved('a')]).slice(0, length)),
    );
    fc.assert(
      fc.property(text, (each) => {
        const { problem, streams } = readState(each);
        expect(problem === undefined ? streams.length : problem.length).toBeGreaterThan(0);
        expect(problem ?? '').not.toContain('key-of-the-test');
      }),
    );
  });

  it('keeps the streams of a text of which one entry is none', () => {
    const text = writeState([saved('a'), {} as SavedStream]);
    expect(readState(text)).toEqual({ streams: [saved('a')], problem: '1 of 2 entries are invalid' });
  });

  it('knows no stream that is nested deeper than any', () => {
    const deep = `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`;
    const text = writeState([saved('a'), saved('b')]).replace('"push"', deep);
    expect(readState(text)).toEqual({ streams: [saved('b')], problem: '1 of 2 entries are invalid' });
  });

  it('refuses what another version wrote', () => {
    expect(readState(writeState([]).replace('"version": 1', '"version": 2'))).toMatchObject({
      problem: 'unsupported version 2',
    });
  });
});

describe('state in a file', () => {
  it('is there again, and for its owner alone', async () => {
    const path = join(await emptyFolder(), 'streams.json');
    expect(await stateFile(path).load()).toEqual({ streams: [] });
    await stateFile(path).save([saved('a')]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await stateFile(path).save([saved('a'), saved('b')]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await stateFile(path).load()).toEqual({ streams: [saved('a'), saved('b')] });
  });

  it('never puts aside what is no file', async () => {
    const folder = await emptyFolder();
    const device = join(folder, 'null');
    await symlink('/dev/null', device);
    for (const path of [folder, device]) {
      await expect(stateFile(path).load()).rejects.toMatchObject({ code: 'state-unavailable' });
      await expect(stateFile(path).load()).rejects.toThrow('state.file');
    }
    expect(await readdir(folder)).toEqual(['null']);
  });

  it('is the old one whole when a write broke off anywhere', async () => {
    const folder = await emptyFolder();
    const path = join(folder, 'streams.json');
    await stateFile(path).save([saved('a')]);
    for (const rest of ['', writeState([saved('b')]).slice(0, 40)]) {
      await writeFile(join(folder, '.streams.json.next'), rest);
      expect(await stateFile(path).load()).toEqual({ streams: [saved('a')] });
    }
    await stateFile(path).save([saved('c')]);
    expect(await stateFile(path).load()).toEqual({ streams: [saved('c')] });
    expect(await readdir(folder)).toEqual(['streams.json']);
  });

  it('puts aside what it cannot read, and says so', async () => {
    const path = join(await emptyFolder(), 'streams.json');
    await writeFile(path, '{ half');
    const { streams, problem } = await stateFile(path, now).load();
    expect([streams, problem]).toEqual([[], expect.stringContaining(`${path} is unreadable: invalid JSON`)]);
    expect(await readFile(`${path}.${aside}`, 'utf8')).toBe('{ half');
    expect(await stateFile(path).load()).toEqual({ streams: [] });
  });

  it('says what is wrong with the place', async () => {
    const folder = await emptyFolder();
    await mkdir(join(folder, 'streams.json'));
    const inDirectory = stateFile(join(folder, 'streams.json'));
    const nowhere = stateFile(join(folder, 'missing', 'streams.json'));
    const unavailable = { code: 'state-unavailable', retryable: true, message: expect.stringContaining('state.file') };
    await expect(inDirectory.load()).rejects.toMatchObject(unavailable);
    await expect(inDirectory.save([])).rejects.toMatchObject(unavailable);
    await expect(nowhere.save([])).rejects.toMatchObject(unavailable);
    expect(await readdir(folder)).toEqual(['streams.json']);
  });
});

describe('seal', () => {
  it('opens what the same password closed, and nothing else', async () => {
    const [seal, same, other] = [createSeal('the password'), createSeal('the password'), createSeal('another one')];
    const sealed = await seal.close('key-of-the-test');
    expect(sealed.toString('latin1')).not.toContain('key-of-the-test');
    expect([await seal.open(sealed), await same.open(sealed), await other.open(sealed)]).toEqual([
      'key-of-the-test',
      'key-of-the-test',
      undefined,
    ]);
    expect(await seal.close('key-of-the-test')).not.toEqual(sealed);
  });

  it('does not open what was changed in any byte, or cut', async () => {
    const seal = createSeal('the password');
    const sealed = await seal.close('text');
    // From the nonce on: another salt would cost a tenth of a second each.
    const place = fc.integer({ min: 34, max: sealed.length - 1 });
    await fc.assert(
      fc.asyncProperty(place, fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const changed = Buffer.from(sealed);
        changed[at]! ^= change;
        expect(await seal.open(changed)).toBeUndefined();
        expect(await seal.open(sealed.subarray(0, at))).toBeUndefined();
      }),
    );
    expect(await seal.open(Buffer.alloc(0))).toBeUndefined();
  });
});

describe('state on a store', () => {
  const objects = async (store: ReturnType<typeof createMemoryStore>) => {
    const keys: string[] = [];
    for await (const { key } of store.list('')) keys.push(key);
    return keys;
  };

  it('is there again for who has the token, and tells strangers nothing', async () => {
    const store = createMemoryStore();
    await stateObject({ store, password: 'the admin token' }).save([saved('a')]);
    expect(await stateObject({ store, password: 'the admin token' }).load()).toEqual({ streams: [saved('a')] });
    const { body } = (await store.get('_state/streams.sealed'))!;
    expect(Buffer.from(body).toString('latin1')).not.toMatch(/key-of-the-test|push|"name"/);
  });

  it('is put aside when it does not open', async () => {
    const store = createMemoryStore();
    await stateObject({ store, password: 'the admin token' }).save([saved('a')]);
    const sealed = (await store.get('_state/streams.sealed'))!.body;
    const other = stateObject({ store, password: 'another token!!!', now });
    expect((await other.load()).problem).toContain('encrypted with another admin.token');
    await other.save([saved('b')]);
    expect(await objects(store)).toEqual(['_state/streams.sealed', `_state/streams.sealed.${aside}`]);
    expect((await store.get(`_state/streams.sealed.${aside}`))!.body).toEqual(sealed);
  });

  it('does not write over what another node wrote', async () => {
    const store = createMemoryStore();
    const [one, two] = [1, 2].map(() => stateObject({ store, password: 'the admin token' }));
    await Promise.all([one!.load(), two!.load()]);
    await one!.save([saved('a')]);
    expect(await two!.save([saved('b')])).toBe('conflict');
    expect(await one!.follow!()).toBeUndefined();
    expect(await two!.follow!()).toEqual([saved('a')]);
    expect(await two!.follow!()).toBeUndefined();
    expect(await two!.save([saved('a'), saved('b')])).toBe('saved');
    expect(await one!.save([saved('c')])).toBe('conflict');
    expect((await one!.load()).streams).toEqual([saved('a'), saved('b')]);
  });

  it('does not write over what another node wrote on a store without conditional writes, if it can see it', async () => {
    const store = createMemoryStore();
    const capabilities = { ...(await store.capabilities()), ifMatch: false, ifNoneMatch: false };
    const plain = { ...store, capabilities: async () => capabilities };
    const [one, two] = [1, 2].map(() => stateObject({ store: plain, password: 'the admin token' }));
    await Promise.all([one!.load(), two!.load()]);
    expect(await one!.save([saved('a')])).toBe('saved');
    expect(await two!.save([saved('b')])).toBe('conflict');
    expect(await two!.follow!()).toEqual([saved('a')]);
  });

  it('is kept when the object is deleted or sealed under another token: nothing is taken over', async () => {
    const store = createMemoryStore();
    const one = stateObject({ store, password: 'the admin token' });
    await one.load();
    await one.save([saved('a')]);
    await stateObject({ store, password: 'another token!!!' }).load();
    await store.put({ key: '_state/streams.sealed', body: Buffer.from('what is this'), contentType: 'text/plain' });
    const unreadable = { code: 'state-unavailable', message: expect.stringContaining('another admin.token') };
    await expect(one.follow!()).rejects.toMatchObject(unreadable);
    expect(await one.save([saved('a'), saved('b')])).toBe('conflict');
    await store.delete(['_state/streams.sealed']);
    expect(await one.follow!()).toBeUndefined();
    expect(await one.save([saved('a'), saved('b')])).toBe('saved');
    expect((await one.load()).streams).toEqual([saved('a'), saved('b')]);
  });

  it('says that the store does not answer', async () => {
    const store = createMemoryStore();
    const down = new SidepipeError('no answer', { code: 'storage-unavailable', fault: 'storage', retryable: true });
    const broken = { ...store, get: () => Promise.reject(down) };
    await expect(stateObject({ store: broken, password: 'x' }).load()).rejects.toMatchObject({
      code: 'state-unavailable',
      cause: down,
    });
  });
});
