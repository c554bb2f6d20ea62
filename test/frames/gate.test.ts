import { describe, expect, it } from 'vitest';
import { FrameGate, type GateJudgement, type GateOptions } from '../../src/frames/gate.js';
import { dimmed, flickering, frame, noisy, scene } from './gate/frames.js';

type Shades = readonly ((x: number, y: number) => number)[];
const camera = (count: number, seed = 1): Shades => Array.from({ length: count }, (_, at) => noisy(scene(seed), 6, at));
const repeated = (count: number, shade: (x: number, y: number) => number): Shades => Array(count).fill(shade);
const black = () => 3;
const flat = () => 128;

describe('FrameGate', () => {
  it('lets a camera pass', () => {
    const judgements = watch(camera(200));
    expect(judgements.every(({ accepted, verdict }) => accepted && verdict === 'good')).toBe(true);
    expect(events(judgements)).toEqual([]);
  });

  it.each([
    ['black', black],
    ['flat', flat],
  ] as const)(
    'holds %s back for 10 s, then shows it and says so, and recovers with the first good frame',
    (kind, shade) => {
      const judgements = watch([...camera(5), ...repeated(30, shade), ...camera(5)]);
      expect(shown(judgements)).toBe(`${'+'.repeat(5)}${'-'.repeat(10)}${'+'.repeat(25)}`);
      expect(judgements.slice(5, 35).every(({ verdict }) => verdict === kind)).toBe(true);
      expect(events(judgements)).toEqual([
        [15, kind],
        [35, 'recovered'],
      ]);
    },
  );

  it('tells frozen after 60 s but goes on showing it', () => {
    const judgements = watch([...camera(5), ...repeated(70, scene(1)), ...camera(3)]);
    expect(events(judgements)).toEqual([
      [65, 'frozen'],
      [75, 'recovered'],
    ]);
    expect(shown(judgements)).not.toContain('-');
  });

  it.each([
    ['black', black],
    ['flat', flat],
    ['frozen', scene(1)],
  ] as const)('takes %s for good where it is not looked for', (kind, shade) => {
    const judgements = watch([...camera(5), ...repeated(100, shade)], { detect: { [kind]: false, frozen: false } });
    expect(judgements.every(({ verdict, accepted }) => verdict === 'good' && accepted)).toBe(true);
    expect(events(judgements)).toEqual([]);
  });

  it('tells frozen when a frozen picture is encoded anew every time', () => {
    const jitter = Array.from({ length: 70 }, (_, at) => flickering(scene(1), at));
    expect(events(watch(jitter))).toEqual([[60, 'frozen']]);
  });

  it('does not take a clip in a loop for frozen because its keyframes are the same, until it stands still', () => {
    const gate = new FrameGate();
    const clip = [
      { isKey: true, bytes: 20_000 },
      ...Array.from({ length: 24 }, (_, at) => ({ isKey: false, bytes: 3000 + at })),
    ];
    const still = clip.map(({ isKey }) => ({ isKey, bytes: isKey ? 20_000 : 30 }));
    const judgements = Array.from({ length: 300 }, (_, second) => {
      const picture = frame(scene(1), second);
      gate.sizes(second < 200 ? clip : still, picture.capturedAt);
      return gate.judge(picture);
    });
    expect(events(judgements)).toEqual([[259, 'frozen']]);
  });

  it('does not take a very slow change for frozen', () => {
    const sunset = Array.from({ length: 300 }, (_, at) => dimmed(scene(1), 1 - at * 0.001));
    expect(events(watch(sunset))).toEqual([]);
  });

  it('sees something small move in a still scene', () => {
    const walker = Array.from({ length: 120 }, (_, at) => (x: number, y: number) => {
      const there = x >= at && x < at + 4 && y >= 30 && y < 36;
      return there ? 250 : scene(1)(x, y);
    });
    expect(events(watch(walker))).toEqual([]);
  });

  it('takes pure noise for a picture', () => {
    const snow = Array.from({ length: 100 }, (_, at) => noisy(flat, 127, at));
    expect(events(watch(snow))).toEqual([]);
    expect(shown(watch(snow))).not.toContain('-');
  });

  it('never shows a fade through black, nor a cut of a few seconds', () => {
    const out = Array.from({ length: 10 }, (_, at) => dimmed(scene(1), 1 - at / 10));
    const back = Array.from({ length: 10 }, (_, at) => dimmed(scene(2), (at + 1) / 10));
    const judgements = watch([...camera(5), ...out, ...repeated(4, black), ...back, ...camera(5, 2)]);
    expect(events(judgements)).toEqual([]);
    expect(shown(judgements)).toMatch(/^\+{5,}-{4,9}\+{5,}$/);
  });

  it('shows every slide at once, the white one after 10 s, and says of long ones that nothing moves', () => {
    const slides = [...repeated(30, scene(1)), ...repeated(30, () => 255), ...repeated(90, scene(3))];
    const judgements = watch(slides);
    expect(shown(judgements)).toBe(`${'+'.repeat(30)}${'-'.repeat(10)}${'+'.repeat(110)}`);
    expect(events(judgements)).toEqual([
      [40, 'flat'],
      [60, 'recovered'],
      [120, 'frozen'],
    ]);
  });

  it('takes a night with one lamp for a picture, and shows a night without after 10 s', () => {
    const night = (x: number, y: number) => (x > 60 && x < 72 && y > 20 && y < 30 ? 230 : 4);
    expect(shown(watch([...camera(3), ...Array.from({ length: 30 }, (_, at) => noisy(night, 3, at))]))).not.toContain(
      '-',
    );
    const dark = watch([...camera(3), ...Array.from({ length: 30 }, (_, at) => noisy(() => 6, 3, at))]);
    expect(shown(dark)).toBe(`+++${'-'.repeat(10)}${'+'.repeat(20)}`);
  });

  it('holds nothing while there is no good picture to keep', () => {
    const judgements = watch([...repeated(20, black), ...camera(2)]);
    expect(shown(judgements)).not.toContain('-');
    expect(events(judgements)).toEqual([
      [10, 'black'],
      [20, 'recovered'],
    ]);
  });

  it('does not begin to wait anew when black and flat take turns', () => {
    const turns = Array.from({ length: 30 }, (_, at) => (at % 2 ? black : flat));
    const judgements = watch([...camera(3), ...turns]);
    expect(shown(judgements)).toBe(`+++${'-'.repeat(10)}${'+'.repeat(20)}`);
    expect(events(judgements)).toHaveLength(1);
  });

  it('goes on when the clock is set back by an hour in the midst of it', () => {
    const gate = new FrameGate();
    const judge = (seconds: number, shade: (x: number, y: number) => number) => gate.judge(frame(shade, seconds));
    judge(0, noisy(scene(1), 6, 1));
    expect(judge(1, black).accepted).toBe(false);
    expect(judge(-3600, black).accepted).toBe(true);
    const after = Array.from({ length: 12 }, (_, at) => judge(-3599 + at, black));
    expect(after.map(({ state }) => state).indexOf('black')).toBe(9);
  });

  it('finds a flat picture between black bars', () => {
    const upright = (x: number) => (x >= 44 && x < 84 ? 128 : 0);
    expect(watch(repeated(1, upright))[0]?.verdict).toBe('flat');
  });

  it('holds nothing when told so', () => {
    const judgements = watch([...camera(3), ...repeated(5, black)], { maxHoldSeconds: 0 });
    expect(shown(judgements)).not.toContain('-');
  });

  it('keeps nothing of the lent bytes', () => {
    const gate = new FrameGate({ frozenAfterSeconds: 2 });
    const lent = frame(scene(1), 0);
    gate.judge(lent);
    lent.data.fill(0);
    expect(gate.judge(frame(scene(1), 1)).statistics.difference).toBe(0);
  });
});

/** One frame a second. */
function watch(shades: Shades, options: Partial<GateOptions> = {}): GateJudgement[] {
  const gate = new FrameGate(options);
  return shades.map((shade, second) => gate.judge(frame(shade, second)));
}

function shown(judgements: readonly GateJudgement[]): string {
  return judgements.map(({ accepted }) => (accepted ? '+' : '-')).join('');
}

/** The second of each event. */
function events(judgements: readonly GateJudgement[]): unknown[] {
  return judgements.flatMap(({ event }, second) => (event === undefined ? [] : [[second, event]]));
}
