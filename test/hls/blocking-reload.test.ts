import { getEventListeners, setMaxListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isReached, isTooFarAhead, PlaylistWaiters } from '../../src/hls/blocking-reload.js';
import type { LivePosition } from '../../src/hls/window.js';

const at = (mediaSequence: number, parts: number, previousParts = 10): LivePosition => ({
  mediaSequence,
  parts,
  previousParts,
});

describe('isReached', () => {
  it.each([
    [{ mediaSequence: 7, part: 0 }, at(7, 0), false],
    [{ mediaSequence: 7, part: 0 }, at(7, 1), true],
    [{ mediaSequence: 7, part: 3 }, at(7, 3), false],
    [{ mediaSequence: 7, part: 3 }, at(7, 4), true],
    [{ mediaSequence: 7, part: undefined }, at(7, 0), false],
    [{ mediaSequence: 7, part: undefined }, at(7, 1), true],
    [{ mediaSequence: 6, part: 9 }, at(7, 0), true],
    // The part beyond the last one is the first of the next segment.
    [{ mediaSequence: 6, part: 10 }, at(7, 0), false],
    [{ mediaSequence: 6, part: 10 }, at(7, 1), true],
    [{ mediaSequence: 5, part: 99 }, at(7, 0), true],
    [{ mediaSequence: 8, part: 0 }, at(7, 9), false],
  ])('%j at %j: %s', (wanted, position, expected) => {
    expect(isReached(wanted, position)).toBe(expected);
  });
});

describe('isTooFarAhead', () => {
  it.each([
    [{ mediaSequence: 8, part: 0 }, false],
    [{ mediaSequence: 9, part: 0 }, true],
    [{ mediaSequence: 7, part: 19 }, false],
    [{ mediaSequence: 7, part: 20 }, true],
    [{ mediaSequence: 3, part: 500 }, false],
  ])('%j with parts of 0.2 s at segment 7, part 5: %s', (wanted, expected) => {
    expect(isTooFarAhead(wanted, at(7, 5), 0.2)).toBe(expected);
  });

  it('never refuses the part that comes next', () => {
    fc.assert(
      fc.property(
        fc.nat(1000),
        fc.nat(50),
        fc.double({ min: 0.05, max: 5, noNaN: true }),
        (sequence, parts, target) => {
          const position = at(sequence, parts);
          expect(isTooFarAhead({ mediaSequence: sequence, part: parts }, position, target)).toBe(false);
          expect(isTooFarAhead({ mediaSequence: sequence + 1, part: 0 }, position, target)).toBe(false);
        },
      ),
    );
  });
});

describe('PlaylistWaiters', () => {
  const never = new AbortController().signal;

  it('wakes those whose part has come, and no others', async () => {
    const waiters = new PlaylistWaiters(10);
    const woken: number[] = [];
    const waits = [0, 1, 2].map((part) =>
      waiters.wait({ mediaSequence: 7, part }, at(7, 0), never).then(() => woken.push(part)),
    );
    waiters.advance(at(7, 2));
    await Promise.all(waits.slice(0, 2));
    expect([woken, waiters.size]).toEqual([[0, 1], 1]);
    waiters.advance(at(8, 0));
    await Promise.all(waits);
    expect(waiters.size).toBe(0);
  });

  it('forgets a client that went away, with its listener', async () => {
    const waiters = new PlaylistWaiters(10_000);
    const client = new AbortController();
    // In a node each request has a signal of its own.
    setMaxListeners(0, client.signal);
    const waits = Array.from({ length: 10_000 }, () =>
      waiters.wait({ mediaSequence: 7, part: 0 }, at(7, 0), client.signal),
    );
    expect(waiters.size).toBe(10_000);
    client.abort();
    await Promise.all(waits);
    expect(waiters.size).toBe(0);
    expect(getEventListeners(client.signal, 'abort')).toEqual([]);
  });

  it('refuses more than its limit', async () => {
    const waiters = new PlaylistWaiters(1);
    const first = waiters.wait({ mediaSequence: 7, part: 0 }, at(7, 0), never);
    await expect(waiters.wait({ mediaSequence: 7, part: 0 }, at(7, 0), never)).rejects.toMatchObject({
      code: 'limit-reached',
    });
    waiters.release();
    await first;
  });

  it('lets everyone go when the playlist ends', async () => {
    const waiters = new PlaylistWaiters(1);
    const wait = waiters.wait({ mediaSequence: 9, part: 0 }, at(7, 0), never);
    waiters.release();
    await wait;
    expect(waiters.size).toBe(0);
  });
});
