import { expect, test } from 'vitest';
import { familyUsage, parsePss } from '../../bench/support/usage.js';

test('usage: reads the proportional set size in bytes', () => {
  expect(parsePss('Rss:               50028 kB\nPss:               38027 kB\nPss_Dirty:         36856 kB\n')).toBe(
    38027 * 1024,
  );
  expect(() => parsePss('Rss: 1 kB\n')).toThrow('no Pss');
});

test.runIf(process.platform === 'linux')('usage: CPU time of a process grows with its work', async () => {
  const before = await familyUsage(process.pid);
  const end = process.cpuUsage().user + 50_000;
  while (process.cpuUsage().user < end);
  const after = await familyUsage(process.pid);
  expect(after.own.cpuSeconds - before.own.cpuSeconds).toBeGreaterThan(0.03);
  expect(after.own.bytes).toBeGreaterThan(1e6);
});
