import { makeBox } from './boxes.js';
import type { Sample, Track } from './fmp4-reader.js';

/** Samples of one track, in decoding order. */
export interface TrackRun {
  readonly track: Track;
  readonly samples: readonly Sample[];
}

/** tfhd: offsets count from the moof box (default-base-is-moof). */
const BASE_IS_MOOF = 0x02_0000;
/** trun: a data offset, and each sample's duration, size, flags and composition offset. */
const RUN_FLAGS = 0x01 | 0x100 | 0x200 | 0x400 | 0x800;
const SAMPLE_BYTES = 16;

/**
 * A movie fragment (moof and mdat) of runs, which is one partial segment, as a list of its pieces. A track's `baseTicks` is added to its
 * times, because times before zero cannot be written. ISO/IEC 14496-12 8.8. Pure.
 */
export function fragmentPieces(
  sequence: number,
  runs: readonly TrackRun[],
  baseTicks: (track: Track) => number,
): Uint8Array[] {
  const written = runs.filter(({ samples }) => samples.length > 0);
  const mfhd = fullBox('mfhd', 0, 0, uint32s(sequence));
  const moof = makeBox('moof', mfhd, ...written.map((run) => trackFragment(run, baseTicks(run.track))));
  const mdat = makeBox('mdat');
  const data = written.flatMap(({ samples }) => samples.map((sample) => sample.data));
  new DataView(mdat.buffer).setUint32(0, mdat.length + written.reduce((sum, { samples }) => sum + bytesOf(samples), 0));
  // The data offsets depend on the size of the moof box.
  const view = new DataView(moof.buffer);
  let offset = moof.length + mdat.length;
  let run = mfhd.length + 8;
  for (const { samples } of written) {
    const size = view.getUint32(run);
    view.setUint32(run + DATA_OFFSET_AT, offset);
    run += size;
    offset += bytesOf(samples);
  }
  return [moof, mdat, ...data];
}

/** Sizes in a traf box as written here: traf header 8, tfhd 16, tfdt 20, trun header 12, sample count 4. */
const DATA_OFFSET_AT = 8 + 16 + 20 + 12 + 4;

function trackFragment({ track, samples }: TrackRun, baseTicks: number): Uint8Array {
  const tfhd = fullBox('tfhd', 0, BASE_IS_MOOF, uint32s(track.id));
  const start = samples[0]!.decodeTicks + baseTicks;
  const tfdt = fullBox('tfdt', 1, 0, uint32s(Math.floor(start / 2 ** 32), start % 2 ** 32));
  const table = new Uint8Array(8 + samples.length * SAMPLE_BYTES);
  const view = new DataView(table.buffer);
  view.setUint32(0, samples.length);
  samples.forEach(({ durationTicks, data, flags, compositionTicks }, index) => {
    const offset = 8 + index * SAMPLE_BYTES;
    view.setUint32(offset, durationTicks);
    view.setUint32(offset + 4, data.length);
    view.setUint32(offset + 8, flags);
    view.setInt32(offset + 12, compositionTicks);
  });
  // Version 1: composition offsets are signed.
  return makeBox('traf', tfhd, tfdt, fullBox('trun', 1, RUN_FLAGS, table));
}

function fullBox(type: string, version: number, flags: number, body: Uint8Array): Uint8Array {
  return makeBox(type, uint32s((version * 2 ** 24 + flags) >>> 0), body);
}

function uint32s(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value);
  return bytes;
}

function bytesOf(samples: readonly Sample[]): number {
  return samples.reduce((sum, { data }) => sum + data.length, 0);
}
