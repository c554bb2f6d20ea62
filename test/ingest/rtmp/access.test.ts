import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAddressLimits } from '../../../src/ingest/rtmp/address-limits.js';
import { createKeyring } from '../../../src/ingest/rtmp/keys.js';
import { parsePublishTarget } from '../../../src/ingest/rtmp/publish-target.js';

describe('publish target', () => {
  it.each([
    ['live', '', 'cam?key=k', { stream: 'cam', key: 'k' }],
    ['live', '', 'k', { stream: undefined, key: 'k' }],
    ['live/cam', '', 'k', { stream: 'cam', key: 'k' }],
    ['live', '', 'cam/k', { stream: 'cam', key: 'k' }],
    ['live', 'key=k', 'cam', { stream: 'cam', key: 'k' }],
    ['live/cam', 'key=other', 'x', undefined],
    ['live', 'key=other', 'cam?key=k%20k', { stream: 'cam', key: 'k k' }],
    ['live', '', 'cam?key=', { stream: undefined, key: 'cam' }],
    ['live', '', '?key=k', { stream: undefined, key: 'k' }],
    ['live', '', 'a/b/c', undefined],
    ['live', '', '/', undefined],
  ])('reads app %s, query %s, name %s', (app, query, streamKey, target) => {
    expect(parsePublishTarget({ app, query, streamKey })).toEqual(target);
  });
});

describe('stream keys', () => {
  it('match whole and exactly', () => {
    const key = fc.string({ minLength: 1 });
    fc.assert(
      fc.property(fc.uniqueArray(key, { minLength: 1 }), key, fc.nat(), (keys, other, pick) => {
        const ring = createKeyring(keys.map((each, index) => ({ name: `s${index}`, keys: [each] })));
        for (const candidate of [other, keys[pick % keys.length]!]) {
          const index = keys.indexOf(candidate);
          const stream = index < 0 ? undefined : `s${index}`;
          expect(ring.find(candidate)).toBe(stream);
          expect(ring.find(candidate, 's0')).toBe(index === 0 ? 's0' : undefined);
        }
      }),
    );
  });

  it('do not match if empty, or without any key', () => {
    expect(createKeyring([{ name: 'a', keys: ['one'] }]).find('')).toBeUndefined();
    expect(createKeyring([{ name: 'a', keys: [] }]).find('one')).toBeUndefined();
  });

  it('open exactly one stream', () => {
    const ring = createKeyring([
      { name: 'a', keys: ['one', 'two'] },
      { name: 'b', keys: ['three'] },
    ]);
    expect(ring.find('two')).toBe('a');
    expect(ring.find('three', 'b')).toBe('b');
    expect(ring.find('three', 'a')).toBeUndefined();
    expect(ring.find('thre')).toBeUndefined();
    expect(() =>
      createKeyring([
        { name: 'a', keys: ['x'] },
        { name: 'b', keys: ['x'] },
      ]),
    ).toThrow(/same key as stream "a"/);
    expect(() => createKeyring([{ name: 'a', keys: [''] }])).toThrow(/empty key/);
  });
});

describe('address limits', () => {
  const options = { connections: 2, failures: 3, failureWindowMs: 1000, remembered: 5 };

  it('count connections', () => {
    const limits = createAddressLimits(options);
    expect([1, 2, 3].map(() => limits.admit('1.2.3.4', 0))).toEqual(['admitted', 'admitted', 'too-many-connections']);
    expect(limits.admit('1.2.3.5', 0)).toBe('admitted');
    limits.release('1.2.3.4');
    expect(limits.admit('::ffff:1.2.3.4', 0)).toBe('admitted');
  });

  it('refuse after failures until the window is over', () => {
    const limits = createAddressLimits(options);
    for (const at of [0, 10, 20]) limits.fail('1.2.3.4', at);
    expect(limits.admit('1.2.3.4', 999)).toBe('too-many-failures');
    expect(limits.admit('1.2.3.4', 1000)).toBe('admitted');
  });

  it('stay small whatever comes', () => {
    const limits = createAddressLimits(options);
    for (let n = 0; n < 1000; n++) {
      limits.fail(`10.0.${n >> 8}.${n & 255}`, n);
      limits.admit(`10.0.${n >> 8}.${n & 255}`, n);
      limits.release(`10.0.${n >> 8}.${n & 255}`);
    }
    expect(limits.size).toBeLessThanOrEqual(5);
  });
});
