import { NAL } from '../h264-depacketizer.js';

/** Parameter sets of H.264. Pure. */

export interface AvcParameterSets {
  readonly sps: readonly Uint8Array[];
  readonly pps: readonly Uint8Array[];
}

/** Maximum number of sets of a kind that are kept. */
const MOST_SETS = 31;
const MOST_SET_BYTES = 4096;

/** The sets in an access unit, in the place of `before`; the same object if they say nothing else. */
export function newestSets(
  units: readonly Uint8Array[],
  before: AvcParameterSets | undefined,
): AvcParameterSets | undefined {
  const sps = setsOf(units, NAL.sps);
  const pps = setsOf(units, NAL.pps);
  const sets = {
    sps: sps.length > 0 ? sps : (before?.sps ?? []),
    pps: pps.length > 0 ? pps : (before?.pps ?? []),
  };
  if (sets.sps.length === 0 || sets.pps.length === 0) return before;
  return before !== undefined && areEqual(sets, before) ? before : sets;
}

/** The sets in `sprop-parameter-sets` of an offer (RFC 6184, 8.1); undefined if there is none of a kind. */
export function announcedSets(text: string | undefined): AvcParameterSets | undefined {
  const units = (text ?? '').split(',').flatMap((part) => {
    const digits = part.replace(/={1,2}$/, '');
    if (!/^[A-Za-z0-9+/]+$/.test(digits) || digits.length % 4 === 1 || digits.length > 2 * MOST_SET_BYTES) return [];
    return [Uint8Array.from(atob(digits), (character) => character.charCodeAt(0))];
  });
  return newestSets(units, undefined);
}

/** `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15, 5.3.3.1) with lengths of four bytes. */
export function avcRecord({ sps, pps }: AvcParameterSets): Uint8Array {
  const [, profile = 0, compatibility = 0, level = 0] = sps[0]!;
  const bytes = [1, profile, compatibility, level, 0xff, 0xe0 | sps.length];
  for (const set of sps) bytes.push(set.length >> 8, set.length & 0xff, ...set);
  bytes.push(pps.length);
  for (const set of pps) bytes.push(set.length >> 8, set.length & 0xff, ...set);
  return Uint8Array.from(bytes);
}

function setsOf(units: readonly Uint8Array[], type: number): Uint8Array[] {
  const fewest = type === NAL.pps ? 2 : 4;
  const sets: Uint8Array[] = [];
  for (const unit of units) {
    if ((unit[0]! & 0x1f) !== type || unit.length < fewest || unit.length > MOST_SET_BYTES) continue;
    if (sets.some((set) => sameBytes(unit, set))) continue;
    sets.push(unit);
    // An access unit can have thousands of sets: comparing each one with all others would block the event loop.
    if (sets.length === MOST_SETS) break;
  }
  return sets;
}

function areEqual(one: AvcParameterSets, other: AvcParameterSets): boolean {
  const same = (some: readonly Uint8Array[], others: readonly Uint8Array[]) =>
    some.length === others.length && some.every((set, index) => sameBytes(set, others[index]!));
  return same(one.sps, other.sps) && same(one.pps, other.pps);
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
