import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { measureBandwidth } from '../../src/hls/bandwidth.js';
import { MediaWindow, type MediaWindowOptions } from '../../src/hls/window.js';
import { createPlaylistChecker } from '../support/playlist-check.js';

const epoch = Date.UTC(2026, 4, 1);

/** A window with a clock that segments move on. */
function live(options: Partial<MediaWindowOptions> = {}) {
  const window = new MediaWindow({ windowSegments: 3, segmentSeconds: 2, mediaSequence: 100, ...options });
  let nowMs = epoch;
  let sessionId = '';
  let sequence = 0;
  return {
    window,
    now: () => nowMs,
    wait: (seconds: number) => {
      nowMs += seconds * 1000;
    },
    begin(id: string, container: 'mpegts' | 'fmp4' = 'mpegts') {
      sessionId = id;
      sequence = 0;
      window.begin({ id, container });
    },
    add(durationSeconds: number, more: { bytes?: number; init?: Uint8Array; discontinuity?: boolean } = {}) {
      const { bytes = 1000, ...rest } = more;
      const programDateTime = nowMs;
      nowMs += durationSeconds * 1000;
      const segment = { sessionId, sequence, body: new Uint8Array(bytes), durationSeconds, programDateTime, ...rest };
      sequence += 1;
      return window.append(segment, nowMs);
    },
  };
}

