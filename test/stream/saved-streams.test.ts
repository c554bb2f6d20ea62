import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SidepipeError } from '../../src/errors.js';
import { fingerprintOf, type SavedStream, SavedStreams, type StateStore } from '../../src/stream/saved-streams.js';
import { createLogger } from '../../src/telemetry/logger.js';

const streamOf = (name: string, source = 'test'): SavedStream => ({ input: { name, source }, madeFrom: undefined });
const admitted = async () => {};

/** Saved streams of a state that keeps them in memory, and can be out of order. */
function makeSaved(there: readonly SavedStream[] = [], hasState = true) {
  const disk = { streams: there, isBroken: false, retries: 0 };
  const answer = () => {
    if (disk.isBroken) throw new SidepipeError('gone', { code: 'state-unavailable', fault: 'node', retryable: true });
  };
  const state: StateStore = {
    description: 'memory',
    load: async () => {
      answer();
      return { streams: disk.streams };
    },
    save: async (streams) => {
      answer();
      disk.streams = streams;
    },
  };
  const saved = new SavedStreams({
    state: hasState ? state : undefined,
    onRetry: () => {
      disk.retries += 1;
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
    expect(() => saved.mustBeLoaded()).toThrow('could not be read yet');
    expect([await saved.load(), await saved.load()]).toEqual([true, false]);
    saved.mustBeLoaded();
    await saved.set(streamOf('a', 'push'), admitted);
    await saved.set(streamOf('c'), admitted);
    await saved.remove('b', admitted);
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
    await expect(saved.set(streamOf('b'), refuse)).rejects.toThrow('the port is taken');
    expect(seen).toHaveLength(2);
    disk.isBroken = true;
    await expect(saved.remove('a', admitted)).rejects.toThrow('gone');
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
    await saved.set(streamOf('a'), admitted);
    expect(saved.list()).toEqual([streamOf('a')]);
  });
});

describe('fingerprintOf', () => {
  it('is the same for the same words in another order, and another for other words', () => {
    expect(fingerprintOf({ a: 1, b: [{ c: 2, d: 3 }] })).toBe(fingerprintOf({ b: [{ d: 3, c: 2 }], a: 1 }));
    expect(fingerprintOf({ a: [1, 2] })).not.toBe(fingerprintOf({ a: [2, 1] }));
  });
});
