import type { BuildOptions } from '../build-options.js';

/** Which frames are output, and their maximum size. */
export interface PicturePlan {
  readonly intervalSeconds: number;
  readonly width: number;
  readonly height: number;
  /** If decoded frames are far apart: output one early rather than exceed this gap. */
  readonly longestGapSeconds?: number;
}

/** A run with 32-bit timestamps must be restarted before this many seconds (24.8 days) have passed. */
export const NARROW_SECONDS = 2_000_000;
/** The time base of such runs: milliseconds. */
const NARROW_TIME_BASE = '1:1000';

/** Outputs each frame once, when it arrives: a constant rate would repeat and delay frames. */
export function passThrough({ hasFpsMode }: Pick<BuildOptions, 'hasFpsMode'>): string[] {
  return [hasFpsMode ? '-fps_mode' : '-vsync', 'passthrough'];
}

/** The properties of an ffmpeg build that outputs depend on: see `Capabilities`. */
export interface OutputBuild {
  readonly options: BuildOptions;
  readonly hasNarrowTimestamps?: boolean;
  /** The source's frames consist of two fields, half a frame interval apart. */
  readonly isInterlaced?: boolean;
}

/** Frames as NUT on stdout, scaled to fit a fixed box, with square pixels. Pure. */
export function framesOutput(frames: PicturePlan, build: OutputBuild): string[] {
  return [
    ...['-map', '0:V:0', '-an', '-sn', '-dn', '-map_metadata', '-1'],
    ...['-vf', `select='${pictureSelection(frames)}',${scaled(frames, build)}:flags=area,setsar=1,format=rgb24`],
    ...rawPictures(build),
    'pipe:1',
  ];
}

/**
 * Arguments for raw frames in NUT, which stores each frame's timestamp and size; rawvideo does not. In the source's time base, because the
 * encoder's is one frame at a rate that may change. In 32 bits, 90,000 ticks per second would last 6.6 hours. Pure.
 */
export function rawPictures({ options, hasNarrowTimestamps = false }: OutputBuild): string[] {
  return [
    ...passThrough(options),
    ...['-enc_time_base', hasNarrowTimestamps ? NARROW_TIME_BASE : options.sourceTimeBase],
    // Otherwise frames whose shape changes mid-stream would be stretched to the first one. Older builds cannot avoid that.
    // As a flag: `-autoscale 0`, which some versions accept, is an error in others.
    ...(options.hasAutoscale ? ['-noautoscale'] : []),
    // One thread: since 5.0 even this encoder has frame threads, and delays frames by their number.
    ...['-c:v', 'rawvideo', '-threads', '1', '-f', 'nut', '-write_index', '0', '-flush_packets', '1'],
  ];
}

/**
 * Selects decoded frames. If all frames are decoded: the first one of each interval of stream time. Keyframes are far apart: the available
 * one closest to the interval is used, but none that would make the gap to the next one too long. The next one is expected after the same
 * distance as the last. If time goes backwards, selection starts over.
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
 * The largest size in the box with the display aspect ratio, but not larger than the displayed frame. `sar` is the pixel aspect ratio of
 * the source: broadcast video of 720 × 576 pixels is displayed as 768 × 576 or 1024 × 576.
 */
function scaled({ width, height }: Pick<PicturePlan, 'width' | 'height'>, build: OutputBuild): string {
  const dar = aspect(build);
  const w = `max(1,round(min(min(${width},iw*sar),${height}*${dar})))`;
  return `${oneField(build)}scale=w='${w}':h='min(${height},max(1,round(ow/${dar})))'`;
}

/** The display aspect ratio, as an expression of the `scale` filter after `oneField`. */
export function aspect({ isInterlaced = false }: Pick<OutputBuild, 'isInterlaced'>): string {
  return isInterlaced ? '(dar/2)' : 'dar';
}

/**
 * Keeps every other line, so that moving objects have no combing. Later filters see a frame of half the height. Filters that keep all
 * lines need the neighbouring frames, which are missing if only keyframes are decoded. Pure.
 */
export function oneField({ isInterlaced = false }: Pick<OutputBuild, 'isInterlaced'>): string {
  return isInterlaced ? 'field=top,' : '';
}
