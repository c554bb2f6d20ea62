import { getEventListeners } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { isReached, isTooFarAhead, PlaylistWaiters, type WantedPosition } from '../../../src/hls/blocking-reload.js';
import { readDirectives, waitForPart, waitForPosition } from '../../../src/http/live/low-latency.js';
import type { HlsView } from '../../../src/stream/live-stream.js';

/** A playlist that moves on by hand, and requests that note who listens to them. */
function held(maxWaiters = 20_000, maxWaitMs = 60_000) {
  const waiters = new PlaylistWaiters(maxWaiters);
  const at = { mediaSequence: 10, parts: 2, previousParts: 10 };
  let released = 0;
  const low = {
    mediaSequence: at.mediaSequence,
    nextPart: { mediaSequence: 10, part: 2 },
    maxWaitMs,
    isReached: (wanted: WantedPosition) => isReached(wanted, at),
    isTooFarAhead: (wanted: WantedPosition) => isTooFarAhead(wanted, at, 0.2),
    isNextPart: (file: string) => file === 'next.m4s',
    wait: (wanted: WantedPosition, signal: AbortSignal) => waiters.wait(wanted, at, signal),
    delta: () => undefined,
  };
  const hls = { lowLatency: () => low } as unknown as HlsView;
  const ask = (query: Record<string, string> = {}) => {
    const gone = new AbortController();
    const onGone = (end: () => void) => {
      gone.signal.addEventListener('abort', end, { once: true });
      return () => {
        released += 1;
        gone.signal.removeEventListener('abort', end);
      };
    };
    return { gone, query: (name: string) => query[name], onGone };
  };
  const advance = (mediaSequence: number, parts: number) => {
    if (mediaSequence > at.mediaSequence) at.previousParts = at.parts;
    Object.assign(at, { mediaSequence, parts });
    waiters.advance(at);
  };
  return { waiters, hls, ask, advance, released: () => released };
}

describe('a held request', () => {
  it('leaves nothing behind when its client goes away: 10,000 of them', async () => {
    vi.useFakeTimers();
    try {
      const { waiters, hls, ask, released } = held();
      const requests = Array.from({ length: 10_000 }, () => ask());
      const waits = requests.map((request) => waitForPosition(hls, 'source', { mediaSequence: 11, part: 0 }, request));
      expect([waiters.size, vi.getTimerCount()]).toEqual([10_000, 10_000]);
      for (const { gone } of requests) gone.abort();
      await Promise.all(waits);
      expect([waiters.size, vi.getTimerCount(), released()]).toEqual([0, 0, 10_000]);
      expect(requests.flatMap(({ gone }) => getEventListeners(gone.signal, 'abort'))).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('leaves nothing behind when it is answered, and all are woken by one part', async () => {
    vi.useFakeTimers();
    try {
      const { waiters, hls, ask, advance, released } = held();
      const requests = Array.from({ length: 1000 }, () => ask());
      const waits = requests.map((request) => waitForPosition(hls, 'source', { mediaSequence: 10, part: 2 }, request));
      const part = waitForPart(hls, 'source', 'next.m4s', ask());
      expect(waiters.size).toBe(1001);
      advance(10, 3);
      expect(waiters.size).toBe(0);
      expect(new Set(await Promise.all(waits))).toEqual(new Set([undefined]));
      expect(await part).toBe(true);
      expect([vi.getTimerCount(), released()]).toEqual([0, 1001]);
      expect(requests.flatMap(({ gone }) => getEventListeners(gone.signal, 'abort'))).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('without a part, as Safari asks, waits for the first part of the segment', async () => {
    const { hls, ask, advance, waiters } = held();
    const directives = readDirectives(ask({ _HLS_msn: '11' }));
    if ('problem' in directives) throw new Error('refused');
    const answered = vi.fn();
    const wait = waitForPosition(hls, 'source', directives.wanted!, ask()).then(answered);
    advance(10, 9);
    advance(11, 0);
    expect([waiters.size, answered.mock.calls.length]).toEqual([1, 0]);
    advance(11, 1);
    await wait;
    expect(answered.mock.calls).toEqual([[undefined]]);
  });

  it('is refused after three target durations, or where it would never come, or where too many wait', async () => {
    const late = held(10, 1);
    const soon = { mediaSequence: 11, part: 0 };
    expect(await waitForPosition(late.hls, 'source', soon, late.ask())).toMatchObject({ status: 503 });
    expect(late.waiters.size).toBe(0);
    const { hls, ask, waiters } = held(1);
    expect(await waitForPosition(hls, 'source', { mediaSequence: 12, part: 0 }, ask())).toMatchObject({ status: 400 });
    expect(await waitForPosition(hls, 'source', { mediaSequence: 10, part: 40 }, ask())).toMatchObject({ status: 400 });
    const request = ask();
    const first = waitForPosition(hls, 'source', soon, request);
    expect(await waitForPosition(hls, 'source', soon, ask())).toMatchObject({ status: 503, code: 'limit-reached' });
    request.gone.abort();
    await first;
    expect(waiters.size).toBe(0);
  });

  it('is served with what there is when the stream ends', async () => {
    const { hls, ask, waiters } = held();
    const wait = waitForPosition(hls, 'source', { mediaSequence: 11, part: 0 }, ask());
    waiters.release();
    expect(await wait).toBeUndefined();
  });

  it.each([
    [{ _HLS_part: '1' }, '_HLS_part'],
    [{ _HLS_msn: '-1' }, '_HLS_msn'],
    [{ _HLS_msn: '1e3' }, '_HLS_msn'],
    [{ _HLS_msn: '5', _HLS_part: 'x' }, '_HLS_part'],
  ])('that makes no sense is refused: %j', (query, field) => {
    expect(readDirectives(held().ask(query))).toMatchObject({ problem: { status: 400, field } });
  });
});
