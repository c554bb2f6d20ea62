import type { BuildOptions } from '../build-options.js';

/** Which pictures are taken, and how large they may be. */
export interface PicturePlan {
  readonly intervalSeconds: number;
  readonly width: number;
  readonly height: number;
  /** Where decoded pictures are far apart: take one rather than be so late with the next. */
  readonly longestGapSeconds?: number;
}

/** Pictures whose timestamps do not go beyond 32 bits have to be begun anew before so many seconds, 24.8 days, are over. */
export const NARROW_SECONDS = 2_000_000;
/** Of such pictures: in milliseconds. */
const NARROW_TIME_BASE = '1:1000';

/** Each picture once, when it comes: a constant rate would repeat and delay them. */
export function passThrough({ hasFpsMode }: Pick<BuildOptions, 'hasFpsMode'>): string[] {
  return [hasFpsMode ? '-fps_mode' : '-vsync', 'passthrough'];
}

/** What of an ffmpeg's build its outputs depend on: see `Capabilities`. */
export interface OutputBuild {
  readonly options: BuildOptions;
  readonly hasNarrowTimestamps?: boolean;
  /** The source's pictures are two fields, half a picture's time apart. */
  readonly isInterlaced?: boolean;
}

/** Pictures as NUT on stdout, fitted into a fixed box, with square pixels. Pure. */
export function framesOutput(frames: PicturePlan, build: OutputBuild): string[] {
  return [
    ...['-map', '0:V:0', '-an', '-sn', '-dn', '-map_metadata', '-1'],
    ...['-vf', `select='${pictureSelection(frames)}',${scaled(frames, build)}:flags=area,setsar=1,format=rgb24`],
    ...rawPictures(build),
    'pipe:1',
  ];
}

/**
 * How decoded pictures are handed out: NUT gives each its timestamp and its size, which rawvideo has not; in the source's own time
 * base, because the encoder's is one frame, and that of a rate that may change. In 32 bits 90,000 a second would last 6.6 hours. Pure.
 */
export function rawPictures({ options, hasNarrowTimestamps = false }: OutputBuild): string[] {
  return [
    ...passThrough(options),
    ...['-enc_time_base', hasNarrowTimestamps ? NARROW_TIME_BASE : options.sourceTimeBase],
    // Or pictures that get another shape in mid-stream would be stretched into the first one. Older builds know no other way.
    // As a flag: `-autoscale 0`, which some versions take, is an error in others.
    ...(options.hasAutoscale ? ['-noautoscale'] : []),
    // One thread: from 5.0 on even this encoder has frame threads, and keeps back as many pictures as it has of them.
    ...['-c:v', 'rawvideo', '-threads', '1', '-f', 'nut', '-write_index', '0', '-flush_packets', '1'],
  ];
}

/**
 * Which decoded pictures are taken. Where all are decoded: the first of each interval of the stream's time. Keyframes are far
 * apart: of those at hand the one nearest to the interval, but none that would make the gap before the next too long, which
 * is expected as far behind this one as this one is behind the last; where time goes backwards it is begun anew.
 */
function pictureSelection({ intervalSeconds, longestGapSeconds }: PicturePlan): string {
  if (longestGapSeconds === undefined)
    return `isnan(prev_selected_t)+not(eq(floor(t/${intervalSeconds}),floor(prev_selected_t/${intervalSeconds})))`;
  const step = '(t-prev_t)';
  const gap = '(t-prev_selected_t)';
  const isNear = `gte(${gap},${intervalSeconds}-${step}/2)`;
  return `lt(selected_n,1)+lt(${gap},0)+${isNear}+gt(${gap}+${step},${longestGapSeconds})`;
}

/**
 * The largest size in the box that has the shape of the picture as it is to be seen, and is not larger than that. `sar` is how much
 * wider than high a pixel of the source is: broadcast video of 720 × 576 pixels is shown as 768 × 576 or 1024 × 576.
 */
function scaled({ width, height }: Pick<PicturePlan, 'width' | 'height'>, build: OutputBuild): string {
  const dar = aspect(build);
  const w = `max(1,round(min(min(${width},iw*sar),${height}*${dar})))`;
  return `${oneField(build)}scale=w='${w}':h='min(${height},max(1,round(ow/${dar})))'`;
}

/** The shape of the picture as it is to be seen, as an expression of the filter `scale` behind `oneField`. */
export function aspect({ isInterlaced = false }: Pick<OutputBuild, 'isInterlaced'>): string {
  return isInterlaced ? '(dar/2)' : 'dar';
}

/**
 * Takes every other line, so that things that move have no combs. What follows sees a picture of half the height. Filters that
 * keep all lines need the pictures before and after this one, which are missing where keyframes alone are decoded. Pure.
 */
export function oneField({ isInterlaced = false }: Pick<OutputBuild, 'isInterlaced'>): string {
  return isInterlaced ? 'field=top,' : '';
}
