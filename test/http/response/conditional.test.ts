import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  allowsRange,
  isNotModified,
  lastModified,
  listsEtag,
  parseHttpDate,
} from '../../../src/http/response/conditional.js';

const etagText = fc.stringMatching(/^[\x21\x23-\x7e]{0,20}$/).map((text) => `"${text}"`);

describe('listsEtag', () => {
  it.each([
    ['"a"', true],
    ['W/"a"', true],
    ['*', true],
    [' * ', true],
    ['"b", "a"', true],
    ['"b",W/"a" , "c"', true],
    [', ,"a"', true],
    ['"x,y", "a"', true],
    ['"a,"', false],
    ['"b"', false],
    ['a', false],
    ['w/"a"', false],
    ['"b" "a"', false],
    ['"b', false],
    ['', false],
    ['**', false],
  ])('%s', (value, expected) => {
    expect(listsEtag(value, '"a"')).toBe(expected);
  });

  it('finds the tag wherever it stands in a list, weak or strong, and only then', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(etagText, fc.boolean())), etagText, (list, wanted) => {
        const value = list.map(([tag, weak]) => (weak ? `W/${tag}` : tag)).join(' , ');
        expect(listsEtag(value, wanted)).toBe(list.some(([tag]) => tag === wanted));
      }),
    );
  });

  it('takes any text, and hostile lengths in linear time', () => {
    fc.assert(fc.property(fc.string(), (value) => typeof listsEtag(value, '"a"') === 'boolean'));
    for (const hostile of ['"'.repeat(60_000), ' ,'.repeat(60_000), `"${'a'.repeat(60_000)}`, 'W/'.repeat(60_000)]) {
      expect(listsEtag(hostile, '"a"')).toBe(false);
    }
  });
});

describe('parseHttpDate', () => {
  it.each(['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])(
    '%s',
    (text) => {
      expect(parseHttpDate(text)).toBe(784_111_777_000);
    },
  );

  it.each([
    '',
    '0',
    '2020',
    'yesterday',
    '1994-11-06T08:49:37Z',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 99 Nov 1994 08:49:37 GMT',
  ])('refuses %j', (text) => {
    expect(parseHttpDate(text)).toBeUndefined();
  });

  it('reads back every date that is written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_102_444_800 }), (seconds) => {
        expect(parseHttpDate(new Date(seconds * 1000).toUTCString())).toBe(seconds * 1000);
      }),
    );
  });
});

describe('isNotModified', () => {
  const now = Date.parse('2026-03-01T12:00:10.000Z');
  const modifiedAt = Date.parse('2026-03-01T12:00:05.400Z');
  const item = { etag: '"a"', modifiedAt };

  it('lets the entity tag decide alone', () => {
    const ifModifiedSince = new Date(now).toUTCString();
    expect(isNotModified({ ifNoneMatch: '"b"', ifModifiedSince }, item)).toBe(false);
    expect(isNotModified({ ifNoneMatch: '"a"', ifModifiedSince: undefined }, item)).toBe(true);
    expect(isNotModified({ ifNoneMatch: undefined, ifModifiedSince: undefined }, item)).toBe(false);
    expect(isNotModified({ ifNoneMatch: undefined, ifModifiedSince: 'nonsense' }, item)).toBe(false);
  });

  it('answers 304 to the date that it sent', () => {
    const ifModifiedSince = lastModified(modifiedAt, now);
    expect(isNotModified({ ifNoneMatch: undefined, ifModifiedSince }, item)).toBe(true);
  });

  it('never sends a date in the future', () => {
    fc.assert(
      fc.property(fc.nat(5000), (age) => {
        expect(Date.parse(lastModified(now - age, now))).toBeLessThanOrEqual(now);
      }),
    );
  });

  it('never takes a client that saw an earlier picture for one that saw this', () => {
    fc.assert(
      fc.property(fc.nat(3000), fc.nat(3000), fc.nat(3000), (first, seen, second) => {
        // First picture, seen by the client; then a second one; then the client asks with the date that it was given.
        const given = lastModified(now + first, now + first + seen);
        const secondAt = now + first + seen + second + 1;
        const answer = isNotModified(
          { ifNoneMatch: undefined, ifModifiedSince: given },
          { etag: '"b"', modifiedAt: secondAt },
        );
        expect(answer).toBe(false);
      }),
    );
  });
});

describe('allowsRange', () => {
  const item = { etag: '"a"', modifiedAt: Date.parse('2026-03-01T12:00:05.000Z') };

  it.each([
    [undefined, true],
    ['"a"', true],
    ['W/"a"', false],
    ['"b"', false],
    ['*', false],
    ['', false],
    ['Sun, 01 Mar 2026 12:00:05 GMT', true],
    ['Sun, 01 Mar 2026 12:00:06 GMT', false],
    ['Sun, 01 Mar 2026 12:00:04 GMT', false],
  ])('%s', (value, expected) => {
    expect(allowsRange(value, item)).toBe(expected);
  });
});
