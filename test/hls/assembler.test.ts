import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ReadySegment, SegmentAssembler } from '../../src/hls/assembler.js';

const bytes = (text: string) => new TextEncoder().encode(text);

/** What ffmpeg would write after its segment `last`: the newest `size` segments. */
function playlist(last: number, { size = 5, fmp4 = false, ended = false } = {}): Uint8Array {
  const first = Math.max(0, last - size + 1);
  const lines = ['#EXTM3U', '#EXT-X-TARGETDURATION:2', `#EXT-X-MEDIA-SEQUENCE:${first}`];
  if (fmp4) {
    lines.push('#EXT-X-MAP:URI="init.mp4"');
  }
  for (let number = first; number <= last; number += 1) {
    lines.push(`#EXTINF:${durationOf(number)},`, `${number}.${fmp4 ? 'm4s' : 'ts'}`);
  }
  return bytes([...lines, ...(ended ? ['#EXT-X-ENDLIST'] : []), ''].join('\n'));
}

const durationOf = (number: number) => 1 + (number % 7) / 8;
const numbers = (segments: readonly ReadySegment[]) => segments.map((segment) => segment.sequence);

describe('SegmentAssembler', () => {
  it('gives a segment when body and playlist are there, whichever comes first', () => {
    const assembler = new SegmentAssembler({ container: 'mpegts' });
    expect(assembler.object('0.ts', bytes('zero'), 10)).toEqual([]);
    expect(assembler.object('index.m3u8', playlist(0), 11)).toEqual([
      { sequence: 0, file: '0.ts', body: bytes('zero'), completedAtMs: 10, durationSeconds: 1, discontinuity: false },
    ]);
    expect(assembler.object('index.m3u8', playlist(1), 12)).toEqual([]);
    expect(numbers(assembler.object('1.ts', bytes('one'), 13))).toEqual([1]);
    expect(assembler.counters()).toEqual({ ready: 2, skipped: 0, discarded: 0, pendingBytes: 0, pendingSegments: 0 });
  });

  it('waits for the initialization segment of fMP4 and gives it along', () => {
    const assembler = new SegmentAssembler({ container: 'fmp4' });
    assembler.object('index.m3u8', playlist(0, { fmp4: true }), 1);
    expect(assembler.object('0.m4s', bytes('zero'), 2)).toEqual([]);
    expect(assembler.object('init.mp4', bytes('init'), 3)).toMatchObject([{ sequence: 0, init: bytes('init') }]);
    assembler.object('1.m4s', bytes('one'), 4);
    expect(assembler.object('index.m3u8', playlist(1, { fmp4: true }), 5)).toMatchObject([{ init: bytes('init') }]);
  });

  it('keeps the order when a later segment overtakes', () => {
    const assembler = new SegmentAssembler({ container: 'mpegts' });
    assembler.object('index.m3u8', playlist(1), 1);
    expect(assembler.object('1.ts', bytes('one'), 2)).toEqual([]);
    expect(numbers(assembler.object('0.ts', bytes('zero'), 3))).toEqual([0, 1]);
  });

  it('gives up a segment that two playlists later is still missing, and marks the hole', () => {
    const assembler = new SegmentAssembler({ container: 'mpegts' });
    assembler.object('0.ts', bytes('zero'), 1);
    assembler.object('index.m3u8', playlist(0), 1);
    assembler.object('index.m3u8', playlist(1), 2);
    assembler.object('2.ts', bytes('two'), 3);
    expect(assembler.object('index.m3u8', playlist(2), 3)).toEqual([]);
    assembler.object('3.ts', bytes('three'), 4);
    const ready = assembler.object('index.m3u8', playlist(3), 4);
    expect(ready.map(({ sequence, discontinuity }) => [sequence, discontinuity])).toEqual([
      [2, true],
      [3, false],
    ]);
    // Too late.
    expect(assembler.object('1.ts', bytes('one'), 5)).toEqual([]);
    expect(numbers(assembler.object('4.ts', bytes('four'), 6))).toEqual([]);
    expect(numbers(assembler.object('index.m3u8', playlist(4), 6))).toEqual([4]);
    expect(assembler.counters()).toMatchObject({ ready: 4, skipped: 1, discarded: 1, pendingSegments: 0 });
  });

  it('marks a hole of numbers that no playlist ever listed, but not the beginning', () => {
    const assembler = new SegmentAssembler({ container: 'mpegts' });
    assembler.object('index.m3u8', playlist(7, { size: 1 }), 1);
    expect(assembler.object('7.ts', bytes('x'), 1)).toMatchObject([{ sequence: 7, discontinuity: false }]);
    assembler.object('index.m3u8', playlist(10, { size: 1 }), 2);
    expect(assembler.object('10.ts', bytes('x'), 2)).toMatchObject([{ sequence: 10, discontinuity: true }]);
  });

  it('gives at the end what can be used, and holds nothing any more', () => {
    const assembler = new SegmentAssembler({ container: 'mpegts' });
    assembler.object('index.m3u8', playlist(2, { ended: true }), 1);
    assembler.object('0.ts', bytes('zero'), 1);
    assembler.object('2.ts', bytes('two'), 1);
    assembler.object('3.ts', bytes('closed, but killed before its playlist'), 1);
    expect(assembler.ended).toBe(true);
    expect(assembler.finish()).toMatchObject([{ sequence: 2, discontinuity: true }]);
    expect(assembler.counters()).toEqual({ ready: 2, skipped: 1, discarded: 1, pendingBytes: 0, pendingSegments: 0 });
  });

  it('holds a bounded number of bytes when playlists never come', () => {
    const assembler = new SegmentAssembler({ container: 'mpegts', maxPendingBytes: 100, maxPendingSegments: 8 });
    for (let number = 0; number < 1000; number += 1) {
      assembler.object(`${number}.ts`, new Uint8Array(30), number);
      expect(assembler.counters().pendingBytes).toBeLessThanOrEqual(100);
    }
    expect(assembler.counters()).toMatchObject({ discarded: 997, pendingSegments: 3 });
    assembler.object('huge.ts', new Uint8Array(101), 1);
    expect(assembler.counters().pendingSegments).toBe(0);
  });

  it('goes on when bodies never come', () => {
    const assembler = new SegmentAssembler({ container: 'mpegts', maxPendingSegments: 8 });
    for (let number = 0; number < 1000; number += 1) {
      assembler.object('index.m3u8', playlist(number), number);
    }
    expect(assembler.counters().skipped).toBe(992);
    expect(numbers(assembler.object('999.ts', bytes('x'), 1))).toEqual([]);
    expect(numbers(assembler.finish())).toEqual([999]);
  });

  it('loses nothing while bodies are late by less than two playlists', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -1, max: 1 }), { minLength: 1, maxLength: 40 }),
        fc.boolean(),
        (delays, fmp4) => {
          const assembler = new SegmentAssembler({ container: fmp4 ? 'fmp4' : 'mpegts' });
          const ready = fmp4 ? assembler.object('init.mp4', bytes('i'), 0) : [];
          const body = (number: number) =>
            assembler.object(`${number}.${fmp4 ? 'm4s' : 'ts'}`, bytes(`${number}`), number);
          const late = (turn: number, delay: number) => (delays[turn - Math.max(delay, 0)] === delay ? [turn] : []);
          for (let turn = 0; turn < delays.length + 2; turn += 1) {
            // A body comes before its playlist, right after it, or after the next one.
            ready.push(...late(turn, -1).flatMap(body));
            ready.push(...assembler.object('i.m3u8', playlist(Math.min(turn, delays.length - 1), { fmp4 }), turn));
            ready.push(...late(turn, 0).flatMap(body), ...late(turn, 1).flatMap((now) => body(now - 1)));
          }
          expect(numbers(ready)).toEqual(delays.map((_, number) => number));
          expect(ready.some((segment) => segment.discontinuity)).toBe(false);
        },
      ),
    );
  });

  it('keeps its promises in any order, with anything missing', () => {
    const event = fc.record({ kind: fc.constantFrom('body', 'playlist'), number: fc.nat(30) });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 120 }), (events) => {
        const assembler = new SegmentAssembler({ container: 'mpegts', maxPendingSegments: 10 });
        const ready = events.flatMap(({ kind, number }, now) =>
          kind === 'body'
            ? assembler.object(`${number}.ts`, bytes(`${number}`), now)
            : assembler.object('index.m3u8', playlist(number), now),
        );
        expect(assembler.counters().pendingSegments).toBeLessThanOrEqual(10);
        ready.push(...assembler.finish());
        ready.forEach((segment, index) => {
          const before = ready[index - 1];
          expect(new TextDecoder().decode(segment.body)).toBe(`${segment.sequence}`);
          expect(segment.durationSeconds).toBeCloseTo(durationOf(segment.sequence), 6);
          if (before !== undefined) {
            expect(segment.sequence).toBeGreaterThan(before.sequence);
          }
          expect(segment.discontinuity).toBe(before !== undefined && segment.sequence !== before.sequence + 1);
        });
        expect(assembler.counters()).toMatchObject({ ready: ready.length, pendingBytes: 0 });
      }),
    );
  });
});
