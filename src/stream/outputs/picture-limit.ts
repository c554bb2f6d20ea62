import { configuredSets } from '../../hls/cut/fmp4-init.js';
import { type NalCodec, nalType, SPS_TYPE } from '../../hls/cut/nal-units.js';
import { readSps } from '../../hls/cut/sps.js';

/** As `codecs` of a publisher names them. */
const NAL_CODECS: Readonly<Record<string, NalCodec>> = { h264: 'avc', avc1: 'avc', hevc: 'hevc', hvc1: 'hevc' };

/**
 * Why the pictures of a publisher are larger than allowed, by the parameter sets of its sequence header; undefined where they are not,
 * or where the codec has no such sets: then ffmpeg's own limit decides. Never throws. Pure.
 */
export function largePictures(codec: string, configuration: Uint8Array, maxPixels: number): string | undefined {
  const nalCodec = NAL_CODECS[codec];
  if (nalCodec === undefined) return undefined;
  for (const unit of configuredSets(configuration, nalCodec)) {
    if (nalType(unit, nalCodec) !== SPS_TYPE[nalCodec]) continue;
    const { width, height } = readSps(unit, nalCodec) ?? { width: 0, height: 0 };
    if (width * height > maxPixels) {
      return `the publisher sends pictures of ${width}×${height}, which is more than ${maxPixels} pixels (ffmpeg.maxPixels)`;
    }
  }
  return undefined;
}
