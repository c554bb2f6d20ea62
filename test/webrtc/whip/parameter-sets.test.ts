import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { configuredSets } from '../../../src/hls/cut/fmp4-init.js';
import { announcedSets, avcRecord, newestSets } from '../../../src/webrtc/whip/parameter-sets.js';

const sps = Uint8Array.of(0x67, 66, 0, 30, 1);
const other = Uint8Array.of(0x67, 66, 0, 31, 1);
const pps = Uint8Array.of(0x68, 0xce);
const slice = Uint8Array.of(0x65, 0x88);

describe('parameter sets', () => {
  it('are the same object until they change', () => {
    const first = newestSets([sps, pps, slice], undefined)!;
    expect(first).toEqual({ sps: [sps], pps: [pps] });
    expect(newestSets([sps, pps, sps, slice], first)).toBe(first);
    expect(newestSets([slice], first)).toBe(first);
    expect(newestSets([other, slice], first)).toEqual({ sps: [other], pps: [pps] });
    expect(newestSets([sps, slice], undefined)).toBeUndefined();
  });

  it('are compared only until 31 are found, and never if they are too large', () => {
    let comparisons = 0;
    class CountingSet extends Uint8Array {
      override every(check: (value: number, index: number, array: this) => unknown): boolean {
        comparisons += 1;
        return super.every(check);
      }
    }
    const large = Array.from({ length: 3 }, () => new CountingSet(4097).fill(0x67));
    const numbered = Array.from({ length: 31 }, (_, index) => Uint8Array.of(0x67, 66, 0, index));
    const late = Array.from({ length: 3 }, (_, index) => CountingSet.from([0x67, 66, 1, index]));
    expect(newestSets([...large, ...numbered, pps, ...late], undefined)).toEqual({ sps: numbered, pps: [pps] });
    expect(comparisons).toBe(0);
  });

  it('can be announced by an offer', () => {
    const text = [sps, pps].map((unit) => Buffer.from(unit).toString('base64')).join(',');
    expect(announcedSets(text)).toEqual({ sps: [sps], pps: [pps] });
    fc.assert(fc.property(fc.string(), (text) => void announcedSets(text)));
  });

  it('are read from the record that is made of them', () => {
    const units = fc.uint8Array({ minLength: 4, maxLength: 300 });
    fc.assert(
      fc.property(
        fc.array(units, { minLength: 1, maxLength: 4 }),
        fc.array(units, { minLength: 1, maxLength: 4 }),
        (some, others) => {
          const sets = { sps: some.map((unit) => unit.with(0, 0x67)), pps: others.map((unit) => unit.with(0, 0x68)) };
          expect(configuredSets(avcRecord(sets), 'avc')).toEqual([...sets.sps, ...sets.pps]);
        },
      ),
    );
  });
});
