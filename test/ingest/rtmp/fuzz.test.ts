import { it } from 'vitest';
import { expectRobustSessions } from '../../support/rtmp-fuzz-check.js';

// test/long/rtmp-fuzz.test.ts runs ten times as many, bench/fuzz-rtmp.ts two million, with times.
it.each([
  ['bytes', 3000],
  ['structure', 1000],
] as const)('an RTMP session under fuzz throws nothing, ends once and stays within its limits: %s', (kind, count) => {
  expectRobustSessions(kind, count);
});
