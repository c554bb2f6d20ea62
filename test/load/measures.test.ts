import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readCgroup } from '../../src/load/cgroup.js';
import { openMachine } from '../../src/load/host.js';
import { type LoadSample, measuresBetween } from '../../src/load/measures.js';

const sample = (reading: Partial<LoadSample['reading']>, made = 0, dropped = 0): LoadSample => ({
  reading: { cpu: undefined, loadPerCore: undefined, loopDelayMs: undefined, memory: undefined, ...reading },
  encoder: { made, dropped },
});
const cpu = (usedMs: number, givenMs: number) => sample({ cpu: { usedMs, givenMs } });

describe('measures', () => {
  it('are what happened between two samples', () => {
    const memory = { availableBytes: 1, totalBytes: 4 };
    const before = sample({ cpu: { usedMs: 1000, givenMs: 8000 } }, 10, 2);
    const after = sample({ cpu: { usedMs: 4000, givenMs: 12_000 }, loadPerCore: 2, loopDelayMs: 7, memory }, 16, 4);
    expect(measuresBetween(before, after)).toEqual({
      ...{ cpu: 0.75, loadPerCore: 2, loopDelayMs: 7, memoryAvailable: 0.25, encoderDropped: 0.25 },
    });
    expect(measuresBetween(undefined, after)).toMatchObject({ cpu: undefined, encoderDropped: undefined });
  });

  it('are unknown where counters begin anew, and where there were hardly any frames', () => {
    expect(measuresBetween(cpu(900, 1000), cpu(10, 1010)).cpu).toBeUndefined();
    expect(measuresBetween(cpu(900, 1000), cpu(900, 1000)).cpu).toBeUndefined();
    expect(measuresBetween(sample({}, 5, 5), sample({}, 6, 7)).encoderDropped).toBeUndefined();
  });

  it('are shares from 0 to 1 whatever is read', () => {
    const number = fc.double({ min: -1e9, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(number, number, number, number, number, number, (a, b, c, d, e, f) => {
        const after = sample({ cpu: { usedMs: c, givenMs: d }, memory: { availableBytes: e, totalBytes: f } });
        const { cpu: share, memoryAvailable } = measuresBetween(cpu(a, b), after);
        for (const each of [share, memoryAvailable]) {
          if (each === undefined) continue;
          expect(each).toBeGreaterThanOrEqual(0);
          expect(each).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
});

describe('control groups', () => {
  async function groups(files: Readonly<Record<string, string>>, path = '/a/b') {
    const folder = await mkdtemp(join(tmpdir(), 'sidepipe-cgroup-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await mkdir(join(folder, 'a', 'b'), { recursive: true });
    await writeFile(join(folder, 'self'), `0::${path}\n`);
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    return readCgroup({ cgroup: folder, self: join(folder, 'self') });
  }

  it('leave what the tightest of them leaves, pages of files that nobody reads included', async () => {
    const reading = await groups({
      'memory.max': 'max\n',
      'memory.current': '900\n',
      'a/memory.max': '1000\n',
      'a/memory.current': '990\n',
      'a/memory.stat': 'anon 500\ninactive_file 200\nactive_file 9\n',
      'a/b/memory.max': '400\n',
      'a/b/memory.current': '100\n',
      'a/cpu.max': '150000 100000\n',
      'a/cpu.stat': 'usage_usec 2500000\nuser_usec 1\n',
      'a/b/cpu.max': 'max 100000\n',
    });
    expect(reading).toEqual({
      memory: { totalBytes: 1000, availableBytes: 210 },
      cpu: { usedMs: 2500, cores: 1.5 },
    });
  });

  it('leave everything where there are none, or no limits', async () => {
    const everything = { memory: undefined, cpu: undefined };
    expect(await readCgroup({ cgroup: '/nowhere', self: '/nowhere/self' })).toEqual(everything);
    expect(await groups({ 'a/memory.max': 'max', 'a/memory.current': '5' })).toEqual(everything);
  });
});

it('reads this machine', async () => {
  const machine = openMachine();
  onTestFinished(() => machine.close());
  const before = await machine.read();
  const until = performance.now() + 100;
  while (performance.now() < until) Math.sqrt(until);
  const after = await machine.read();
  const noFrames = { made: 0, dropped: 0 };
  const measures = measuresBetween({ reading: before, encoder: noFrames }, { reading: after, encoder: noFrames });
  expect(measures.cpu).toBeGreaterThanOrEqual(0);
  // What runs at a lower priority, these tests too then, steps back for the node and so is none of its load.
  if (getPriority() <= 0) expect(measures.cpu).toBeGreaterThan(0);
  expect(measures.cpu).toBeLessThanOrEqual(1);
  expect(measures.loopDelayMs).toBeGreaterThanOrEqual(0);
  if (process.platform === 'linux') expect(measures.memoryAvailable).toBeGreaterThan(0);
});
