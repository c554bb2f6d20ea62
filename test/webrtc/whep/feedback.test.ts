import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readFeedback } from '../../../src/webrtc/whep/feedback.js';

const report = (lost: number) => [0x81, 201, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, lost, ...new Array<number>(19).fill(0)];
const pli = [0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
const nack = [0x81, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 0];

describe('feedback of viewers', () => {
  it('is read from compound packets', () => {
    expect(readFeedback(Uint8Array.from(report(64)))).toEqual({ wantsKeyframe: false, lost: 0.25 });
    expect(readFeedback(Uint8Array.from([...report(0), ...nack, ...pli]))).toEqual({ wantsKeyframe: true, lost: 0 });
    expect(readFeedback(Uint8Array.from(nack))).toEqual({ wantsKeyframe: false, lost: undefined });
  });

  it('may be anything', () => {
    const packet = fc.array(fc.constantFrom(report(255), pli, nack), { maxLength: 4 }).map((parts) => parts.flat());
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 });
    fc.assert(
      fc.property(packet, edits, fc.nat(20), (bytes, changes, cut) => {
        const copy = Uint8Array.from(bytes.slice(0, Math.max(0, bytes.length - cut)));
        for (const [at, value] of changes) if (copy.length > 0) copy[at % copy.length] = value;
        const { lost = 0 } = readFeedback(copy);
        expect(lost).toBeGreaterThanOrEqual(0);
        expect(lost).toBeLessThan(1);
      }),
      { numRuns: 5000 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => void readFeedback(bytes)));
  });
});
