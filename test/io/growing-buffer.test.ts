import fc from 'fast-check';
import { expect, it } from 'vitest';
import { GrowingBuffer } from '../../src/io/growing-buffer.js';

it('holds what was appended and not yet dropped, and views of it stay as they were', () => {
  const step = fc.oneof(
    fc.uint8Array({ maxLength: 700 }).map((bytes) => ({ bytes })),
    fc.nat(900).map((drop) => ({ drop })),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const buffer = new GrowingBuffer();
      let expected = Buffer.alloc(0);
      const views: { view: Uint8Array; copy: Buffer }[] = [];
      for (const each of steps) {
        if ('bytes' in each) {
          buffer.append(each.bytes);
          expected = Buffer.concat([expected, each.bytes]);
        } else {
          buffer.drop(each.drop);
          expected = expected.subarray(each.drop);
        }
        expect(Buffer.from(buffer.bytes).equals(expected)).toBe(true);
        views.push({ view: buffer.bytes, copy: Buffer.from(buffer.bytes) });
      }
      for (const { view, copy } of views) expect(copy.equals(view)).toBe(true);
    }),
  );
});

it('copies each byte a bounded number of times, however the pieces and what is dropped are', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.nat(2)), { minLength: 500, maxLength: 3000 }),
      (steps) => {
        const buffer = new GrowingBuffer();
        let appended = 0;
        for (const [bytes, drop] of steps) {
          buffer.append(new Uint8Array(bytes));
          buffer.drop(drop);
          appended += bytes;
        }
        expect(buffer.copiedBytes).toBeLessThanOrEqual(4 * appended);
      },
    ),
    { numRuns: 30 },
  );
});
