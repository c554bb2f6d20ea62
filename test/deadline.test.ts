import { getEventListeners } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { createDeadline } from '../src/deadline.js';

describe('a deadline', () => {
  it('aborts its signal when the time is over, and says so', async () => {
    const deadline = createDeadline(5);
    await expect(deadline.reached).rejects.toMatchObject({ name: 'TimeoutError' });
    expect([deadline.expired, deadline.signal.aborted, deadline.timeoutMs]).toEqual([true, true, 5]);
    await expect(deadline.reached).rejects.toBe(deadline.signal.reason);
  });

  it('follows other signals, and says that it did not expire', async () => {
    const [one, other] = [new AbortController(), new AbortController()];
    const deadline = createDeadline(60_000, [one.signal, undefined, other.signal]);
    other.abort(new Error('stop'));
    await expect(deadline.reached).rejects.toThrow('stop');
    expect([deadline.expired, deadline.signal.aborted]).toEqual([false, true]);
    deadline.clear();
    const late = createDeadline(60_000, [other.signal]);
    expect(late.signal.reason).toBe(other.signal.reason);
    late.clear();
  });

  it('leaves no timer and no listener behind', () => {
    vi.useFakeTimers();
    try {
      const { signal } = new AbortController();
      const deadlines = Array.from({ length: 100 }, () => createDeadline(1000, [signal]));
      expect([vi.getTimerCount(), getEventListeners(signal, 'abort').length]).toEqual([100, 100]);
      for (const deadline of deadlines) deadline.clear();
      expect([vi.getTimerCount(), getEventListeners(signal, 'abort').length]).toEqual([0, 0]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('starts again with another time limit', () => {
    vi.useFakeTimers();
    try {
      const deadline = createDeadline(1000);
      vi.advanceTimersByTime(900);
      deadline.restart(1000);
      vi.advanceTimersByTime(900);
      expect([deadline.expired, deadline.timeoutMs]).toEqual([false, 1000]);
      vi.advanceTimersByTime(100);
      expect(deadline.expired).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  it('without an end never expires', async () => {
    const deadline = createDeadline(Number.POSITIVE_INFINITY);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect([deadline.expired, deadline.signal.aborted]).toEqual([false, false]);
    deadline.clear();
  });
});
