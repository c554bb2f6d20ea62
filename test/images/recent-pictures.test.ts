import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EncodedImage } from '../../src/images/picture.js';
import { hashOf, RecentPictures } from '../../src/images/recent-pictures.js';

const imageOf = (name: string, bytes = 10): EncodedImage => ({
  body: new Uint8Array(0),
  contentType: 'image/jpeg',
  etag: `"${name}"`,
  width: 1,
  height: 1,
  bytes,
  encodeSeconds: 0,
});

describe('RecentPictures', () => {
  it('finds a picture by its format and hash', () => {
    const recent = new RecentPictures({ maxCount: 3, maxBytes: 100, maxAgeSeconds: 60 });
    recent.add('jpg', imageOf('a'), 5, 10);
    expect(recent.get('jpg', hashOf(imageOf('a')), 20)).toMatchObject({ capturedAt: 5, modifiedAt: 10 });
    expect(recent.get('webp', 'a', 20)).toBeUndefined();
    expect(recent.get('jpg', 'b', 20)).toBeUndefined();
  });

  it('keeps the newest however old and large, and the others by age', () => {
    const recent = new RecentPictures({ maxCount: 3, maxBytes: 100, maxAgeSeconds: 60 });
    recent.add('jpg', imageOf('a'), 0, 0);
    recent.add('jpg', imageOf('b', 1000), 0, 0);
    expect(recent.get('jpg', 'a', 1)).toBeUndefined();
    expect(recent.get('jpg', 'b', 1e9)).toBeDefined();
    recent.add('jpg', imageOf('c'), 0, 1e9);
    recent.add('jpg', imageOf('d'), 0, 1e9 + 30_000);
    expect(recent.get('jpg', 'c', 1e9 + 60_000)).toBeDefined();
    expect(recent.get('jpg', 'c', 1e9 + 60_001)).toBeUndefined();
  });

  it('is bounded whatever comes', () => {
    const added = fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'),
      format: fc.constantFrom('jpg' as const, 'webp' as const),
      bytes: fc.integer({ min: 1, max: 60 }),
      wait: fc.integer({ min: 0, max: 40_000 }),
    });
    fc.assert(
      fc.property(fc.array(added), (pictures) => {
        const recent = new RecentPictures({ maxCount: 4, maxBytes: 100, maxAgeSeconds: 60 });
        let now = 0;
        for (const { name, format, bytes, wait } of pictures) {
          now += wait;
          recent.add(format, imageOf(`${name}${bytes}`, bytes), now, now);
          expect(recent.get(format, `${name}${bytes}`, now)).toBeDefined();
          expect(recent.count).toBeLessThanOrEqual(4);
          // The newest of each of the two formats is kept whatever its size.
          expect(recent.bytes).toBeLessThanOrEqual(120);
        }
      }),
      { numRuns: 500 },
    );
  });
});
