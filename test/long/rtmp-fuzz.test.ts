import { it } from 'vitest';
import { expectRobustSessions } from '../support/rtmp-fuzz-check.js';

it.each([
  ['bytes', 30_000, ['handshake-version']],
  ['structure', 10_000, []],
] as const)(
  'an RTMP session under fuzz throws nothing, ends once and stays within its limits: %s',
  (kind, count, rare) => {
    expectRobustSessions(kind, count, rare);
  },
);
