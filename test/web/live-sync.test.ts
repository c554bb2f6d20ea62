import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { correctionAt, type LivePlace, nearOf, StallReserve } from '../../src/web/client/player/live-sync.js';

const parts = { target: 0.84, step: 0.21, far: 1.5, age: 0 };
const segments = { target: 4, step: 2, far: 3.5, age: 0 };

describe('correctionAt', () => {
  const seconds = (max: number) => fc.double({ min: 0, max, noNaN: true });
  const place: fc.Arbitrary<LivePlace> = fc.record({
    latency: seconds(60),
    target: seconds(20),
    buffered: seconds(30),
    step: fc.double({ min: 0.05, max: 30, noNaN: true }),
    far: fc.double({ min: 0.5, max: 60, noNaN: true }),
    age: seconds(30),
  });
  const rates = fc.constantFrom(0.95, 1, 1.05, 1.15, 1.3);

  it('changes the rate within bounds, and jumps only from too far behind', () => {
    fc.assert(
      fc.property(place, rates, (at, before) => {
        const { rate, jumps } = correctionAt(at, before);
        expect(rate).toBeGreaterThanOrEqual(0.95);
        expect(rate).toBeLessThanOrEqual(1.3);
        if (jumps) expect(at.latency - at.target).toBeGreaterThan(at.far);
        if (rate > 1) expect(at.latency).toBeGreaterThan(at.target);
        if (rate < 1) expect(at.latency).toBeLessThan(at.target);
      }),
    );
  });

  it('never plays faster with too little ahead, nor while the source pauses', () => {
    fc.assert(
      fc.property(place, rates, (at, before) => {
        const { rate } = correctionAt({ ...at, far: 1000, buffered: at.step }, before);
        expect(rate).toBeLessThanOrEqual(1);
        expect(correctionAt({ ...at, age: 3.1 * at.step }, before)).toEqual({ rate: 1, jumps: false });
      }),
    );
  });

  it('leaves a place alone that is right', () => {
    for (const { target, ...rest } of [parts, segments]) {
      for (const off of [-0.9, 0, 0.9]) {
        const latency = target + off * nearOf(rest.step);
        expect(correctionAt({ ...rest, target, latency, buffered: target }, 1).rate).toBe(1);
      }
    }
  });
});

describe('a player that follows it', () => {
  /** Plays for some time against a playlist that grows by a step at a time; `stalls`: when nothing came, from and until. */
  function play(
    kind: typeof parts,
    from: { latency: number },
    seconds: number,
    silence?: { from: number; to: number },
  ) {
    const tick = 0.05;
    let place = -from.latency;
    let edge = 0;
    let grownAt = 0;
    let rate = 1;
    let ranOut = 0;
    let jumps = 0;
    for (let now = 0; now < seconds; now += tick) {
      const isSilent = silence !== undefined && now >= silence.from && now < silence.to;
      if (!isSilent && now - grownAt >= kind.step) {
        edge = Math.floor(now / kind.step) * kind.step;
        grownAt = edge;
      }
      const buffered = edge - place;
      if (buffered <= 0) ranOut += 1;
      else place += tick * rate;
      const age = now - grownAt;
      const correction = correctionAt({ ...kind, latency: edge + age - place, buffered, age }, rate);
      rate = correction.rate;
      if (correction.jumps && edge - kind.target > place) {
        place = edge + age - kind.target;
        jumps += 1;
      }
    }
    return { latency: seconds - place, ranOut, jumps, rate };
  }

  it.each([
    ['parts', parts, 2.1],
    ['segments', segments, 7.4],
  ] as const)('of %s comes back to live by rate alone, without running out', (_, kind, latency) => {
    const end = play(kind, { latency }, 60);
    expect(Math.abs(end.latency - kind.target)).toBeLessThan(nearOf(kind.step) + 0.1);
    expect(end).toMatchObject({ ranOut: 0, jumps: 0 });
  });

  it.each([
    ['parts', parts],
    ['segments', segments],
  ] as const)('of %s is back at live after nothing came for a while', (_, kind) => {
    const end = play(kind, { latency: kind.target }, 60, { from: 10, to: 20 });
    expect(end.ranOut).toBeGreaterThan(0);
    expect(end.jumps).toBeLessThanOrEqual(1);
    expect(Math.abs(end.latency - kind.target)).toBeLessThan(nearOf(kind.step) + 0.1);
  });

  it('that started too close to live lets its buffer grow', () => {
    const end = play(parts, { latency: 0.35 }, 30);
    expect(Math.abs(end.latency - parts.target)).toBeLessThan(nearOf(parts.step) + 0.1);
  });
});

describe('StallReserve', () => {
  it('grows with each stall up to its limit, and is given back by and by', () => {
    const reserve = new StallReserve();
    expect(reserve.at(1000)).toBe(0);
    reserve.stalled(1000);
    expect(reserve.at(1000)).toBe(0.3);
    reserve.stalled(1010);
    expect(reserve.at(1010)).toBe(0.6);
    expect(reserve.at(1041)).toBe(0.5);
    for (let stall = 0; stall < 20; stall++) reserve.stalled(1050 + stall);
    expect(reserve.at(1070)).toBe(1.5);
    expect(reserve.at(2000)).toBe(0);
  });
});
