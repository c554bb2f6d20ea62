import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SourceTime } from '../../src/frames/source-time.js';

const START = 1_700_000_000_000;

interface Source {
  readonly rate: number;
  /** Packets between an I or P picture and the next, each P sent before them. */
  readonly bFrames?: number;
  /** Seconds of packets that come in one go at the beginning. */
  readonly gathered?: number;
  readonly held?: number;
  readonly seconds?: number;
  /** From this second on. */
  readonly change?: { readonly at: number; readonly rate: number };
  /** By how much each report after the packets is late, in milliseconds. */
  readonly late?: readonly number[];
}

/** Plays a source that took the picture of timestamp t at START + t, and tells of packets for 5 s and of positions each half second. */
function play({ rate, bFrames = 0, gathered = 0, held = 0, seconds = 20, change, late = [] }: Source) {
  const time = new SourceTime({ expectsPackets: true });
  time.holds(held);
  const datable: number[] = [];
  const period = bFrames + 1;
  let [pts, frames, reportAt] = [0, 0, START + gathered * 1000 + 500];
  const errors: { readonly at: number; readonly ms: number }[] = [];
  for (let index = 0; pts < seconds; index++, frames++) {
    const step = 1 / (change !== undefined && pts >= change.at ? change.rate : rate);
    // An encoder cannot send a P picture before it has taken it, nor the B pictures before that.
    const shown = index % period === 0 ? pts + (index === 0 ? 0 : bFrames * step) : pts - step;
    const sentAt = START + (pts + (index === 0 ? 0 : bFrames * step) + held * step) * 1000;
    const now = Math.max(sentAt, START + gathered * 1000);
    if (pts < 5) time.packet(shown, now);
    if (now >= reportAt) {
      // A decoding time, behind by a constant.
      time.position(pts - 0.08, frames, now);
      reportAt += 500 + (pts > 5 ? (late[Math.floor(pts * 2) % late.length] ?? 0) : 0);
    }
    if (time.canDate(now, now)) {
      if (datable.length === 0) datable.push(pts);
      errors.push({ at: pts, ms: time.clock.timeOf(shown)! - (START + shown * 1000) });
    }
    pts += step;
  }
  return { errors, datableFrom: datable[0] };
}

const worst = (errors: readonly { readonly ms: number }[]) => Math.max(...errors.map(({ ms }) => Math.abs(ms)));

