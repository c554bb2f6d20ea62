import { configuredSets } from '../../hls/cut/fmp4-init.js';
import { type NalCodec, nalType, SPS_TYPE } from '../../hls/cut/nal-units.js';
import { readSps } from '../../hls/cut/sps.js';

interface CodedSize {
  readonly width: number;
  readonly height: number;
}

/** Named as in a publisher's `codecs`. */
const NAL_CODECS: Readonly<Record<string, NalCodec>> = { h264: 'avc', avc1: 'avc', hevc: 'hevc', hvc1: 'hevc' };

/**
 * A message if the frames of a publisher exceed the size limit, by the parameter sets of its sequence header; undefined if they do not, or
 * if the codec has no such sets: then ffmpeg's own limit applies. Never throws. Pure.
 */
export function largePictures(codec: string, configuration: Uint8Array, maxPixels: number): string | undefined {
  const large = pictureSizes(codec, configuration).find(({ width, height }) => width * height > maxPixels);
  if (large === undefined) return undefined;
  const { width, height } = large;
  return `The publisher sends frames of ${width}×${height}, which is more than ${maxPixels} pixels (ffmpeg.maxPixels).`;
}

/** The frame sizes in the parameter sets of a publisher's configuration; empty if the codec has no such sets. Never throws. */
export function pictureSizes(codec: string, configuration: Uint8Array): readonly CodedSize[] {
  const nalCodec = NAL_CODECS[codec];
  if (nalCodec === undefined) return [];
  return [...configuredSets(configuration, nalCodec)].flatMap((unit) => {
    if (nalType(unit, nalCodec) !== SPS_TYPE[nalCodec]) return [];
    const sps = readSps(unit, nalCodec);
    return sps === undefined ? [] : [{ width: sps.width, height: sps.height }];
  });
}
