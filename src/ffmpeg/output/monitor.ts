import { aspect, type OutputBuild, oneField, passThrough } from './picture-output.js';

/**
 * An additional output for JSMpeg players: MPEG-1 video in MPEG-TS, each frame as soon as it is decoded. Nothing in the source may make
 * its encoder fail, because the whole ffmpeg process would end. Pure.
 */
export interface MonitorPlan {
  /** Pixels. Frames are scaled to fit this box whatever the source's size becomes, because the encoder's size cannot change. */
  readonly width: number;
  readonly height: number;
  /** Approximate maximum frame rate, up to 30. */
  readonly fps: number;
  /** Bits per second at that frame rate. */
  readonly bitrate: number;
}

/** The output's file descriptor. */
export const MONITOR_URL = 'pipe:7';

/**
 * MPEG-1 supports only a few frame rates, none below 24. With the highest one the timestamps, which live players ignore, never overtake
 * the source's, and so do not affect ffmpeg's progress reports.
 */
const NOMINAL_FPS = 60;
/** Tolerance for the distance between two frames, because timestamps are rounded. */
const SLACK = 0.75;
/** The encoder counts frames itself: it would fail on source timestamps that go backwards. */
const NO_TIMESTAMPS = `settb=1/${NOMINAL_FPS},setpts=NAN`;
/**
 * For builds that truncate the timestamp that means "none" before it reaches an encoder. The source's time is slowed down so that frames
 * at the minimum distance get distinct timestamps, and is continued if it goes backwards. Counting alone would restart with each change of
 * the source's frame size.
 */
const SLOWED_TIMESTAMPS = `settb=1/${NOMINAL_FPS},setpts='if(isnan(PREV_OUTPTS),if(isnan(T),0,T*40),max(T*40,PREV_OUTPTS+1))'`;
/** A new viewer waits for a keyframe. */
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
