import { configuredSets } from '../../hls/cut/fmp4-init.js';
import { type NalCodec, nalType, SPS_TYPE } from '../../hls/cut/nal-units.js';
import { readSps } from '../../hls/cut/sps.js';

/** Named as in a publisher's `codecs`. */
const NAL_CODECS: Readonly<Record<string, NalCodec>> = { h264: 'avc', avc1: 'avc', hevc: 'hevc', hvc1: 'hevc' };

/**
 * A message if the frames of a publisher exceed the size limit, by the parameter sets of its sequence header; undefined if they do not, or
 * if the codec has no such sets: then ffmpeg's own limit applies. Never throws. Pure.
 */
export function largePictures(codec: string, configuration: Uint8Array, maxPixels: number): string | undefined {
  const nalCodec = NAL_CODECS[codec];
  if (nalCodec === undefined) return undefined;
  for (const unit of configuredSets(configuration, nalCodec)) {
    if (nalType(unit, nalCodec) !== SPS_TYPE[nalCodec]) continue;
    const { width, height } = readSps(unit, nalCodec) ?? { width: 0, height: 0 };
    if (width * height > maxPixels) {
      return `The publisher sends frames of ${width}×${height}, which is more than ${maxPixels} pixels (ffmpeg.maxPixels).`;
    }
  }
  return undefined;
}
