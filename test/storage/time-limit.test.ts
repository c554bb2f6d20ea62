import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { CallOptions } from '../../src/storage/store.js';
import { startLimit, within } from '../../src/storage/time-limit.js';
import { failureOf } from './contract.js';

const never = new Promise<never>(() => undefined);

describe('the limit of a call that takes several requests', () => {
  it('counts down to nothing', () => {
    let now = 1000;
    const { signal } = new AbortController();
    const limit = startLimit({ signal, timeoutMs: 500 }, () => now);
    expect(limit).toEqual({ signal, timeoutMs: 500 });
    now = 1200;
    expect({ ...limit }).toEqual({ signal, timeoutMs: 300 });
    now = 9000;
    expect(limit.timeoutMs).toBe(0);
  });

  it('stays unlimited where the caller sets none', () => {
    expect(startLimit<CallOptions>({}).timeoutMs).toBeUndefined();
  });
});

describe('work that knows no limits', () => {
  it('is left alone when its time is over, and told so', async () => {
    let told: AbortSignal | undefined;
    const work = within({ timeoutMs: 20 }, 'head x', (signal) => {
      told = signal;
      return never;
    });
    expect(await failureOf(work)).toMatchObject({
      message: 'head x: not completed within 20 ms',
      code: 'storage-unavailable',
      retryable: true,
    });
    expect(told?.aborted).toBe(true);
  });

  it('is left alone when the caller calls it off, and leaves nothing on the signal', async () => {
    const caller = new AbortController();
    const work = failureOf(within({ signal: caller.signal }, 'head x', () => never));
    await within({ signal: caller.signal }, 'head y', async () => undefined);
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(1);
    caller.abort();
    expect(await work).toMatchObject({ message: 'head x was aborted', code: 'aborted' });
  });

  it('keeps its own result and error otherwise', async () => {
    expect(await within({ timeoutMs: 60_000 }, 'x', async () => 7)).toBe(7);
    await expect(within({}, 'x', () => Promise.reject(new Error('its own')))).rejects.toThrow('its own');
  });

  it('is not started without time', async () => {
    let started = false;
    const work = within({ timeoutMs: 0 }, 'x', async () => {
      started = true;
    });
    expect((await failureOf(work)).message).toContain('no time was left');
    expect(started).toBe(false);
  });
});
