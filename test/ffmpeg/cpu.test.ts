import { describe, expect, it } from 'vitest';
import { cpuSecondsOf } from '../../src/ffmpeg/cpu.js';
import { until } from '../support/wait.js';

describe('cpuSecondsOf', () => {
  it('grows with what a process does, at the pace of what it says itself', async () => {
    const before = (await cpuSecondsOf(process.pid))!;
    expect(before).toBeGreaterThan(0);
    const spin = await until('some CPU time has gone', async () => {
      for (let round = 0; round < 1e6; round++) Math.sqrt(round);
      const now = (await cpuSecondsOf(process.pid))!;
      return now > before + 0.1 ? now : undefined;
    });
    const { user, system } = process.cpuUsage();
    expect(Math.abs(spin - (user + system) / 1e6)).toBeLessThan(1);
  });

  it('is undefined for a process that is not there', async () => {
    expect(await cpuSecondsOf(2 ** 22 + 1)).toBeUndefined();
  });
});
