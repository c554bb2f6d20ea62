import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ErrorCode, SidepipeError } from '../../../src/errors.js';
import { filesOf, isOrphan } from '../../../src/storage/publish/cleanup/orphans.js';
import { chooseStore } from '../../../src/storage/publish/failover.js';
import {
  decideLease,
  decodeLease,
  encodeLease,
  type LeaseSighting,
  leaseEndsAt,
  sight,
} from '../../../src/storage/publish/lease/lease.js';
import { CoalescingSlot } from '../../../src/storage/publish/objects/overwritten-object.js';
import { Backlog } from '../../../src/storage/publish/queue/backlog.js';
import { type HealthEvent, healthy, stepHealth } from '../../../src/storage/publish/queue/health.js';
import { FairQueue, uploadKinds } from '../../../src/storage/publish/queue/queue.js';
import { attemptTimeoutMs, errorClass, isThrottle } from '../../../src/storage/publish/queue/retry.js';

const error = (code: ErrorCode, retryable = false, details = {}) =>
  new SidepipeError('x', { code, fault: 'storage', retryable, details });

describe('retry policy', () => {
  it.each([
    [error('storage-unavailable', true), 'retry'],
    [error('storage-failed', true), 'retry'],
    [error('storage-failed'), 'give-up'],
    [error('storage-denied'), 'reconfigure'],
    [error('storage-misconfigured'), 'reconfigure'],
    [error('storage-conflict'), 'conflict'],
    [error('storage-conflict', true), 'retry'],
    [error('aborted'), 'retry'],
    [new Error('socket hang up'), 'retry'],
  ] as const)('%o', (thrown, verdict) => {
    expect(errorClass(thrown)).toBe(verdict);
  });

  it('knows a request for fewer requests', () => {
    expect(isThrottle(error('storage-unavailable', true, { status: 503 }))).toBe(true);
    expect(isThrottle(error('storage-unavailable', true, { vendorCode: 'SlowDownWrite' }))).toBe(true);
    expect(isThrottle(error('storage-unavailable', true, { status: 500 }))).toBe(false);
  });

  it('gives an attempt the time of its bytes on a slow link', () => {
    expect(attemptTimeoutMs(65_536, 8000, 65_536)).toBe(9000);
  });
});

describe('health', () => {
  const events: readonly HealthEvent[] = ['success', 'failure', 'throttle', 'refusal', 'answered'];

  it('never allows less than one upload or more than the maximum, and is up again after enough success', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...events)), fc.integer({ min: 1, max: 64 }), (list, maximum) => {
        let health = healthy(maximum);
        list.forEach((event, i) => {
          health = stepHealth(health, event, { now: i * 400, maximum });
          expect(health.limit).toBeGreaterThanOrEqual(1);
          expect(health.limit).toBeLessThanOrEqual(maximum);
          if (health.state === 'down' || health.state === 'refused') expect(health.limit).toBe(1);
        });
        for (let i = 0; i < 8 + maximum; i += 1) health = stepHealth(health, 'success', { now: 1e9, maximum });
        expect(health).toMatchObject({ state: 'up', limit: maximum, failures: 0, troubledSince: undefined });
      }),
    );
  });

  it('comes back one, two, four', () => {
    let health = healthy(8);
    const step = (event: HealthEvent): number => {
      health = stepHealth(health, event, { now: 0, maximum: 8 });
      return health.limit;
    };
    for (let i = 0; i < 5; i += 1) step('failure');
    expect(health.state).toBe('down');
    expect([step('answered'), step('success'), step('success'), step('success')]).toEqual([1, 2, 4, 8]);
    expect(health.state).toBe('up');
  });

  it('is not down for a few failures among successes', () => {
    let health = healthy(8);
    for (let i = 0; i < 100; i += 1)
      health = stepHealth(health, i % 5 === 4 ? 'success' : 'failure', { now: i, maximum: 8 });
    expect(health.state).toBe('up');
  });
});

