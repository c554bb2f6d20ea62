import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  connectionBudget,
  descriptorProblem,
  parseDescriptorLimit,
  readDescriptorLimit,
  rtmpBudget,
} from '../../src/io/descriptors.js';

const limits = (soft: string) =>
  `Limit                     Soft Limit           Hard Limit           Units     \nMax open files            ${soft.padEnd(20)} 1048576              files     \n`;

it.each([
  ['1024', 1024],
  ['1048576', 1_048_576],
  ['unlimited', undefined],
])('descriptors: reads the soft limit %s', (soft, limit) => {
  expect(parseDescriptorLimit(limits(soft))).toBe(limit);
});

it('descriptors: knows no limit where the system does not tell one', async () => {
  expect(parseDescriptorLimit('something else')).toBeUndefined();
  expect(await readDescriptorLimit('/nowhere/limits')).toBeUndefined();
  expect(connectionBudget(undefined, 1000)).toBe(Number.POSITIVE_INFINITY);
});

it('descriptors: connections never take what the streams and two more need, as long as any are left', () => {
  fc.assert(
    fc.property(fc.integer({ min: 256, max: 2 ** 20 }), fc.integer({ min: 0, max: 1000 }), (limit, streams) => {
      const budget = connectionBudget(limit, streams);
      expect(budget).toBeGreaterThanOrEqual(16);
      if (budget > 16) expect(budget + rtmpBudget(limit) + 128 + 40 * (streams + 2)).toBeLessThanOrEqual(limit);
    }),
  );
});

it('descriptors: a limit that leaves few connections is a problem with a remedy', () => {
  expect(descriptorProblem(1024, 2)).toBeUndefined();
  const problem = descriptorProblem(1024, 20);
  expect(problem).toMatchObject({ isFatal: false, detail: expect.stringMatching(/1024 files.*20 streams/) });
  // The limit that it asks for is enough.
  const needed = Number(/to (\d+) or more.*LimitNOFILE/.exec(problem!.remedy)?.[1]);
  expect(descriptorProblem(needed, 20)).toBeUndefined();
  expect(descriptorProblem(needed - 8, 20)).toBeDefined();
  expect(descriptorProblem(undefined, 1000)).toBeUndefined();
});

it('descriptors: a limit below the need of the streams alone is fatal', () => {
  expect(descriptorProblem(128 + 40 * 20, 20)).toMatchObject({ isFatal: false });
  expect(descriptorProblem(128 + 40 * 20 - 1, 20)).toMatchObject({ isFatal: true });
});
