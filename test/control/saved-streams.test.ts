import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type ChangeOptions,
  fingerprintOf,
  type SavedStream,
  SavedStreams,
  type StateStore,
} from '../../src/control/saved-streams.js';
import { SidepipeError } from '../../src/errors.js';
import { createLogger } from '../../src/telemetry/logger.js';

const streamOf = (name: string, source = 'test'): SavedStream => ({ input: { name, source }, madeFrom: undefined });
const admitted = async () => {};

/** Adds a stream, or changes the one of its name. */
function set(saved: SavedStreams, stream: SavedStream, more: Partial<ChangeOptions> = {}): Promise<void> {
  const edit: ChangeOptions['edit'] = (streams) => new Map(streams).set(stream.input.name, stream);
  return saved.change({ edit, admit: admitted, onFollowed: admitted, ...more });
}

function remove(saved: SavedStreams, name: string): Promise<void> {
  const edit: ChangeOptions['edit'] = (streams) => new Map([...streams].filter(([each]) => each !== name));
  return saved.change({ edit, admit: admitted, onFollowed: admitted });
}

/** Saved streams of a state that keeps them in memory, and can be out of order. */
function makeSaved(there: readonly SavedStream[] = [], hasState = true) {
  const disk = { streams: there, isBroken: false, retries: 0, follows: 0, version: 1 };
  let known = 0;
  const answer = () => {
    if (disk.isBroken) throw new SidepipeError('gone', { code: 'state-unavailable', fault: 'node', retryable: true });
  };
  const state: StateStore = {
    description: 'memory',
    load: async () => {
      answer();
      known = disk.version;
      return { streams: disk.streams };
    },
    save: async (streams) => {
      answer();
      if (known !== disk.version) return 'conflict';
      disk.streams = streams;
      disk.version += 1;
      known = disk.version;
      return 'saved';
    },
    follow: async () => {
      answer();
      if (known === disk.version) return undefined;
      known = disk.version;
      return disk.streams;
    },
  };
  const saved = new SavedStreams({
    state: hasState ? state : undefined,
    onRetry: () => {
      disk.retries += 1;
    },
    onFollow: () => {
      disk.follows += 1;
    },
    log: createLogger({ level: 'silent', secrets: [] }),
  });
  return { saved, disk };
}

describe('SavedStreams', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('are read once, and then changed in place', async () => {
    const { saved, disk } = makeSaved([streamOf('a'), streamOf('b')]);
    expect(() => saved.mustBeLoaded()).toThrow('have not been loaded yet');
    expect([await saved.load(), await saved.load()]).toEqual([true, false]);
    saved.mustBeLoaded();
    await set(saved, streamOf('a', 'push'));
    await set(saved, streamOf('c'));
    await remove(saved, 'b');
    expect(disk.streams).toEqual([streamOf('a', 'push'), streamOf('c')]);
    expect(saved.get('b')).toBeUndefined();
  });

  it('are as they were when a change is not admitted, or not saved', async () => {
    const { saved, disk } = makeSaved([streamOf('a')]);
    await saved.load();
    let seen: readonly SavedStream[] = [];
    const refuse = async () => {
      seen = saved.list();
      throw new Error('the port is taken');
    };
    await expect(set(saved, streamOf('b'), { admit: refuse })).rejects.toThrow('the port is taken');
    expect(seen).toHaveLength(2);
    disk.isBroken = true;
    await expect(remove(saved, 'a')).rejects.toThrow('gone');
    expect([saved.list(), disk.streams]).toEqual([[streamOf('a')], [streamOf('a')]]);
  });

  it('are tried again where they cannot be read, until it is over', async () => {
    const { saved, disk } = makeSaved([streamOf('a')]);
    disk.isBroken = true;
    expect(await saved.load()).toBe(false);
    expect(() => saved.mustBeLoaded()).toThrow(expect.objectContaining({ code: 'state-unavailable' }));
    vi.advanceTimersByTime(10_000);
    expect(disk.retries).toBe(1);
    await saved.load();
    saved.close();
    vi.advanceTimersByTime(60_000);
    expect(disk.retries).toBe(1);
  });

  it('live as long as the node without a state', async () => {
    const { saved } = makeSaved([], false);
    saved.mustBeLoaded();
    expect(await saved.load()).toBe(false);
    await set(saved, streamOf('a'));
    expect(saved.list()).toEqual([streamOf('a')]);
  });

  describe('when another node has saved in between', () => {
    /** As another node does. */
    const elsewhere = (disk: { streams: readonly SavedStream[]; version: number }, streams: readonly SavedStream[]) => {
      disk.streams = streams;
      disk.version += 1;
    };

    it('its streams are taken over, and the change is made again on them', async () => {
      vi.useRealTimers();
      const { saved, disk } = makeSaved([streamOf('a'), streamOf('b')]);
      await saved.load();
      elsewhere(disk, [streamOf('a', 'push'), streamOf('c')]);
      const followed = vi.fn(async () => {});
      await set(saved, streamOf('d'), { onFollowed: followed });
      expect(followed).toHaveBeenCalledTimes(1);
      expect(disk.streams.map(({ input }) => input)).toEqual([
        { name: 'a', source: 'push' },
        { name: 'c', source: 'test' },
        { name: 'd', source: 'test' },
      ]);
      // What the other one has removed does not come back.
      expect(saved.get('b')).toBeUndefined();
      saved.close();
    });

    it('the change is refused by what is there then', async () => {
      vi.useRealTimers();
      const { saved, disk } = makeSaved([]);
      await saved.load();
      elsewhere(disk, [streamOf('a')]);
      const edit: ChangeOptions['edit'] = (streams) => {
        if (streams.has('a')) throw new Error('there is one');
        return new Map(streams).set('a', streamOf('a', 'push'));
      };
      await expect(saved.change({ edit, admit: admitted, onFollowed: admitted })).rejects.toThrow('there is one');
      expect([saved.list(), disk.streams]).toEqual([[streamOf('a')], [streamOf('a')]]);
      saved.close();
    });

    it('a change that always comes second is refused in the end', async () => {
      const { saved, disk } = makeSaved([]);
      await saved.load();
      const change = set(saved, streamOf('a'), { admit: async () => elsewhere(disk, [streamOf('b')]) });
      const refused = expect(change).rejects.toMatchObject({ code: 'state-unavailable', retryable: true });
      await vi.advanceTimersByTimeAsync(60_000);
      await refused;
      expect(saved.list()).toEqual([streamOf('b')]);
      saved.close();
    });

    it('it is looked for every few seconds, also after a failure', async () => {
      const { saved, disk } = makeSaved([streamOf('a')]);
      await saved.load();
      vi.advanceTimersByTime(5000);
      expect(disk.follows).toBe(1);
      saved.followed(new Error('down'));
      vi.advanceTimersByTime(5000);
      expect(disk.follows).toBe(2);
      expect(await saved.follow()).toBe(false);
      elsewhere(disk, [streamOf('b')]);
      expect(await saved.follow()).toBe(true);
      expect(saved.list()).toEqual([streamOf('b')]);
      saved.followed();
      saved.close();
      vi.advanceTimersByTime(60_000);
      expect(disk.follows).toBe(2);
    });
  });
});

describe('fingerprintOf', () => {
  it('is the same for the same words in another order, and another for other words', () => {
    expect(fingerprintOf({ a: 1, b: [{ c: 2, d: 3 }] })).toBe(fingerprintOf({ b: [{ d: 3, c: 2 }], a: 1 }));
    expect(fingerprintOf({ a: [1, 2] })).not.toBe(fingerprintOf({ a: [2, 1] }));
  });
});
