/** Bits of a parameter set, the highest of each byte first. */
class BitWriter {
  #bits = '';

  put(value: number, bits: number): this {
    this.#bits += value.toString(2).padStart(bits, '0');
    return this;
  }

  /** ue(v), H.264 9.1. */
  exp(...values: readonly number[]): this {
    for (const value of values) {
      const digits = (value + 1).toString(2);
      this.#bits += '0'.repeat(digits.length - 1) + digits;
    }
    return this;
  }

  /** With rbsp_trailing_bits. Nothing that is written here has three zeros in a row of bytes that would need escapes. */
  bytes(): number[] {
    const padded = `${this.#bits}1`.replace(/$/, '0'.repeat(-(this.#bits.length + 1) & 7));
    return (padded.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2));
  }
}

/** H.264 7.3.2.1.1: Baseline, one reference, frames only, not cropped. Sides are multiples of 16. */
function avcSps(width: number, height: number): number[] {
  const body = new BitWriter()
    .exp(0, 0, 2, 1)
    .put(0, 1)
    .exp(width / 16 - 1, height / 16 - 1);
  return [0x67, 66, 0xc0, 62, ...body.put(1, 1).put(1, 1).put(0, 1).put(0, 1).bytes()];
}

/** H.265 7.3.2.2.1, up to the field that follows the depth of the samples: the first of them that a reader of sizes needs. */
function hevcSps(width: number, height: number): number[] {
  const profile = [0x01, 0x60, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 153];
  const body = new BitWriter().exp(0, 1, width, height).put(0, 1).exp(0, 0, 4).put(1, 1).exp(1, 0, 0);
  return [0x42, 0x01, 0x01, ...profile, ...body.bytes()];
}

const withLength = (unit: readonly number[]) => [unit.length >> 8, unit.length & 255, ...unit];

/** The record of `avcC` (ISO 14496-15, 5.3.3.1) for pictures of a size. */
export function avcRecord(width: number, height: number): Uint8Array {
  const pps = [0x68, 0xce, 0x38, 0x80];
  return Uint8Array.of(1, 66, 0xc0, 62, 0xff, 0xe1, ...withLength(avcSps(width, height)), 1, ...withLength(pps));
}

/** The record of `hvcC` (ISO 14496-15, 8.3.3.1) for pictures of a size. */
export function hevcRecord(width: number, height: number): Uint8Array {
  const head = new Uint8Array(22).fill(1);
  return Uint8Array.of(...head, 1, 33, 0, 1, ...withLength(hevcSps(width, height)));
}
