/**
 * The parameter sets before the first slice of the first frame (H.264: SPS; HEVC: VPS and SPS). Picture parameter sets are omitted: they
 * do not contain the size, and encoders send varying ones.
 */
export function parameterSets(units: Iterable<Uint8Array>, codec: 'avc' | 'hevc'): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const unit of units) {
    const header = unit[0] ?? 0x80;
    if ((header & 0x80) !== 0) {
      // forbidden_zero_bit: neither this nor what follows is a NAL unit.
      break;
    }
    const type = codec === 'avc' ? header & 0x1f : (header >> 1) & 0x3f;
    const isSlice = codec === 'avc' ? type >= 1 && type <= 5 : type <= 31;
    if (isSlice) {
      break;
    }
    if (codec === 'avc' ? type === 7 : type === 32 || type === 33) {
      found.push(unit);
    }
  }
  return found;
}
