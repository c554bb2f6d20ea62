import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerRange } from '../../../src/http/response/range.js';

const whole = { kind: 'whole' };
const unsatisfiable = { kind: 'unsatisfiable' };

describe('answerRange', () => {
  it.each([
    ['bytes=0-0', 10, { kind: 'part', first: 0, last: 0 }],
    ['bytes=2-5', 10, { kind: 'part', first: 2, last: 5 }],
    ['BYTES= 2-5 ', 10, { kind: 'part', first: 2, last: 5 }],
    ['bytes=2-', 10, { kind: 'part', first: 2, last: 9 }],
    ['bytes=9-100', 10, { kind: 'part', first: 9, last: 9 }],
    ['bytes=-3', 10, { kind: 'part', first: 7, last: 9 }],
    ['bytes=-30', 10, { kind: 'part', first: 0, last: 9 }],
    ['bytes=10-', 10, unsatisfiable],
    ['bytes=10-12', 10, unsatisfiable],
    ['bytes=-0', 10, unsatisfiable],
    ['bytes=0-', 0, unsatisfiable],
    ['bytes=-1', 0, unsatisfiable],
    ['bytes=5-2', 10, whole],
    ['bytes=0-1,3-4', 10, whole],
    ['bytes=-', 10, whole],
    ['bytes=', 10, whole],
    ['bytes=a-b', 10, whole],
    ['bytes=0x1-2', 10, whole],
    ['bytes=--2', 10, whole],
    ['items=0-1', 10, whole],
    ['', 10, whole],
    [undefined, 10, whole],
    [`bytes=${'9'.repeat(400)}-`, 10, unsatisfiable],
    [`bytes=0-${'9'.repeat(400)}`, 10, { kind: 'part', first: 0, last: 9 }],
  ])('%s of %d bytes', (value, length, expected) => {
    expect(answerRange(value, length)).toEqual(expected);
  });

  it('gives a part inside of the body, whatever is asked', () => {
    const number = fc.oneof(fc.nat(60).map(String), fc.constant(''), fc.bigInt({ min: 0n }).map(String));
    fc.assert(
      fc.property(number, number, fc.nat(50), (start, end, length) => {
        const answer = answerRange(`bytes=${start}-${end}`, length);
        if (answer.kind !== 'part') return;
        expect(answer.first).toBeGreaterThanOrEqual(0);
        expect(answer.last).toBeGreaterThanOrEqual(answer.first);
        expect(answer.last).toBeLessThan(length);
      }),
    );
  });

  it('agrees with slicing on every satisfiable range', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(40), fc.integer({ min: 1, max: 50 }), (a, b, length) => {
        const body = Array.from({ length }, (_, index) => index);
        const cut = (value: string) => {
          const answer = answerRange(value, length);
          return answer.kind === 'part' ? body.slice(answer.first, answer.last + 1) : answer.kind;
        };
        expect(cut(`bytes=${a}-`)).toEqual(a < length ? body.slice(a) : 'unsatisfiable');
        expect(cut(`bytes=-${a}`)).toEqual(a > 0 ? body.slice(-a) : 'unsatisfiable');
        const between = a < length ? body.slice(a, b + 1) : 'unsatisfiable';
        expect(cut(`bytes=${a}-${b}`)).toEqual(b < a ? 'whole' : between);
      }),
    );
  });

  it('takes any text', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(100), (value, length) => {
        expect(['whole', 'part', 'unsatisfiable']).toContain(answerRange(value, length).kind);
      }),
    );
  });
});