describe('backlog', () => {
  it('is within its limit after what it names is given up, unless all the rest is being sent', () => {
    const item = fc.record({
      bytes: fc.integer({ min: 1, max: 50 }),
      kind: fc.constantFrom('image', 'segment'),
      busy: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(item), (items) => {
        const backlog = new Backlog<{ bytes: number; kind: 'image' | 'segment'; busy(): boolean; number: number }>(100);
        items.forEach(({ bytes, kind, busy }, number) => {
          backlog.hold({ bytes, kind: kind as 'image', busy: () => busy, number });
          const victims = backlog.overflow();
          expect(victims.some((victim) => victim.busy())).toBe(false);
          const spared = [...backlog.items()].filter((one) => !victims.includes(one) && !one.busy());
          const segments = victims.filter((one) => one.kind === 'segment');
          if (segments.length > 0) expect(spared.some((one) => one.kind === 'image')).toBe(false);
          const youngest = Math.max(...segments.map((one) => one.number));
          for (const one of spared) if (one.kind === 'segment') expect(one.number).toBeGreaterThan(youngest);
          for (const victim of victims) backlog.release(victim);
          const sum = [...backlog.items()].reduce((total, one) => total + one.bytes, 0);
          expect(backlog.bytes).toBe(sum);
          if (sum > 100) expect([...backlog.items()].every((one) => one.busy())).toBe(true);
        });
      }),
    );
  });

  it('gives up what can never fit instead of all the rest', () => {
    const backlog = new Backlog<{ bytes: number; kind: 'segment'; busy(): boolean }>(100);
    const small = { bytes: 60, kind: 'segment', busy: () => false } as const;
    const huge = { bytes: 101, kind: 'segment', busy: () => false } as const;
    backlog.hold(small);
    backlog.hold(huge);
    expect(backlog.overflow()).toEqual([huge]);
  });
});

describe('queue', () => {
  it('gives by importance, then by turns, then by order', () => {
    const job = fc.record({
      kind: fc.constantFrom(...uploadKinds),
      stream: fc.constantFrom<string>('a', 'b', 'c'),
      order: fc.nat(100),
    });
    fc.assert(
      fc.property(fc.array(job), (jobs) => {
        const queue = new FairQueue<{ kind: (typeof uploadKinds)[number]; stream: string; order: number }>();
        for (const one of jobs) queue.push({ ...one });
        const load = new Map<string, number>();
        const taken: (typeof jobs)[number][] = [];
        for (
          let next = queue.take(uploadKinds, (s) => load.get(s) ?? 0);
          next;
          next = queue.take(uploadKinds, (s) => load.get(s) ?? 0)
        ) {
          load.set(next.stream, (load.get(next.stream) ?? 0) + 1);
          taken.push(next);
        }
        expect(taken).toHaveLength(jobs.length);
        expect(queue.size).toBe(0);
        taken.forEach((one, i) => {
          const before = taken[i - 1];
          if (before) expect(uploadKinds.indexOf(before.kind)).toBeLessThanOrEqual(uploadKinds.indexOf(one.kind));
        });
        for (const stream of ['a', 'b', 'c']) {
          for (const kind of uploadKinds) {
            const orders = taken.filter((one) => one.stream === stream && one.kind === kind).map(({ order }) => order);
            expect(orders).toEqual([...orders].sort((a, b) => a - b));
          }
        }
      }),
    );
  });

  it('serves a stream with little before one with much', () => {
    const queue = new FairQueue<{ kind: 'segment'; stream: string; order: number }>();
    for (let order = 0; order < 10; order += 1) queue.push({ kind: 'segment', stream: 'a', order });
    queue.push({ kind: 'segment', stream: 'b', order: 0 });
    const load = new Map([['a', 2]]);
    expect(queue.take(['segment'], (stream) => load.get(stream) ?? 0)?.stream).toBe('b');
  });
});

describe('coalescing slot', () => {
  it('never begins twice within its interval and never loses the last mark', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ mark: fc.boolean(), passMs: fc.nat(700), done: fc.boolean() })), (steps) => {
        const slot = new CoalescingSlot(1000);
        let now = 0;
        let endedAt = Number.NEGATIVE_INFINITY;
        let unsent = false;
        for (const { mark, passMs, done } of steps) {
          now += passMs;
          if (mark) {
            slot.mark();
            unsent = true;
          }
          if (slot.dueInMs(now) === 0) {
            expect(now - endedAt).toBeGreaterThanOrEqual(1000);
            slot.take();
            slot.sent();
            expect(slot.dueInMs(now)).toBeUndefined();
            slot.finish(done, now);
            endedAt = now;
            unsent = !done;
          }
          expect(slot.dirty).toBe(unsent);
        }
      }),
    );
  });
});

