import type { StreamConfig } from '../../config/schema/schema.js';
import type { SourceFacts, VideoFacts } from '../../ffmpeg/log/source-facts.js';
import type { Source, UnknownSource } from '../../ingest/source.js';
import type { SourceWarning } from '../description.js';
import { isCopied } from '../outputs/rendition-plan.js';

/** Warnings about video that players may display incorrectly. Pure. */

const ENCODE = 'Set renditions, which encode it to H.264, or let the device send H.264.';

export interface WarningFacts extends Pick<SourceFacts, 'video'> {
  /**
   * Whether the source's first keyframe came without parameter sets; undefined before it. ffmpeg does not know the frame size of a source
   * that it joins between two keyframes, which says nothing about the source.
   */
  readonly lacksParameterSets: boolean | undefined;
}

/** The warnings about copied video, most serious first. Empty if browsers play it unchanged. */
export function sourceWarnings({ video, lacksParameterSets }: WarningFacts): readonly SourceWarning[] {
  if (video === undefined) return [];
  const isSizeMissing = video.width === undefined && lacksParameterSets === true;
  return [codecWarning(video), isSizeMissing ? SIZE_MISSING : undefined, ...shapeWarnings(video)].filter(
    (each) => each !== undefined,
  );
}

export interface CopiedStream extends WarningFacts {
  readonly config: StreamConfig;
  readonly source: Pick<Source | UnknownSource, 'kind'>;
}

/** The same for a stream: none if the source's own video is not passed on. */
export function copyWarnings({ config, source, ...facts }: CopiedStream): readonly SourceWarning[] {
  return isCopied(config, source) ? sourceWarnings(facts) : [];
}

/** What browsers cannot play. */
function codecWarning({ codec, pixelFormat = '', profile = '' }: VideoFacts): SourceWarning | undefined {
  const rare = RARE_CODECS[codec];
  if (rare !== undefined) return { code: 'codec', message: rare, remedy: ENCODE };
  const chroma = /4(?:22|44|40)/.exec(pixelFormat)?.[0] ?? /4:(?:2:2|4:4)/.exec(profile)?.[0].replaceAll(':', '');
  if (chroma !== undefined) {
    const message = `4:${chroma[1]}:${chroma[2]} video cannot be played by browsers`;
    return { code: 'chroma', message, remedy: `Choose 4:2:0 at the device. ${ENCODE}` };
  }
  if (codec === 'h264' && (/p1[0-6]/.test(pixelFormat) || / 10\b/.test(profile))) {
    const message = '10-bit H.264 cannot be played by most browsers';
    return { code: 'bit-depth', message, remedy: `Choose 8 bit at the device. ${ENCODE}` };
  }
  return undefined;
}

const RARE_CODECS: Readonly<Record<string, string>> = {
  hevc: 'HEVC plays in Safari, and elsewhere only on devices with a hardware decoder',
  av1: 'AV1 does not play in Safari on devices without a hardware decoder',
  vp9: 'VP9 in HLS does not play in Safari',
};

const SIZE_MISSING: SourceWarning = {
  code: 'size-unknown',
  message: 'the frame size is unknown: parameter sets (SPS, PPS) are missing',
  remedy: 'Let the device repeat them with each keyframe.',
};

/** What players display incorrectly. */
function shapeWarnings({ isInterlaced, rotation }: VideoFacts): (SourceWarning | undefined)[] {
  return [
    isInterlaced
      ? {
          code: 'interlaced',
          message: 'the video is interlaced: players show combing on moving objects',
          remedy: 'Choose a progressive mode at the device, or set renditions, which deinterlace it.',
        }
      : undefined,
    rotation === 0
      ? undefined
      : {
          code: 'rotated',
          message: `the video has a rotation of ${rotation}°: if copied, it plays sideways`,
          remedy: 'Set renditions, which rotate it, or remove the rotation from the source.',
        },
  ];
}
