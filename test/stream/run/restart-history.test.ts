import { describe, expect, it } from 'vitest';
import { SidepipeError } from '../../../src/errors.js';
import { RestartHistory } from '../../../src/stream/run/restart-history.js';
import { defaultRestartPolicy } from '../../../src/stream/run/restart-policy.js';

const START = Date.UTC(2027, 2, 3, 4, 5, 6);
const restart = { ...defaultRestartPolicy, minDelayMs: 100, maxDelayMs: 1000, stableMs: 10_000, exhaustedAfter: 3 };

function makeSetbacks(random = 0, kind: 'rtsp' | 'file' = 'rtsp') {
  const time = { now: START };
  const redact = (text: string) => text.replaceAll('hunter2', '***');
  const source = { kind, url: 'anything' } as const;
  const setbacks = new RestartHistory({
    restart,
    now: () => time.now,
    dateOf: (at) => at,
    random: () => random,
    redact,
    source,
  });
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

  it.each(['source-not-media', 'source-without-video', 'source-unsupported'] as const)(
    'leaves a file alone for a minute that has failed twice for what is in it (%s), and no camera',
    (code) => {
      const delays = (kind: 'rtsp' | 'file') => {
        const { setbacks } = makeSetbacks(0, kind);
        return [0, 1, 2].map(() => {
          setbacks.add(new SidepipeError('nothing to play', { code, fault: 'source', retryable: true }), undefined);
          return [setbacks.delayMs, setbacks.isHeldBack];
        });
      };
      expect(delays('file')).toEqual([
        [100, false],
        [60_000, true],
        [60_000, true],
      ]);
      expect(delays('rtsp')).toEqual([
        [100, false],
        [200, false],
        [400, false],
      ]);
    },
  );

  it('leaves an ffmpeg alone for a minute that has failed at its options twice, whatever the policy says', () => {
    const { setbacks } = makeSetbacks();
    const error = new SidepipeError('fails', { code: 'ffmpeg-unusable', fault: 'node', retryable: true });
    setbacks.add(error, undefined);
    // The next run may use another encoder.
    expect(setbacks.delayMs).toBe(100);
    setbacks.add(error, undefined);
    expect(setbacks.delayMs).toBe(60_000);
    setbacks.add(lost(), undefined);
    expect(setbacks.delayMs).toBe(400);
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

  it('waits minutes for a source that denies access, and says until when', () => {
    const { setbacks, time } = makeSetbacks();
    const denied = () => setbacks.add(lost({ denied: true }), undefined);
    const waits = Array.from({ length: 6 }, () => {
      denied();
      const seconds = (setbacks.nextAttemptAt! - time.now) / 1000;
      expect(setbacks.isHeldBack).toBe(seconds >= 60);
      expect(setbacks.delayMs).toBe(seconds * 1000);
      time.now = setbacks.nextAttemptAt!;
      setbacks.attempt();
      expect(setbacks).toMatchObject({ nextAttemptAt: undefined, isHeldBack: false });
      return seconds;
    });
    expect(waits).toEqual([0.1, 0.2, 60, 300, 900, 900]);
  });

  it('counts denials on through other failures, and from one again after media or for an operator', () => {
    const { setbacks, time } = makeSetbacks();
    const delayAfter = (details?: Record<string, unknown>, mediaSince?: number) => {
      setbacks.add(lost(details), mediaSince);
      return setbacks.delayMs;
    };
    expect([1, 2, 3].map(() => delayAfter({ denied: true })).at(-1)).toBe(60_000);
    expect(delayAfter()).toBe(800);
    expect(delayAfter({ denied: true })).toBe(300_000);
    setbacks.forgive();
    expect(delayAfter({ denied: true })).toBe(100);
    expect(delayAfter({ denied: true })).toBe(200);
    setbacks.overcome();
    expect(delayAfter({ denied: true }, time.now - 1000)).toBe(400);
  });

  it('begins anew for an operator, who still sees what there was', () => {
    const { setbacks } = makeSetbacks();
    for (let more = 0; more < 3; more += 1) setbacks.add(lost(), undefined);
    setbacks.forgive();
    expect(setbacks).toMatchObject({ inARow: 0, isExhausted: false, count: 3 });
    expect(setbacks.list()).toHaveLength(3);
  });
});
