import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ServerClock } from '../../src/web/client/server-clock.js';

const start = Date.parse('2026-03-01T12:00:00.000Z');
/** One request: rest before it, the way there, the way back. Milliseconds. */
const request = fc.record({ rest: fc.nat(5000), there: fc.nat(400), back: fc.nat(400) });

function converse(offset: number, requests: readonly { rest: number; there: number; back: number }[]): ServerClock {
  const clock = new ServerClock();
  let local = start;
  for (const { rest, there, back } of requests) {
    const sentAt = local + rest;
    const date = Math.floor((sentAt + there + offset) / 1000) * 1000;
    local = sentAt + there + back;
    clock.observe(date, sentAt, local);
  }
  return clock;
}

describe('ServerClock', () => {
  it('agrees with the local clock until it knows better', () => {
    expect(new ServerClock().at(start)).toBe(start);
  });

  it('is never off by more than one answer can leave open', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e8, max: 1e8 }), fc.array(request, { minLength: 1 }), (offset, requests) => {
        const error = Math.abs(converse(offset, requests).at(start) - (start + offset));
        expect(error).toBeLessThanOrEqual(999 + 800);
      }),
    );
  });

  it('leaves a clock alone that is right', () => {
    fc.assert(fc.property(fc.array(request), (requests) => converse(0, requests).at(start) === start));
  });

  it('comes within 100 ms over many answers', () => {
    const requests = Array.from({ length: 100 }, (_, index) => ({ rest: 317 + index, there: 5, back: 5 }));
    expect(Math.abs(converse(123_456, requests).at(start) - (start + 123_456))).toBeLessThan(100);
  });

  it('follows when a clock is set', () => {
    const clock = converse(0, [{ rest: 10, there: 5, back: 5 }]);
    clock.observe(start + 3_600_000, start, start + 10);
    expect(clock.at(start) - start).toBeGreaterThan(3_590_000);
  });

  it('ignores an answer without a date', () => {
    const clock = new ServerClock();
    clock.observe(Number.NaN, start, start);
    expect(clock.at(start)).toBe(start);
  });
});
