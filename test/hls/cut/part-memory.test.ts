import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PartMemory } from '../../../src/hls/cut/part-memory.js';

const piece = fc.uint8Array({ minLength: 1, maxLength: 4096 });
const part = fc.record({ startsSegment: fc.boolean(), pieces: fc.array(piece, { minLength: 1, maxLength: 8 }) });

describe('the memory of parts', () => {
  test('every part keeps its bytes, whatever comes after it', () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 30 }), (parts) => {
        const memory = new PartMemory();
        const written = parts.map(({ startsSegment, pieces }) => {
          memory.begin(startsSegment);
          for (const each of pieces) memory.append(each);
          return memory.end();
        });
        expect(written.map((each) => Buffer.from(each))).toEqual(parts.map(({ pieces }) => Buffer.concat(pieces)));
      }),
    );
  });

  test('from the second segment on, the parts of a segment are one behind the other in memory of about its size', () => {
    const memory = new PartMemory();
    for (let segment = 0; segment < 4; segment += 1) {
      const parts = Array.from({ length: 10 }, (_, index) => {
        memory.begin(index === 0);
        memory.append(new Uint8Array(100_000));
        return memory.end();
      });
      if (segment === 0) continue;
      const { buffer } = parts[0]!;
      expect(parts.map(({ byteOffset }) => byteOffset)).toEqual(parts.map((_, index) => index * 100_000));
      expect(parts.every((each) => each.buffer === buffer)).toBe(true);
      expect(buffer.byteLength).toBeLessThan(1.1 * 1_000_000);
    }
  });

  test('bytes of the open part can be replaced by more, at its end or before', () => {
    const memory = new PartMemory();
    memory.begin(true);
    memory.append(Uint8Array.of(1, 2, 3, 4));
    memory.replace(1, 2, Uint8Array.of(7, 8, 9));
    memory.replace(5, 6, new Uint8Array(300_000));
    expect(memory.length).toBe(300_005);
    expect([...memory.end().subarray(0, 5)]).toEqual([1, 7, 8, 9, 3]);
  });

  test('a part that is given up leaves nothing behind', () => {
    const memory = new PartMemory();
    memory.begin(true);
    memory.append(Uint8Array.of(1));
    memory.begin(false);
    memory.append(Uint8Array.of(2));
    expect([...memory.end()]).toEqual([2]);
  });

  test('a part without an end is an error before it fills memory', () => {
    const memory = new PartMemory();
    memory.begin(true);
    const more = new Uint8Array(16 * 1024 ** 2);
    const fill = () => {
      for (let count = 0; count < 5; count += 1) memory.append(more);
    };
    expect(fill).toThrow(expect.objectContaining({ code: 'source-not-media' }));
  });
});
