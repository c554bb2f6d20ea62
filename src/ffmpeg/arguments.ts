import { type HlsPlan, hlsOutput } from './hls-output.js';
import { type MonitorPlan, monitorOutput } from './monitor.js';
import { snapshotOutput } from './valve.js';

export interface StreamPlan extends HlsPlan {
  /** Everything up to and with `-i`. */
  readonly input: readonly string[];
  readonly frames: {
    readonly intervalSeconds: number;
    readonly width: number;
    readonly height: number;
    /** Which pictures of a copied stream are decoded; keyframes where it is not told. */
    readonly decode?: 'keyframes' | 'references' | 'all';
    /** False: keyframes are decoded without the codec's loop filter. */
    readonly deblock?: boolean;
    /** Where decoded pictures are far apart: take one rather than be so late with the next. */
    readonly longestGapSeconds?: number;
    /** False: the source's packets are whole raw pictures, and when they are made is when they come. */
    readonly packetTimes?: boolean;
    /** So many are taken as they come at the beginning. */
    readonly sample?: number;
  };
  /** Whether pictures of full size can be asked for, on standard input. */
  readonly snapshots?: boolean;
  readonly monitor?: MonitorPlan;
  /** Major version of libavformat. */
  readonly libavformat: number;
}

/** The file descriptor on which ffmpeg reports its progress. */
const PROGRESS_URL = 'pipe:3';
/** Where the times of the first packets are told. */
const PACKETS_URL = 'pipe:4';
/** For so long. Each line costs the node as much as a read, and what they say holds for good. */
const PACKETS_SECONDS = 5;

/** The whole command line of a stream's one ffmpeg process: one input, HLS to loopback, raw frames on stdout. Pure. */
export function ffmpegArguments(plan: StreamPlan): string[] {
  return [
    ...(plan.snapshots ? [] : ['-nostdin']),
    ...['-hide_banner', '-nostats', '-loglevel', 'level+info', '-progress', PROGRESS_URL],
    ...decoderArguments(plan),
    ...plan.input,
    ...hlsOutput(plan),
    ...framesOutput(plan),
    ...packetTimes(plan),
    ...(plan.snapshots ? snapshotOutput(plan.libavformat) : []),
    ...(plan.monitor === undefined ? [] : monitorOutput(plan.monitor, plan.libavformat)),
  ];
}

/**
 * A copied stream is decoded for pictures only, so not all of it has to be. Keyframes are the least: a tenth of the work, but
 * as far apart as the source makes them, and with B-frames they come late. What no other picture refers to can always
 * be left out. One thread, because frame threads hand each picture out late by as many pictures as there are threads.
 * The loop filter smooths block edges, which a much smaller picture does not show; only where no other picture is made
 * from this one, or its faults would add up.
 */
function decoderArguments({ video, frames }: StreamPlan): string[] {
  if (video.kind !== 'copy') return [];
  if (frames.decode === 'all') return ['-threads', '1'];
  if (frames.decode === 'references') return ['-threads', '1', '-skip_frame', 'noref'];
  return ['-threads', '1', '-skip_frame', 'nokey', ...(frames.deblock === false ? ['-skip_loop_filter', 'all'] : [])];
}

/**
 * Which decoded pictures are taken. Where all are decoded: the first of each interval of the stream's time. Keyframes are far
 * apart: of those at hand the one nearest to the interval, but none that would make the gap before the next too long, which
 * is expected as far behind this one as this one is behind the last; where time goes backwards it is begun anew.
 */
function pictureSelection({ intervalSeconds, longestGapSeconds, sample = 1 }: StreamPlan['frames']): string {
  if (longestGapSeconds === undefined)
    return `isnan(prev_selected_t)+gt(floor(t/${intervalSeconds}),floor(prev_selected_t/${intervalSeconds}))`;
  const step = '(t-prev_t)';
  const gap = '(t-prev_selected_t)';
  const isNear = `gte(${gap},${intervalSeconds}-${step}/2)`;
  return `lt(selected_n,${sample})+lt(${gap},0)+${isNear}+gt(${gap}+${step},${longestGapSeconds})`;
}

/**
 * Pictures as NUT on stdout, fitted into a fixed box. NUT gives each its timestamp and its size, which rawvideo has not; in
 * the source's own time base, because the encoder's is one frame, and that of a rate that may change.
 */
function framesOutput({ frames, libavformat }: StreamPlan): string[] {
  const { width, height } = frames;
  const box = `w='min(${width},iw)':h='min(${height},ih)':force_original_aspect_ratio=decrease`;
  return [
    ...['-map', '0:V:0', '-an', '-sn', '-dn', '-map_metadata', '-1'],
    ...['-vf', `select='${pictureSelection(frames)}',scale=${box}:flags=area,setsar=1,format=rgb24`],
    // Each picture once, when it comes: a constant rate would repeat and delay them.
    ...(libavformat >= 60 ? ['-fps_mode', 'passthrough'] : ['-vsync', 'passthrough']),
    ...['-enc_time_base', libavformat >= 61 ? 'demux' : '-1'],
    ...['-c:v', 'rawvideo', '-f', 'nut', '-write_index', '0', '-flush_packets', '1', 'pipe:1'],
  ];
}

/**
 * The presentation times of the source's packets as they come in, a line each, for the first seconds: they say when a picture was
 * taken, which neither its own arrival does, with all that decoding takes, nor the progress reports, which tell decoding times.
 */
function packetTimes({ frames }: StreamPlan): string[] {
  if (frames.packetTimes === false) return [];
  return [
    ...['-map', '0:V:0', '-an', '-sn', '-dn', '-c:v', 'copy', '-t', String(PACKETS_SECONDS)],
    // Timestamps as they are: no delay before the first, and none moved for those before zero.
    ...['-muxdelay', '0', '-avoid_negative_ts', 'disabled', '-f', 'mpegts', '-flush_packets', '1', PACKETS_URL],
  ];
}
