import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AmfValue, decodeAmf0, encodeAmf0 } from '../../../../src/ingest/rtmp/protocol/amf0.js';

const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const { value } = fc.letrec<{ value: AmfValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 6 },
    fc.double(),
    fc.boolean(),
    text,
    fc.constant(null),
    fc.constant(undefined),
    fc.date(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(text, tie('value')), { maxLength: 4 }).map((entries) => new Map(entries)),
  ),
}));

describe('AMF0', () => {
  it('decodes what it encodes', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 5 }), (values) => {
        expect(decodeAmf0(encodeAmf0(...values))).toEqual(values);
      }),
    );
  });

  it('refuses what is cut short, or answers with the values before the cut', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 3 }), fc.nat(), (values, cut) => {
        const bytes = encodeAmf0(...values);
        const decoded = decodeAmf0(bytes.subarray(0, cut % bytes.length));
        expect(decoded === undefined || decoded.length < values.length).toBe(true);
      }),
    );
  });

  it('takes any bytes without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        decodeAmf0(bytes);
      }),
    );
  });

  it('reads ECMA arrays, typed objects, long strings and AMF references as the specification has them', () => {
    const ecma = [8, 0, 0, 0, 9, 0, 1, 97, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
    expect(decodeAmf0(Uint8Array.from(ecma))).toEqual([new Map([['a', 2]])]);
    const typed = [16, 0, 1, 88, 0, 1, 97, 1, 1, 0, 0, 9];
    expect(decodeAmf0(Uint8Array.from(typed))).toEqual([new Map([['a', true]])]);
    expect(decodeAmf0(Uint8Array.from([12, 0, 0, 0, 2, 104, 105]))).toEqual(['hi']);
    expect(decodeAmf0(Uint8Array.from([7, 0, 0]))).toBeUndefined();
    expect(decodeAmf0(Uint8Array.from([17, 1]))).toBeUndefined();
  });

  it('keeps keys away from prototypes', () => {
    const bytes = encodeAmf0(new Map([['__proto__', new Map([['polluted', true]])]]));
    const [decoded] = decodeAmf0(bytes)!;
    expect(decoded).toBeInstanceOf(Map);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('has limits for depth, values and strings', () => {
    let deep: AmfValue = 1;
    for (let depth = 0; depth < 9; depth++) deep = [deep];
    expect(decodeAmf0(encodeAmf0(deep))).toBeUndefined();
    expect(decodeAmf0(encodeAmf0(Array.from({ length: 1024 }, () => null)))).toBeUndefined();
    expect(decodeAmf0(encodeAmf0(Array.from({ length: 1023 }, () => null)))).toHaveLength(1);
    expect(decodeAmf0(encodeAmf0('x'.repeat(16_385)))).toBeUndefined();
    // A count of four billion in six bytes.
    expect(decodeAmf0(Uint8Array.from([10, 255, 255, 255, 255, 5]))).toBeUndefined();
  });
});
