/** Which pictures are taken, and how large they may be. */
export interface PicturePlan {
  readonly intervalSeconds: number;
  readonly width: number;
  readonly height: number;
  /** Where decoded pictures are far apart: take one rather than be so late with the next. */
  readonly longestGapSeconds?: number;
  /** So many are taken as they come at the beginning. */
  readonly sample?: number;
}

/** Pictures whose timestamps do not go beyond 32 bits have to be begun anew before so many seconds, 24.8 days, are over. */
export const NARROW_SECONDS = 2_000_000;
/** Of such pictures: in milliseconds. */
const NARROW_TIME_BASE = '1:1000';

/** Each picture once, when it comes: a constant rate would repeat and delay them. */
export function passThrough(libavformat: number): string[] {
  return libavformat >= 60 ? ['-fps_mode', 'passthrough'] : ['-vsync', 'passthrough'];
}

/** What of an ffmpeg's build its outputs depend on: see `Capabilities`. */
export interface OutputBuild {
  readonly libavformat: number;
  readonly hasNarrowTimestamps?: boolean;
}

/** Pictures as NUT on stdout, fitted into a fixed box, with square pixels. Pure. */
export function framesOutput(frames: PicturePlan, build: OutputBuild): string[] {
  return [
    ...['-map', '0:V:0', '-an', '-sn', '-dn', '-map_metadata', '-1'],
    ...['-vf', `select='${pictureSelection(frames)}',${pictureFormat(frames)}`],
    ...rawPictures(build),
    'pipe:1',
  ];
}

/** Fitted into the box. */
export function pictureFormat(frames: Pick<PicturePlan, 'width' | 'height'>): string {
  return `scale=${fitted(frames)}:flags=area,setsar=1,format=rgb24`;
}

/**
 * How decoded pictures are handed out: NUT gives each its timestamp and its size, which rawvideo has not; in the source's own time
 * base, because the encoder's is one frame, and that of a rate that may change. In 32 bits 90,000 a second would last 6.6 hours. Pure.
 */
export function rawPictures({ libavformat, hasNarrowTimestamps = false }: OutputBuild): string[] {
  const ownTimeBase = libavformat >= 61 ? 'demux' : '-1';
  return [
    ...passThrough(libavformat),
    ...['-enc_time_base', hasNarrowTimestamps ? NARROW_TIME_BASE : ownTimeBase],
    // Or pictures that get another shape in mid-stream would be stretched into the first one. Older versions know no other way.
    ...(libavformat >= 59 ? ['-autoscale', '0'] : []),
    // One thread: from 5.0 on even this encoder has frame threads, and keeps back as many pictures as it has of them.
    ...['-c:v', 'rawvideo', '-threads', '1', '-f', 'nut', '-write_index', '0', '-flush_packets', '1'],
  ];
}

/**
 * Which decoded pictures are taken. Where all are decoded: the first of each interval of the stream's time. Keyframes are far
 * apart: of those at hand the one nearest to the interval, but none that would make the gap before the next too long, which
 * is expected as far behind this one as this one is behind the last; where time goes backwards it is begun anew.
 */
function pictureSelection({ intervalSeconds, longestGapSeconds, sample = 1 }: PicturePlan): string {
  if (longestGapSeconds === undefined)
    return `isnan(prev_selected_t)+not(eq(floor(t/${intervalSeconds}),floor(prev_selected_t/${intervalSeconds})))`;
  const step = '(t-prev_t)';
  const gap = '(t-prev_selected_t)';
  const isNear = `gte(${gap},${intervalSeconds}-${step}/2)`;
  return `lt(selected_n,${sample})+lt(${gap},0)+${isNear}+gt(${gap}+${step},${longestGapSeconds})`;
}

/**
 * The largest size in the box that has the shape of the picture as it is to be seen, and is not larger than that. `sar` is how much
 * wider than high a pixel of the source is: broadcast video of 720 × 576 pixels is shown as 768 × 576 or 1024 × 576.
 */
function fitted({ width, height }: Pick<PicturePlan, 'width' | 'height'>): string {
  const w = `max(1,round(min(min(${width},iw*sar),${height}*dar)))`;
  return `w='${w}':h='min(${height},max(1,round(ow/dar)))'`;
}
