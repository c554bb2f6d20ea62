import { snapshotOutput } from './valve.js';

/** How one output's video is made. */
export type VideoPlan =
  | { readonly kind: 'copy' }
  | {
      readonly kind: 'encode';
      /** Never enlarged: the least of this and the source's height. */
      readonly height: number;
      readonly bitrate: number;
      readonly fps: number | undefined;
      readonly preset: string;
    };

export interface StreamPlan {
  /** Everything up to and with `-i`. */
  readonly input: readonly string[];
  readonly video: VideoPlan;
  readonly audio: 'copy' | 'aac' | 'none';
  readonly hls: {
    /** Where segments and ffmpeg's playlist are PUT, with a trailing slash. */
    readonly url: string;
    readonly segmentSeconds: number;
    readonly container: 'mpegts' | 'fmp4';
  };
  readonly frames: {
    readonly intervalSeconds: number;
    readonly width: number;
    readonly height: number;
    /** Which pictures of a copied stream are decoded; keyframes where it is not told. */
    readonly decode?: 'keyframes' | 'references';
    /** Where decoded pictures are far apart: take one rather than be so late with the next. */
    readonly longestGapSeconds?: number;
    /** False: the source's packets are whole raw pictures, and when they are made is when they come. */
    readonly packetTimes?: boolean;
    /** So many are taken as they come at the beginning. */
    readonly sample?: number;
  };
  /** Whether pictures of full size can be asked for, on standard input. */
  readonly snapshots?: boolean;
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
  ];
}

/**
 * A copied stream is decoded for pictures only, so not all of it has to be. Keyframes are the least: a tenth of the work, but
 * as far apart as the source makes them, and with B-frames they come late. What no other picture refers to can always
 * be left out. One thread, because frame threads hand each picture out late by as many pictures as there are threads.
 */
function decoderArguments({ video, frames }: StreamPlan): string[] {
  if (video.kind !== 'copy') return [];
  return ['-threads', '1', '-skip_frame', frames.decode === 'references' ? 'noref' : 'nokey'];
}

function hlsOutput({ video, audio, hls }: StreamPlan): string[] {
  return [
    // Upper-case V: a cover picture in an audio file is not video.
    ...['-map', '0:V:0', ...videoArguments(video, hls.segmentSeconds)],
    ...(audio === 'none' ? [] : ['-map', '0:a:0?', ...audioArguments(audio, hls.container)]),
    ...['-sn', '-dn', '-map_metadata', '-1', '-max_muxing_queue_size', '1024'],
    // No delay before the first timestamp: both containers then begin where the source's timeline does.
    ...['-muxdelay', '0', '-f', 'hls', '-method', 'PUT', '-http_persistent', '0'],
    ...['-hls_time', String(hls.segmentSeconds), '-hls_list_size', '6', '-start_number', '0'],
    ...containerArguments(hls.container, hls.url),
    `${hls.url}index.m3u8`,
  ];
}

function videoArguments(video: VideoPlan, segmentSeconds: number): string[] {
  if (video.kind === 'copy') return ['-c:v', 'copy'];
  // By a filter: in older versions the pictures' `-vsync passthrough` is for all outputs, and `-r` would only slow the video.
  const rate = video.fps === undefined ? '' : `,fps=${video.fps}`;
  return [
    ...['-vf', `scale=-2:'min(${video.height},trunc(ih/2)*2)'${rate}`],
    ...['-c:v', 'libx264', '-preset', video.preset, '-pix_fmt', 'yuv420p', '-profile:v', 'high'],
    ...['-b:v', String(video.bitrate), '-maxrate', String(video.bitrate), '-bufsize', String(video.bitrate * 2)],
    // Keyframes where segments shall begin, and none between, whatever the frame rate is.
    ...['-g', '1000', '-keyint_min', '1', '-sc_threshold', '0', '-flags', '+cgop'],
    ...['-force_key_frames', `expr:gte(t,n_forced*${segmentSeconds})`],
  ];
}

function audioArguments(audio: 'copy' | 'aac', container: 'mpegts' | 'fmp4'): string[] {
  if (audio === 'aac') return ['-c:a', 'aac', '-b:a', '128k', '-ac', '2'];
  // AAC out of MPEG-TS has a header on each frame, which fMP4 cannot carry. AAC without is left as it is.
  return ['-c:a', 'copy', ...(container === 'fmp4' ? ['-bsf:a', 'aac_adtstoasc'] : [])];
}

function containerArguments(container: 'mpegts' | 'fmp4', url: string): string[] {
  if (container === 'mpegts') return ['-hls_segment_type', 'mpegts', '-hls_segment_filename', `${url}%d.ts`];
  return [
    ...['-hls_segment_type', 'fmp4', '-hls_fmp4_init_filename', 'init.mp4'],
    ...['-hls_segment_filename', `${url}%d.m4s`],
  ];
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
