import { describe, expect, it } from 'vitest';
import { SidepipeError } from '../../../src/errors.js';
import { RestartHistory } from '../../../src/stream/run/restart-history.js';
import { defaultRestartPolicy } from '../../../src/stream/run/restart-policy.js';

const START = Date.UTC(2027, 2, 3, 4, 5, 6);
const restart = { ...defaultRestartPolicy, minDelayMs: 100, maxDelayMs: 1000, stableMs: 10_000, exhaustedAfter: 3 };

function makeHistory(random = 0, kind: 'rtsp' | 'file' = 'rtsp') {
  const time = { now: START };
  const redact = (text: string) => text.replaceAll('hunter2', '***');
  const source = { kind, url: 'anything' } as const;
  const history = new RestartHistory({
    restart,
    system: { now: () => time.now, dateOf: (at) => at, random: () => random },
    redact,
    source,
  });
  return { history, time };
}

const lost = (details?: Record<string, unknown>) =>
  new SidepipeError('no answer from rtsp://u:hunter2@camera', {
    ...{ code: 'source-unavailable', fault: 'source', retryable: true },
    ...(details && { details }),
  });

describe('RestartHistory', () => {
  it('lists failures without their secrets, the newest first', () => {
    const { history, time } = makeHistory();
    const added = history.add(lost({ stderr: ['[error] hunter2 was refused'] }), undefined);
    expect(added).toEqual({
      ...{ at: '2027-03-03T04:05:06.000Z', code: 'source-unavailable' },
      message: 'no answer from rtsp://u:***@camera',
      stderr: ['[error] *** was refused'],
    });
    time.now += 1000;
    history.add(lost(), undefined);
    expect(history.list().map(({ at }) => at)).toEqual(['2027-03-03T04:05:07.000Z', '2027-03-03T04:05:06.000Z']);
    for (let more = 0; more < 30; more += 1) history.add(lost(), undefined);
    expect(history.list()).toHaveLength(20);
    expect(history.count).toBe(32);
  });

  it.each(['source-not-media', 'source-without-video', 'source-unsupported'] as const)(
    'waits a minute after the second failure of a file because of its content (%s), but not for a camera',
    (code) => {
      const delays = (kind: 'rtsp' | 'file') => {
        const { history } = makeHistory(0, kind);
        return [0, 1, 2].map(() => {
          history.add(new SidepipeError('nothing to play', { code, fault: 'source', retryable: true }), undefined);
          return [history.delayMs, history.isHeldBack];
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

  it('waits a minute after the second failure of ffmpeg at its options, regardless of the policy', () => {
    const { history } = makeHistory();
    const error = new SidepipeError('fails', { code: 'ffmpeg-unusable', fault: 'node', retryable: true });
    history.add(error, undefined);
    // The next run may use another encoder.
    expect(history.delayMs).toBe(100);
    history.add(error, undefined);
    expect(history.delayMs).toBe(60_000);
    history.add(lost(), undefined);
    expect(history.delayMs).toBe(400);
  });

  it('waits longer with each failure in a row, and is exhausted by too many', () => {
    const { history } = makeHistory();
    const seen = [1, 2, 3].map(() => {
      history.add(lost(), undefined);
      return { delayMs: history.delayMs, isExhausted: history.isExhausted };
    });
    expect(seen).toEqual([
      { delayMs: 100, isExhausted: false },
      { delayMs: 200, isExhausted: false },
      { delayMs: 400, isExhausted: true },
    ]);
  });

  it('restarts the count after a run with media for long, but not after a short one', () => {
    const { history, time } = makeHistory();
    history.add(lost(), undefined);
    history.add(lost(), time.now - 500);
    expect(history.inARow).toBe(2);
    history.add(lost(), time.now - restart.stableMs);
    expect(history.inARow).toBe(1);
  });

  it('has a reason until a run produces media, which does not reset the count', () => {
    const { history } = makeHistory();
    const error = lost();
    history.add(error, undefined);
    expect(history.reason).toBe(error);
    history.overcome();
    expect(history.reason).toBeUndefined();
    expect(history.inARow).toBe(1);
  });

  it('waits minutes for a source that denies access, and reports until when', () => {
    const { history, time } = makeHistory();
    const denied = () => history.add(lost({ denied: true }), undefined);
    const waits = Array.from({ length: 6 }, () => {
      denied();
      const seconds = (history.nextAttemptAt! - time.now) / 1000;
      expect(history.isHeldBack).toBe(seconds >= 60);
      expect(history.delayMs).toBe(seconds * 1000);
      time.now = history.nextAttemptAt!;
      history.attempt();
      expect(history).toMatchObject({ nextAttemptAt: undefined, isHeldBack: false });
      return seconds;
    });
    expect(waits).toEqual([0.1, 0.2, 60, 300, 900, 900]);
  });

  it('keeps the count of denials across other failures, and resets it after media or for an operator', () => {
    const { history, time } = makeHistory();
    const delayAfter = (details?: Record<string, unknown>, mediaSince?: number) => {
      history.add(lost(details), mediaSince);
      return history.delayMs;
    };
    expect([1, 2, 3].map(() => delayAfter({ denied: true })).at(-1)).toBe(60_000);
    expect(delayAfter()).toBe(800);
    expect(delayAfter({ denied: true })).toBe(300_000);
    history.forgive();
    expect(delayAfter({ denied: true })).toBe(100);
    expect(delayAfter({ denied: true })).toBe(200);
    history.overcome();
    expect(delayAfter({ denied: true }, time.now - 1000)).toBe(400);
  });

  it('resets the count for an operator, but keeps the list', () => {
    const { history } = makeHistory();
    for (let more = 0; more < 3; more += 1) history.add(lost(), undefined);
    history.forgive();
    expect(history).toMatchObject({ inARow: 0, isExhausted: false, count: 3 });
    expect(history.list()).toHaveLength(3);
  });
});
