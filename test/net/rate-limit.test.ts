import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRateLimit } from '../../src/net/rate-limit.js';

const now = 1_800_000_000_000;

describe('createRateLimit', () => {
  it('counts down, and starts again with the next window', () => {
    const limit = createRateLimit({ limit: 2, windowMs: 10_000 });
    expect(limit.look('a', now)).toEqual({ remaining: 2, resetSeconds: 10 });
    expect(limit.hit('a', now)).toEqual({ remaining: 1, resetSeconds: 10 });
    expect(limit.hit('a', now + 4500)).toEqual({ remaining: 0, resetSeconds: 6 });
    expect(limit.hit('a', now + 9999)).toEqual({ remaining: -1, resetSeconds: 1 });
    expect(limit.look('b', now)).toEqual({ remaining: 2, resetSeconds: 10 });
    expect(limit.hit('a', now + 10_000)).toEqual({ remaining: 1, resetSeconds: 10 });
  });

  it('lets no key have more than the limit in any window of its own, and holds a bounded number of keys', () => {
    const hits = fc.array(fc.record({ key: fc.integer({ min: 0, max: 9 }), waitMs: fc.nat(500) }), { maxLength: 200 });
    fc.assert(
      fc.property(hits, (list) => {
        const limit = createRateLimit({ limit: 3, windowMs: 1000, remembered: 5 });
        let at = now;
        for (const { key, waitMs } of list) {
          at += waitMs;
          const before = limit.look(String(key), at).remaining;
          expect(limit.hit(String(key), at).remaining).toBe(before - 1);
          expect(limit.size).toBeLessThanOrEqual(5);
        }
        expect(limit.look('0', at + 1000).remaining).toBe(3);
        expect(limit.size).toBe(0);
      }),
    );
  });

  it('goes on when the clock is set back', () => {
    const limit = createRateLimit({ limit: 1, windowMs: 1000 });
    limit.hit('a', now);
    expect(limit.hit('a', now - 3_600_000).remaining).toBe(0);
  });
});
