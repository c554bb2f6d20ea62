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
}

/** Plays a source that took the picture of timestamp t at START + t, and tells of packets for 5 s and of positions each half second. */
function play({ rate, bFrames = 0, gathered = 0, held = 0, seconds = 20, change }: Source) {
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
      reportAt += 500;
    }
    if (time.canDate(now, now)) {
      if (datable.length === 0) datable.push(pts);
      errors.push({ at: pts, ms: time.clock.wallTimeOf(shown)! - (START + shown * 1000) });
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

  it('waits for the clock no longer than 700 ms, and not at all where no packets are told of', () => {
    const silent = new SourceTime({ expectsPackets: true });
    expect(silent.canDate(START, START + 699)).toBe(false);
    expect(silent.canDate(START, START + 700)).toBe(true);
    expect(silent.canDate(START + 2000, START + 2000)).toBe(true);
    expect(new SourceTime({ expectsPackets: false }).canDate(START, START)).toBe(true);
  });

  it('goes by positions alone where no packets are told of', () => {
    const time = new SourceTime({ expectsPackets: false });
    time.position(3, 75, START);
    expect(time.clock.wallTimeOf(1)).toBe(START - 2000);
  });
});