describe('lease', () => {
  const owner = 'me';
  it('is taken only when it has not changed for its whole time by the local clock', () => {
    const look = fc.record({ passMs: fc.nat(6000), renewed: fc.boolean() });
    fc.assert(
      fc.property(fc.array(look), fc.integer({ min: 1000, max: 20_000 }), (looks, ttlMs) => {
        let sighting: LeaseSighting | undefined;
        let now = 0;
        let count = 0;
        let changedAt = 0;
        for (const { passMs, renewed } of looks) {
          now += passMs;
          if (renewed) count += 1;
          const record = { owner: 'other', ttlMs, count };
          const before = sighting?.etag;
          sighting = sight(sighting, { etag: `"${count}"`, record }, now);
          if (before !== sighting?.etag) changedAt = now;
          const decision = decideLease(sighting, { owner, ttlMs: 1, now });
          expect(decision).toBe(now - changedAt >= ttlMs ? 'take' : 'wait');
        }
      }),
    );
  });

  it('ends for its owner before anybody may take it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 300_000 }), fc.nat(), (ttlMs, sentAt) => {
        expect(leaseEndsAt(sentAt, ttlMs)).toBeLessThan(sentAt + ttlMs);
      }),
    );
  });

  it('is created where there is none, and adopted where it is ours', () => {
    expect(decideLease(undefined, { owner, ttlMs: 1000, now: 0 })).toBe('create');
    const record = { owner, ttlMs: 1000, count: 3 };
    expect(decideLease({ etag: 'x', record, sinceMs: 0 }, { owner, ttlMs: 1000, now: 1 })).toBe('adopt');
  });

  it('reads what it wrote and survives anything else', () => {
    const record = { owner: 'a b', ttlMs: 12_000, count: 7 };
    expect(decodeLease(encodeLease(record))).toEqual(record);
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          const read = decodeLease(bytes);
          if (read) expect(read.ttlMs).toBeGreaterThanOrEqual(1000);
        },
      ),
    );
  });
});

describe('failover', () => {
  const limits = { afterMs: 30_000, handBackAfterMs: 10_000 };
  const facts = {
    active: 'first',
    firstTroubledSince: undefined,
    firstAnswersSince: undefined,
    secondTroubled: false,
    now: 100_000,
  } as const;
  it.each([
    [{}, 'first'],
    [{ firstTroubledSince: 80_000 }, 'first'],
    [{ firstTroubledSince: 70_000 }, 'second'],
    [{ firstTroubledSince: 1, secondTroubled: true }, 'first'],
    [{ active: 'second' }, 'second'],
    [{ active: 'second', firstAnswersSince: 95_000 }, 'second'],
    [{ active: 'second', firstAnswersSince: 90_000 }, 'first'],
    [{ active: 'second', firstAnswersSince: 90_000, secondTroubled: true }, 'first'],
  ] as const)('%o', (change, choice) => {
    expect(chooseStore({ ...facts, ...change }, limits)).toBe(choice);
  });
});

describe('orphans', () => {
  const info = (key: string, modifiedAt = 0) => ({ key, bytes: 1, etag: 'x', modifiedAt });
  const facts = {
    liveSessions: new Set(['live']),
    listed: new Set(['old-7.ts', 'old-init.mp4']),
    recorded: new Set(['kept']),
    storeNow: 60_000,
    graceMs: 14_000,
  };
  it.each([
    ['demo/source/old-1.ts', true],
    ['demo/source/old-1.m4s', true],
    ['demo/source/old2-init.mp4', true],
    ['demo/source/old-7.ts', false],
    ['demo/source/old-init.mp4', false],
    ['demo/source/live-1.ts', false],
    ['demo/source/kept-1.ts', false],
    ['demo/source/index.m3u8', false],
    ['demo/thumbnail.jpg', false],
    ['demo/source/notes.txt', false],
    ['demo/source/my-holiday-1.ts', false],
    ['demo/source/deeper/old-1.ts', false],
    ['demo/lease.json', false],
  ])('%s: %s', (key, orphan) => {
    expect(isOrphan(info(key), facts)).toBe(orphan);
    expect(isOrphan(info(key, 50_000), facts)).toBe(false);
  });

  it('reads the files of a playlist', () => {
    const text = '#EXTM3U\n#EXT-X-MAP:URI="a-init.mp4"\n#EXTINF:2,\na-1.m4s?x=1\n#EXTINF:2,\r\n../source/a-2.m4s\r\n';
    expect([...filesOf(text)]).toEqual(['a-init.mp4', 'a-1.m4s', 'a-2.m4s']);
  });
});
