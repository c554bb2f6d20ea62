import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AccessUnitConverter } from '../../../src/stream/webrtc/access-units.js';
import { avcRecord, hevcRecord } from '../../support/parameter-sets.js';

const START = [0, 0, 0, 1];
const SPS = avcRecord(320, 192).subarray(8, 8 + avcRecord(320, 192)[7]!);
const PPS = Uint8Array.of(0x68, 0xce, 0x38, 0x80);
const IDR = Uint8Array.of(0x65, 1, 2, 3);
const SLICE = Uint8Array.of(0x41, 4, 5, 6, 7);
const DELIMITER = Uint8Array.of(9, 0xf0);

const annexB = (...units: Uint8Array[]) => Uint8Array.from(units.flatMap((unit) => [...START, ...unit]));

function withLengths(bytes: 1 | 2 | 4, ...units: Uint8Array[]): Uint8Array {
  const lengthOf = ({ length }: Uint8Array) =>
    Array.from({ length: bytes }, (_, at) => (length >> (8 * (bytes - 1 - at))) & 255);
  return Uint8Array.from(units.flatMap((unit) => [...lengthOf(unit), ...unit]));
}

const avcC = (lengthBytes: number) => {
  const record = Uint8Array.from(avcRecord(320, 192));
  record[4] = 0xfc | (lengthBytes - 1);
  return record;
};

const convert = (converter: AccessUnitConverter, bytes: Uint8Array, isKey: boolean) => {
  const unit = converter.convert(bytes, isKey);
  return unit && { ...unit, bytes: [...unit.bytes] };
};

describe('access units for WebRTC', () => {
  it.each([1, 2, 4] as const)('are NAL units after lengths of 4 bytes, from lengths of %i', (bytes) => {
    const converter = new AccessUnitConverter({ codec: 'avc', extradata: avcC(bytes) });
    expect(convert(converter, withLengths(bytes, DELIMITER, SLICE), false)).toEqual({
      bytes: [...withLengths(4, SLICE)],
      isKey: false,
    });
  });

  it('are the same from start codes, of three or four bytes', () => {
    const converter = new AccessUnitConverter({ codec: 'avc', extradata: new Uint8Array() });
    const mixed = Uint8Array.of(0, 0, 1, ...DELIMITER, 0, 0, 1, ...SLICE, 0, ...annexB(SLICE), 0, 0);
    expect(convert(converter, mixed, false)?.bytes).toEqual([...withLengths(4, SLICE, SLICE)]);
  });

  it('have the parameter sets before each keyframe: those of the header, until there are others', () => {
    const converter = new AccessUnitConverter({ codec: 'avc', extradata: avcC(4) });
    const sets = [SPS, PPS] as const;
    expect(convert(converter, withLengths(4, IDR), true)?.bytes).toEqual([...withLengths(4, ...sets, IDR)]);
    const other = Uint8Array.of(0x68, 0xff, 0x38, 0x80);
    expect(convert(converter, withLengths(4, SPS, other, IDR), true)?.bytes).toEqual([
      ...withLengths(4, SPS, other, IDR),
    ]);
    expect(convert(converter, withLengths(4, IDR), true)?.bytes).toEqual([...withLengths(4, SPS, other, IDR)]);
    expect(convert(converter, withLengths(4, SLICE), false)?.bytes).toEqual([...withLengths(4, SLICE)]);
    // Picture parameter sets alone replace nothing.
    expect(convert(converter, withLengths(4, PPS, IDR), true)?.bytes).toEqual([
      ...withLengths(4, SPS, other, PPS, IDR),
    ]);
  });

  it('tell what the video is, also if nobody watches', () => {
    const inBand = new AccessUnitConverter({ codec: 'avc', extradata: new Uint8Array() });
    expect(inBand.video).toBeUndefined();
    inBand.learn(annexB(SPS, PPS, IDR));
    expect(inBand.video).toEqual({ codec: 'h264', profile: 66, chromaFormat: 1, bitDepth: 8, isReordered: false });
    expect(new AccessUnitConverter({ codec: 'hevc', extradata: hevcRecord(320, 192) }).video).toMatchObject({
      codec: 'hevc',
      chromaFormat: 1,
    });
  });

  it('are reordered if a time goes back, but not if the source’s time jumps', () => {
    const converter = new AccessUnitConverter({ codec: 'avc', extradata: avcC(4) });
    const changes = [0, 0.04, 0.08, 20, 3, 3.04].map((seconds) => converter.frame(seconds));
    expect([changes.includes(true), converter.video?.isReordered]).toEqual([false, false]);
    expect([converter.frame(3.02), converter.frame(3.08), converter.video?.isReordered]).toEqual([true, false, true]);
  });

  it('are skipped without a picture', () => {
    const converter = new AccessUnitConverter({ codec: 'avc', extradata: avcC(4) });
    expect(converter.convert(withLengths(4, DELIMITER, SPS), false)).toBeUndefined();
    expect(converter.convert(new Uint8Array(), true)).toBeUndefined();
  });

  it('never fail, whatever arrives, and their lengths always add up', () => {
    const bytes = fc.uint8Array({ maxLength: 200 });
    const damaged = fc
      .tuple(
        fc.constantFrom(annexB(SPS, PPS, IDR), withLengths(4, SPS, IDR, SLICE)),
        fc.array(fc.tuple(fc.nat(), fc.nat(255))),
      )
      .map(([unit, edits]) => {
        const copy = Uint8Array.from(unit);
        for (const [at, value] of edits) copy[at % copy.length] = value;
        return copy;
      });
    const setup = fc.oneof(bytes, fc.constantFrom(avcC(1), avcC(4), hevcRecord(64, 64), new Uint8Array()));
    fc.assert(
      fc.property(
        setup,
        fc.constantFrom('avc', 'hevc'),
        fc.array(fc.tuple(fc.oneof(bytes, damaged), fc.boolean())),
        (extradata, codec, units) => {
          const converter = new AccessUnitConverter({ codec, extradata });
          for (const [unit, isKey] of units) {
            converter.learn(unit);
            const converted = converter.convert(unit, isKey);
            if (converted === undefined) continue;
            const view = new DataView(converted.bytes.buffer, converted.bytes.byteOffset, converted.bytes.length);
            let at = 0;
            while (at < converted.bytes.length) at += 4 + view.getUint32(at);
            expect(at).toBe(converted.bytes.length);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
