import { aspect, type OutputBuild, oneField, passThrough } from './picture-output.js';

/**
 * A further output for JSMpeg players: MPEG-1 video in MPEG-TS, every picture as soon as it is decoded. Nothing in the
 * source may make its encoder fail, for then ffmpeg would end as a whole. Pure.
 */
export interface MonitorPlan {
  /** Pixels. Every picture is fitted into this box, whatever the source's size becomes: the encoder's cannot change. */
  readonly width: number;
  readonly height: number;
  /** About this many pictures a second at most, up to 30. */
  readonly fps: number;
  /** Bits per second, at so many pictures. */
  readonly bitrate: number;
}

/** Where it comes out. */
export const MONITOR_URL = 'pipe:7';

/**
 * MPEG-1 knows some frame rates only, none under 24. This one is the highest: the timestamps, which players of live streams do
 * not look at, then never overtake the source's, and so do not show in ffmpeg's progress reports.
 */
const NOMINAL_FPS = 60;
/** How much nearer to each other than `fps` says two pictures may be: timestamps are rounded. */
const SLACK = 0.75;
/** The encoder counts for itself: timestamps of a source may go backwards, on which it would give up. */
const NO_TIMESTAMPS = `settb=1/${NOMINAL_FPS},setpts=NAN`;
/**
 * Where "none" is no timestamp that an encoder is given as it is, the source's time, slowed down so that pictures as near to
 * each other as they may be have one each, and counted on where it goes backwards. Counting alone would begin anew with each change
 * of the source's size.
 */
const SLOWED_TIMESTAMPS = `settb=1/${NOMINAL_FPS},setpts='if(isnan(PREV_OUTPTS),if(isnan(T),0,T*40),max(T*40,PREV_OUTPTS+1))'`;
/** Who joins waits for a keyframe. */
const KEYFRAMES_PER_SECOND = 2;

export function monitorOutput({ width, height, fps, bitrate }: MonitorPlan, build: OutputBuild): string[] {
  const bits = Math.round((bitrate * NOMINAL_FPS) / fps);
  const least = Math.round((SLACK / fps) * 1e6) / 1e6;
  const select = `isnan(prev_selected_t)+lt(t,prev_selected_t)+gte(t-prev_selected_t,${least})`;
  const timestamps = build.hasNarrowTimestamps ? SLOWED_TIMESTAMPS : NO_TIMESTAMPS;
  const box = `${width}:${height}`;
  const shape = aspect(build);
  const fitted = `w='min(${width},max(1,round(${height}*${shape})))':h='min(${height},max(1,round(${width}/${shape})))'`;
  const fit = `${oneField(build)}scale=${fitted}:flags=fast_bilinear,pad=${box}:(ow-iw)/2:(oh-ih)/2`;
  return [
    ...['-map', '0:V:0', '-an', '-sn', '-dn', '-map_metadata', '-1'],
    ...['-vf', `select='${select}',${fit},setsar=1,format=yuv420p,${timestamps}`],
    ...passThrough(build.options),
    ...['-enc_time_base', `1:${NOMINAL_FPS}`],
    ...[
      '-c:v',
      'mpeg1video',
      '-threads',
      '1',
      '-bf',
      '0',
      '-g',
      String(Math.max(1, Math.round(fps / KEYFRAMES_PER_SECOND))),
    ],
    ...['-b:v', String(bits), '-maxrate', String(bits * 2), '-bufsize', String(bits)],
    ...['-muxdelay', '0', '-muxpreload', '0', '-f', 'mpegts', '-flush_packets', '1', MONITOR_URL],
  ];
}