describe('SourceTime', () => {
  it.each([
    ['a steady source', { rate: 25 }],
    ['packets gathered while probing', { rate: 25, gathered: 1.3 }],
    ['B-frames', { rate: 25, bFrames: 3, gathered: 0.5 }],
    ['a demuxer that holds packets back', { rate: 25, held: 2, gathered: 1 }],
    ['few pictures a second', { rate: 5, held: 2, gathered: 1 }],
  ] as const)('dates pictures within a frame: %s', (_, source) => {
    const { errors, datableFrom } = play(source);
    expect(datableFrom).toBeLessThan(2);
    expect(worst(errors)).toBeLessThanOrEqual(1000 / source.rate);
  });

  it.each([
    [10, 30],
    [30, 10],
  ])('follows a change from %d to %d pictures a second', (before, after) => {
    const { errors } = play({ rate: before, held: 2, change: { at: 8, rate: after }, seconds: 16 });
    expect(worst(errors.filter(({ at }) => at < 8))).toBeLessThanOrEqual(1000 / before);
    expect(worst(errors.filter(({ at }) => at > 9.5))).toBeLessThanOrEqual(1000 / after);
  });

  it('keeps what it knows when a picture comes shortly before a report, and both are late', () => {
    const time = new SourceTime({ expectsPackets: true });
    time.holds(2);
    // 10 a second: with two held back, each is seen 200 ms after it was sent.
    for (let pts = 0; pts < 5; pts += 0.1) time.packet(pts, START + pts * 1000 + 200);
    for (let at = 0.5; at < 5; at += 0.5) time.position(at - 0.3, at * 10, START + at * 1000);
    for (let at = 7; at < 12; at += 0.5) {
      const now = START + at * 1000 + 300;
      time.clock.observe(at - 0.2, now);
      time.position(at - 0.3, at * 10, now + 50);
      expect(Math.abs(time.clock.timeOf(at)! - (START + at * 1000)), `at ${at}`).toBeLessThanOrEqual(100);
    }
  });

  it('waits for the clock no longer than 700 ms, and not at all where no packets are told of', () => {
    const silent = new SourceTime({ expectsPackets: true });
    expect(silent.canDate(START, START + 699)).toBe(false);
    expect(silent.canDate(START, START + 700)).toBe(true);
    expect(silent.canDate(START + 2000, START + 2000)).toBe(true);
    expect(new SourceTime({ expectsPackets: false }).canDate(START, START)).toBe(true);
  });

  it.each([
    ['two', 2, 0],
    ['five', 5, 0],
    ['two, after a second that was gathered while probing', 2, 1000],
  ])('does not wait its longest for packets that arrive in groups of %s', (_, size, gatheredMs) => {
    const time = new SourceTime({ expectsPackets: true });
    const stepMs = 1000 / 30;
    const arrival = (index: number) =>
      START + Math.max(gatheredMs, (Math.floor(index / size) * size + size - 1) * stepMs);
    let index = 0;
    for (; !time.canDate(START + gatheredMs, arrival(index)); index += 1)
      time.packet((index * stepMs) / 1000, arrival(index));
    const waitedMs = arrival(index) - START - gatheredMs;
    expect(waitedMs).toBeLessThanOrEqual(2 * size * stepMs + 200);
    // The best that a group shows is its last packet.
    expect(Math.abs(time.clock.timeOf(0)! - START)).toBeLessThanOrEqual(stepMs);
  });

  it('goes by positions alone where no packets are told of', () => {
    const time = new SourceTime({ expectsPackets: false });
    time.position(3, 75, START);
    expect(time.clock.timeOf(1)).toBe(START - 2000);
  });

  it('takes reports that come irregularly, and count what an encoder holds back, for no change of rate', () => {
    const report = fc.record({
      everyMs: fc.oneof(fc.integer({ min: 20, max: 700 }), fc.integer({ min: 700, max: 4000 })),
      // How late it is, as on a machine that starves, and how far its two counters are apart.
      lateMs: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 1500 })),
      framesBehind: fc.integer({ min: 0, max: 2 }),
      secondsBehind: fc.integer({ min: 0, max: 2 }),
    });
    const rate = fc.constantFrom(10, 12.5, 25, 30, 60);
    fc.assert(
      // Pictures encoded at a rate of their own, or at the source's.
      fc.property(
        rate,
        fc.constantFrom(1, 0.5, 0.3),
        fc.array(report, { minLength: 20, maxLength: 60 }),
        (source, part, reports) => {
          const time = new SourceTime({ expectsPackets: true });
          time.holds(2);
          const stepMs = 1000 / source;
          let sent = 0;
          for (; sent * stepMs < 5000; sent += 1) {
            const now = START + (sent + 2) * stepMs;
            time.packet((sent * stepMs) / 1000, now);
            if (sent % 5 === 4) time.position((sent * stepMs) / 1000 - 0.1, Math.floor(sent * part), now);
          }
          let [at, now] = [sent * stepMs, START];
          for (const { everyMs, lateMs, framesBehind, secondsBehind } of reports) {
            at += everyMs;
            const frames = Math.floor(at / stepMs);
            const outSeconds = ((frames - secondsBehind) * stepMs) / 1000 - 0.1;
            const counted = Math.max(0, Math.floor(frames * part) - framesBehind);
            now = Math.max(now, START + (frames + 2) * stepMs + lateMs);
            time.position(outSeconds, counted, now);
            const error = time.clock.timeOf(at / 1000)! - (START + at);
            expect(error).toBeGreaterThanOrEqual(-stepMs);
            // While what the packets told is in the window.
            if (at < 25_000) expect(error).toBeLessThanOrEqual(stepMs);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it.each([
    [10, 30],
    [30, 10],
    [25, 50],
  ])('follows a change from %d to %d pictures a second however late the reports are', (before, after) => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 40, maxLength: 40 }), (late) => {
        const { errors } = play({ rate: before, held: 2, change: { at: 8, rate: after }, seconds: 20, late });
        expect(worst(errors.filter(({ at }) => at < 8))).toBeLessThanOrEqual(1000 / before);
        expect(worst(errors.filter(({ at }) => at > 11))).toBeLessThanOrEqual(1000 / after + 0.01);
      }),
      { numRuns: 200 },
    );
  });
});
