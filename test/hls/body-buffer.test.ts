import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createBodyBuffer, type SpareMemory } from '../../src/hls/body-buffer.js';

it('gives each body back as it came, in memory of its own, whatever was gathered in the same memory before', () => {
  const size = fc.oneof(fc.nat(3000), fc.integer({ min: 60_000, max: 300_000 }));
  fc.assert(
    fc.property(fc.array(fc.array(size, { maxLength: 5 }), { maxLength: 8 }), (bodies) => {
      const spare: SpareMemory = { memory: undefined };
      const expected: Buffer[] = [];
      const taken: Buffer[] = [];
      for (const [number, pieces] of bodies.entries()) {
        const buffer = createBodyBuffer(spare);
        const parts = pieces.map((bytes, index) => Buffer.alloc(bytes, number * 16 + index));
        for (const part of parts) buffer.append(part);
        expected.push(Buffer.concat(parts));
        taken.push(buffer.take());
        expect(buffer.bytes).toBe(0);
      }
      for (const [number, body] of taken.entries()) {
        expect(body.buffer.byteLength).toBe(body.byteLength);
        expect(body.equals(expected[number]!)).toBe(true);
      }
    }),
    { numRuns: 50 },
  );
});

it('two bodies at a time never share memory', () => {
  const spare: SpareMemory = { memory: Buffer.alloc(1_000_000) };
  const [one, two] = [createBodyBuffer(spare), createBodyBuffer(spare)];
  for (let i = 0; i < 4; i += 1) {
    one.append(Buffer.alloc(50_000, 1));
    two.append(Buffer.alloc(50_000, 2));
  }
  expect(one.take().equals(Buffer.alloc(200_000, 1))).toBe(true);
  expect(two.take().equals(Buffer.alloc(200_000, 2))).toBe(true);
});

it('keeps the memory of a large body for the next, not that of a small one nor far too much', () => {
  const spare: SpareMemory = { memory: undefined };
  const gather = (bytes: number) => {
    const buffer = createBodyBuffer(spare);
    for (let at = 0; at < bytes; at += 50_000) buffer.append(Buffer.alloc(Math.min(50_000, bytes - at)));
    buffer.take();
    return spare.memory;
  };
  const kept = gather(900_000);
  expect(kept?.byteLength).toBeGreaterThanOrEqual(900_000);
  expect(gather(300)).toBe(kept);
  expect(gather(900_000)).toBe(kept);
  expect(gather(100_000)?.byteLength ?? 0).toBeLessThanOrEqual(400_000);
});
