import fc from 'fast-check';
import { expect, it } from 'vitest';
import { checkKey, parseKey, stillKey } from '../../src/storage/keys.js';
import { datedStill, numberedStill, parseStill } from '../../src/storage/still-names.js';
import { imageFormats } from '../../src/terms.js';

const instant = fc.integer({ min: 0, max: Date.UTC(9999, 0, 1) });
const format = fc.constantFrom(...imageFormats);

it('reads what it writes, in keys that every store takes', () => {
  fc.assert(
    fc.property(instant, fc.integer({ min: 0, max: 9_999_999_999 }), format, (capturedAt, number, ending) => {
      const dated = datedStill(capturedAt, ending);
      expect(parseStill(dated)).toEqual({ format: ending, capturedAt });
      expect(parseStill(numberedStill(number, ending))).toEqual({ format: ending, number });
      expect(parseKey(checkKey(stillKey('demo', dated)))).toEqual({ kind: 'still', stream: 'demo' });
    }),
  );
});

it('is in order as text', () => {
  fc.assert(
    fc.property(instant, instant, (one, other) => {
      expect(datedStill(one, 'jpg') < datedStill(other, 'jpg')).toBe(one < other);
    }),
  );
});

it('takes nothing else for its own', () => {
  for (const name of [
    '1.jpg',
    '0000000001.jpeg',
    '20260231T000000.000Z.jpg',
    '20260101T240000.000Z.jpg',
    'a.jpg',
    '',
  ]) {
    expect(parseStill(name), name).toBeUndefined();
  }
  fc.assert(fc.property(fc.string(), (text) => void parseStill(text)));
});
