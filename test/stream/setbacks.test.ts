import { describe, expect, it } from 'vitest';
import { SidepipeError } from '../../src/errors.js';
import { defaultRestartPolicy } from '../../src/stream/restart-policy.js';
import { Setbacks } from '../../src/stream/setbacks.js';

const START = Date.UTC(2027, 2, 3, 4, 5, 6);
const restart = { ...defaultRestartPolicy, minDelayMs: 100, maxDelayMs: 1000, stableMs: 10_000, exhaustedAfter: 3 };

function makeSetbacks(random = 0) {
  const time = { now: START };
  const redact = (text: string) => text.replaceAll('hunter2', '***');
  const setbacks = new Setbacks({ restart, now: () => time.now, random: () => random, redact });
  return { setbacks, time };
}

const lost = (details?: Record<string, unknown>) =>
  new SidepipeError('no answer from rtsp://u:hunter2@camera', {
    ...{ code: 'source-unavailable', fault: 'source', retryable: true },
    ...(details && { details }),
  });

describe('Setbacks', () => {
  it('tells of each without its secrets, the newest first', () => {
    const { setbacks, time } = makeSetbacks();
    const told = setbacks.add(lost({ stderr: ['[error] hunter2 was refused'] }), undefined);
    expect(told).toEqual({
      ...{ at: '2027-03-03T04:05:06.000Z', code: 'source-unavailable' },
      message: 'no answer from rtsp://u:***@camera',
      stderr: ['[error] *** was refused'],
    });
    time.now += 1000;
    setbacks.add(lost(), undefined);
    expect(setbacks.list().map(({ at }) => at)).toEqual(['2027-03-03T04:05:07.000Z', '2027-03-03T04:05:06.000Z']);
    for (let more = 0; more < 30; more += 1) setbacks.add(lost(), undefined);
    expect(setbacks.list()).toHaveLength(20);
    expect(setbacks.count).toBe(32);
  });

  it('waits longer the more there are in a row, and is exhausted by too many', () => {
    const { setbacks } = makeSetbacks();
    const seen = [1, 2, 3].map(() => {
      setbacks.add(lost(), undefined);
      return { delayMs: setbacks.delayMs, isExhausted: setbacks.isExhausted };
    });
    expect(seen).toEqual([
      { delayMs: 100, isExhausted: false },
      { delayMs: 200, isExhausted: false },
      { delayMs: 400, isExhausted: true },
    ]);
  });

  it('counts from one again after a run that gave media for long, and not after a short one', () => {
    const { setbacks, time } = makeSetbacks();
    setbacks.add(lost(), undefined);
    setbacks.add(lost(), time.now - 500);
    expect(setbacks.inARow).toBe(2);
    setbacks.add(lost(), time.now - restart.stableMs);
    expect(setbacks.inARow).toBe(1);
  });

  it('has a reason until a run gives media, and counts on then', () => {
    const { setbacks } = makeSetbacks();
    const error = lost();
    setbacks.add(error, undefined);
    expect(setbacks.reason).toBe(error);
    setbacks.overcome();
    expect(setbacks.reason).toBeUndefined();
    expect(setbacks.inARow).toBe(1);
  });

  it('begins anew for an operator, who still sees what there was', () => {
    const { setbacks } = makeSetbacks();
    for (let more = 0; more < 3; more += 1) setbacks.add(lost(), undefined);
    setbacks.forgive();
    expect(setbacks).toMatchObject({ inARow: 0, isExhausted: false, count: 3 });
    expect(setbacks.list()).toHaveLength(3);
  });
});