describe('MediaWindow', () => {
  it('has nothing to serve before the first segment', () => {
    const { window } = live();
    expect(window.rendered()).toBeUndefined();
    expect(window.bandwidth()).toBeUndefined();
    window.end(epoch);
    expect(window.rendered()).toBeUndefined();
  });

  it('names, lists and serves segments, and numbers what left', () => {
    const { window, begin, add } = live();
    begin('0123abcd');
    const files = [2, 2, 2, 2, 2].map((seconds) => add(seconds).file);
    expect(files).toEqual([0, 1, 2, 3, 4].map((number) => `0123abcd-${number}.ts`));
    expect(window.playlist()).toMatchObject({ mediaSequence: 102, discontinuitySequence: 0 });
    expect(window.playlist().entries.map((entry) => entry.uri)).toEqual(files.slice(2));
    expect(window.resource(files[0]!)).toMatchObject({ contentType: 'video/mp2t', etag: '"0123abcd-0"' });
    expect(window.resource('0123abcd-9.ts')).toBeUndefined();
  });

  it('keeps a segment fetchable for its duration and that of the longest playlist that listed it', () => {
    const { window, begin, add, wait, now } = live();
    begin('aaaaaaaa');
    const { file } = add(2);
    add(2);
    add(2);
    // It leaves now. The longest playlist with it had 6 s.
    add(2);
    expect(window.playlist().entries.map((entry) => entry.uri)).not.toContain(file);
    wait(7.999);
    expect(window.expire(now())).toEqual([]);
    expect(window.resource(file)).toBeDefined();
    wait(0.001);
    expect(window.expire(now())).toEqual([file]);
    expect(window.resource(file)).toBeUndefined();
    expect(window.counters()).toMatchObject({ heldBytes: 3000, heldSegments: 3, totalSegments: 4, evicted: 0 });
  });

  it('marks a new session and a hole as discontinuities, and counts those that leave', () => {
    const { window, begin, add } = live({ discontinuitySequence: 40 });
    begin('aaaaaaaa');
    add(2);
    begin('bbbbbbbb');
    add(2);
    add(2, { discontinuity: true });
    expect(window.playlist().entries.map((entry) => entry.discontinuity)).toEqual([false, true, true]);
    add(2);
    expect(window.playlist()).toMatchObject({ mediaSequence: 101, discontinuitySequence: 40 });
    add(2);
    expect(window.playlist()).toMatchObject({ mediaSequence: 102, discontinuitySequence: 41 });
    begin('cccccccc');
    expect(window.playlist().discontinuitySequence).toBe(41);
  });

  it('lists more than it was asked to while they are shorter than three target durations', () => {
    const { window, begin, add } = live({ segmentSeconds: 4 });
    begin('aaaaaaaa');
    for (let count = 0; count < 20; count += 1) {
      add(1);
    }
    expect(window.playlist().entries).toHaveLength(12);
  });

  it('never lowers the target duration', () => {
    const { window, begin, add } = live();
    begin('aaaaaaaa');
    add(2.4);
    expect(window.playlist().targetDurationSeconds).toBe(2);
    add(9.5);
    for (let count = 0; count < 50; count += 1) {
      add(2);
    }
    expect(window.playlist().targetDurationSeconds).toBe(10);
  });

  it('keeps an initialization segment as long as anything needs it, and never changes its bytes', () => {
    const { window, begin, add, wait, now } = live();
    const [one, other] = [Uint8Array.of(1), Uint8Array.of(2)];
    begin('aaaaaaaa', 'fmp4');
    expect(add(2, { init: one })).toMatchObject({ file: 'aaaaaaaa-0.m4s', initFile: 'aaaaaaaa-init.mp4' });
    expect(add(2, { init: Uint8Array.of(1) }).initFile).toBe('aaaaaaaa-init.mp4');
    expect(add(2, { init: other }).initFile).toBe('aaaaaaaa-init-2.mp4');
    expect(window.playlist().entries.at(-1)).toMatchObject({ discontinuity: true, initUri: 'aaaaaaaa-init-2.mp4' });
    expect(window.resource('aaaaaaaa-init.mp4')?.body).toEqual(one);
    for (let count = 0; count < 3; count += 1) {
      add(2, { init: other });
    }
    wait(60);
    expect(window.expire(now())).toContain('aaaaaaaa-init.mp4');
    expect(window.resource('aaaaaaaa-init-2.mp4')?.body).toEqual(other);
    expect(add(2, { init: one }).initFile).toBe('aaaaaaaa-init-3.mp4');
  });

  it('names an initialization segment once where the next session begins with the same bytes', () => {
    const { window, begin, add } = live();
    const checker = createPlaylistChecker();
    begin('aaaaaaaa', 'fmp4');
    add(2, { init: Uint8Array.of(1) });
    begin('bbbbbbbb', 'fmp4');
    expect(add(2, { init: Uint8Array.of(1) })).toMatchObject({
      file: 'bbbbbbbb-0.m4s',
      initFile: 'aaaaaaaa-init.mp4',
    });
    const { body } = window.rendered()!;
    checker.check(body);
    expect(body.match(/#EXT-X-(?:MAP|DISCONTINUITY$)/gm)).toEqual(['#EXT-X-MAP', '#EXT-X-DISCONTINUITY']);
    begin('cccccccc', 'fmp4');
    expect(add(2, { init: Uint8Array.of(2) }).initFile).toBe('cccccccc-init.mp4');
    expect(window.resource('aaaaaaaa-init.mp4')?.body).toEqual(Uint8Array.of(1));
  });

  it('has an initialization segment of earlier again where its bytes come back', () => {
    const { window, begin, add, wait, now } = live();
    begin('aaaaaaaa', 'fmp4');
    add(2, { init: Uint8Array.of(1) });
    begin('bbbbbbbb');
    add(2);
    wait(60);
    expect(window.expire(now())).toContain('aaaaaaaa-init.mp4');
    begin('cccccccc', 'fmp4');
    const { initFile } = add(2, { init: Uint8Array.of(1) });
    expect(window.resource(initFile!)?.body).toEqual(Uint8Array.of(1));
  });

  it('goes from fMP4 to MPEG-TS by beginning the list anew', () => {
    const { window, begin, add } = live();
    const checker = createPlaylistChecker();
    begin('aaaaaaaa', 'fmp4');
    add(2, { init: Uint8Array.of(1) });
    checker.check(window.rendered()!.body);
    begin('bbbbbbbb');
    add(6);
    expect(window.playlist()).toMatchObject({ mediaSequence: 101, entries: [{ uri: 'bbbbbbbb-0.ts' }] });
    begin('cccccccc', 'fmp4');
    add(2, { init: Uint8Array.of(1) });
    expect(window.playlist().entries).toHaveLength(2);
  });

  it('ends, once, and goes on with the next session', () => {
    const { window, begin, add, now } = live();
    begin('aaaaaaaa');
    add(2);
    window.end(now());
    const ended = window.rendered()!;
    expect(ended.body).toMatch(/#EXT-X-ENDLIST\n$/);
    window.end(now() + 1);
    expect(window.rendered()).toBe(ended);
    begin('bbbbbbbb');
    add(2);
    expect(window.playlist()).toMatchObject({ ended: false, entries: [{}, { discontinuity: true }] });
  });

  it('gives way before it holds more bytes than allowed, oldest first', () => {
    const { window, begin, add } = live({ maxBytes: 3500 });
    begin('aaaaaaaa');
    for (let count = 0; count < 10; count += 1) {
      add(2, { bytes: 1000 });
      expect(window.counters().heldBytes).toBeLessThanOrEqual(3500);
    }
    add(2, { bytes: 9000 });
    expect(window.counters()).toMatchObject({ segments: 1, heldBytes: 9000 });
    expect(window.playlist()).toMatchObject({ mediaSequence: 110, entries: [{ uri: 'aaaaaaaa-10.ts' }] });
  });

  it.each([
    ['another session', { sessionId: 'bbbbbbbb' }],
    ['no duration', { durationSeconds: Number.NaN }],
    ['no date', { programDateTime: Number.NaN }],
    ['an initialization segment that its container has not', { init: new Uint8Array(1) }],
  ])('refuses a segment with %s', (_what, wrong) => {
    const { window, begin } = live();
    begin('aaaaaaaa');
    const segment = {
      sessionId: 'aaaaaaaa',
      sequence: 0,
      body: new Uint8Array(1),
      durationSeconds: 1,
      programDateTime: 1,
    };
    expect(() => window.append({ ...segment, ...wrong }, epoch)).toThrow();
    expect(window.rendered()).toBeUndefined();
  });

  it('satisfies the strict check at every change, serves all it lists, and never says two things under one tag', () => {
    const step = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({ seconds: fc.double({ min: 0.1, max: 12, noNaN: true }), hole: fc.boolean() }),
      },
      { weight: 2, arbitrary: fc.constant('begin' as const) },
      { weight: 1, arbitrary: fc.constant('end' as const) },
      { weight: 2, arbitrary: fc.record({ wait: fc.double({ min: 0, max: 100, noNaN: true }) }) },
    );
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 20, maxLength: 60 }),
        fc.constantFrom('mpegts' as const, 'fmp4' as const),
        (steps, kind) => {
          const { window, begin, add, wait, now } = live({ discontinuitySequence: 5 });
          const checker = createPlaylistChecker({ mayReopen: true });
          const tags = new Map<string, string>();
          const init = kind === 'fmp4' ? { init: Uint8Array.of(1) } : {};
          let sessions = 0;
          begin('00000000', kind);
          for (const action of steps) {
            if (action === 'begin') {
              sessions += 1;
              begin(String(sessions).padStart(8, '0'), kind);
            } else if (action === 'end') {
              window.end(now());
            } else if ('wait' in action) {
              wait(action.wait);
              window.expire(now());
            } else {
              add(action.seconds, { discontinuity: action.hole, ...init });
            }
            const rendered = window.rendered();
            if (rendered === undefined) {
              continue;
            }
            const { entries } = checker.check(rendered.body);
            for (const entry of entries) {
              expect(window.resource(entry.uri)).toBeDefined();
              expect(entry.initUri === undefined || window.resource(entry.initUri) !== undefined).toBe(true);
            }
            expect(tags.get(rendered.etag) ?? rendered.body).toBe(rendered.body);
            tags.set(rendered.etag, rendered.body);
          }
          // Nothing is held for ever: long after, only what is listed is left.
          wait(100_000);
          window.expire(now());
          expect(window.counters().heldSegments).toBe(window.playlist().entries.length);
          expect(window.counters().heldBytes).toBe(
            window.counters().listedBytes + (window.rendered() && init.init ? 1 : 0) * initCount(window),
          );
        },
      ),
    );
  });
});

function initCount(window: MediaWindow): number {
  return new Set(window.playlist().entries.map((entry) => entry.initUri)).size;
}

describe('measureBandwidth', () => {
  const size = (kilobits: number, durationSeconds: number) => ({ bytes: kilobits * 125, durationSeconds });

  it('takes the peak over contiguous sets of half to one and a half target durations', () => {
    // Alone, the short segment is 3000 kbit/s, but it is too short to count; with a neighbour it is 4500 / 2.5.
    const segments = [size(2000, 2), size(1500, 0.5), size(3000, 2), size(1000, 2)];
    expect(measureBandwidth(segments, 2)).toEqual({ peak: 1_800_000, average: 7_500_000 / 6.5 });
  });

  it('falls back to the average when no set has the right length', () => {
    expect(measureBandwidth([size(100, 10)], 2)).toEqual({ peak: 10_000, average: 10_000 });
    expect(measureBandwidth([], 2)).toBeUndefined();
    expect(measureBandwidth([size(1, 0)], 2)).toBeUndefined();
  });

  it('is never less at its peak than on average', () => {
    const segments = fc.array(fc.tuple(fc.nat(10_000), fc.integer({ min: 1, max: 100 })), { minLength: 1 });
    fc.assert(
      fc.property(segments, fc.integer({ min: 1, max: 10 }), (sizes, target) => {
        const list = sizes.map(([bytes, tenths]) => ({ bytes, durationSeconds: tenths / 10 }));
        const { peak, average } = measureBandwidth(list, target)!;
        expect(peak).toBeGreaterThanOrEqual(average);
      }),
    );
  });
});
