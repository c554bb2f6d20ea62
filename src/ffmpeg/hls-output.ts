import { deviceArguments, type Encoder, encoderArguments, formatFilter } from './encoders.js';

/** How one rendition's video is made. */
export type VideoPlan =
  | { readonly kind: 'copy' }
  | {
      readonly kind: 'encode';
      readonly encoder: Encoder;
      /** Never enlarged: the least of this and the source's height. */
      readonly height: number;
      readonly bitrate: number;
      readonly fps: number | undefined;
      readonly preset: string;
    };

export interface RenditionPlan {
  /** Where segments and ffmpeg's playlist are PUT, with a trailing slash. */
  readonly url: string;
  readonly video: VideoPlan;
}

/** What is made of the input for players. */
export interface HlsPlan {
  /** At least one. At most one is a copy. */
  readonly renditions: readonly RenditionPlan[];
  /** `silence`: encoded, of a source that has no sound. */
  readonly audio: 'copy' | 'aac' | 'silence' | 'none';
  readonly hls: {
    readonly segmentSeconds: number;
    readonly container: 'mpegts' | 'fmp4';
    /** Whether copied H.264 has "end of sequence" units, meant for the decoder of pictures, that players must not get. */
    readonly dropsSequenceEnds?: boolean;
    /** The name of a copied codec in MP4, where ffmpeg's own choice is not what players know. */
    readonly videoTag?: string | undefined;
  };
  /** Major version of libavformat. */
  readonly libavformat: number;
}

/**
 * Where each MPEG-TS timeline begins, in seconds. What the encoder reorders needs times before zero, which MPEG-TS has not: left
 * to itself, ffmpeg moves each rendition by what that rendition needs, and players would jump when they change.
 */
export const TIMELINE_OFFSET_SECONDS = 1;

/** A keyframe at each multiple of the segment's length: of the stream's time alone, so the same in all renditions. */
function gridExpression(segmentSeconds: number): string {
  const cell = (time: string) => `floor((${time}+0.001)/${segmentSeconds})`;
  return `expr:not(eq(${cell('t')},${cell('prev_forced_t')}))`;
}

/** What comes before the stream's input. */
export function hlsDevices({ renditions }: Pick<HlsPlan, 'renditions'>): string[] {
  return deviceArguments(renditions.flatMap(({ video }) => (video.kind === 'copy' ? [] : [video.encoder])));
}

/** What comes behind the stream's input. */
export function hlsInputs({ audio }: Pick<HlsPlan, 'audio'>): string[] {
  return audio === 'silence' ? ['-f', 'lavfi', '-i', 'anullsrc=channel_layout=stereo:sample_rate=48000'] : [];
}

/** HLS, PUT to the receivers on loopback: one output a rendition, for which ffmpeg decodes the input once. */
export function hlsOutputs(plan: HlsPlan): string[] {
  return plan.renditions.flatMap((rendition) => hlsOutput(rendition, plan));
}

function hlsOutput({ url, video }: RenditionPlan, plan: HlsPlan): string[] {
  const { audio, hls } = plan;
  return [
    // Upper-case V: a cover picture in an audio file is not video.
    ...['-map', '0:V:0', ...videoArguments(video, plan)],
    ...audioArguments(audio, hls.container),
    ...['-sn', '-dn', '-map_metadata', '-1', '-max_muxing_queue_size', '1024'],
    // Where sound or picture stays away, the other waits for it so long, in microseconds; ten seconds by itself.
    ...['-max_interleave_delta', '1000000'],
    ...timelineArguments(hls.container),
    ...['-f', 'hls', '-method', 'PUT', '-http_persistent', '0'],
    ...['-hls_time', String(leastSegmentSeconds(plan)), '-hls_list_size', '6', '-start_number', '0'],
    ...containerArguments(hls.container, url),
    `${url}index.m3u8`,
  ];
}

/** Whether encoded renditions stand beside the source's own video, whose keyframes are where they are. */
function followsSource({ renditions }: HlsPlan): boolean {
  return renditions.some(({ video }) => video.kind === 'copy');
}

/**
 * ffmpeg ends a segment at the first keyframe after as many of these as there were segments. Encoded video alone has keyframes
 * nowhere else than where segments begin, so any time will do that is more than sound may begin before video. Beside a copy, a little less than what is asked for: the renditions' clocks
 * begin some milliseconds apart, and a keyframe that comes just on time must be late enough for each.
 */
function leastSegmentSeconds(plan: HlsPlan): number {
  const { segmentSeconds } = plan.hls;
  if (!followsSource(plan)) return segmentSeconds / 4;
  return plan.renditions.length === 1 ? segmentSeconds : segmentSeconds * 0.95;
}

function videoArguments(video: VideoPlan, plan: HlsPlan): string[] {
  const { hls, libavformat } = plan;
  if (video.kind === 'copy') {
    return [
      ...['-c:v', 'copy', ...(hls.videoTag === undefined ? [] : ['-tag:v', hls.videoTag])],
      ...(hls.dropsSequenceEnds ? ['-bsf:v', 'filter_units=remove_types=10'] : []),
    ];
  }
  const follows = followsSource(plan);
  const { segmentSeconds, container } = hls;
  return [
    ...['-vf', [...scaleFilter(video), ...rateFilter(video, follows), formatFilter(video.encoder)].join(',')],
    ...encoderArguments({ ...video, segmentSeconds, reorder: container === 'mpegts', libavformat }),
    ...['-force_key_frames', follows ? 'source' : gridExpression(segmentSeconds)],
    ...(libavformat >= 60 ? ['-fps_mode', 'vfr'] : []),
    ...timeBase(video, follows, libavformat),
  ];
}

/**
 * Each picture when it was taken: the encoder's own time base is one picture long, to which what trembles would be rounded. At a
 * steady rate that is right, and the source's would make ffmpeg's playlist count the source's pictures.
 */
function timeBase({ fps }: { readonly fps: number | undefined }, follows: boolean, libavformat: number): string[] {
  if (fps !== undefined && !follows) return [];
  return ['-enc_time_base', libavformat >= 61 ? 'demux' : '-1'];
}

function scaleFilter({ height }: { readonly height: number }): string[] {
  return [`scale=-2:'min(${height},trunc(ih/2)*2)'`];
}

/**
 * By a filter: in older versions the pictures' `-vsync passthrough` is for all outputs, and `-r` would only slow the video. Where
 * keyframes come from the source they are not among those that are left out.
 */
function rateFilter({ fps }: { readonly fps: number | undefined }, follows: boolean): string[] {
  if (fps === undefined) return [];
  const cell = (time: string) => `floor((${time}+0.001)*${fps})`;
  return follows ? [`select='key+not(eq(${cell('t')},${cell('prev_selected_t')}))'`] : [`fps=${fps}`];
}

function audioArguments(audio: HlsPlan['audio'], container: 'mpegts' | 'fmp4'): string[] {
  const aac = ['-c:a', 'aac', '-b:a', '128k', '-ac', '2'];
  switch (audio) {
    case 'none':
      return [];
    case 'silence':
      return ['-map', '1:a:0', ...aac, '-shortest'];
    case 'aac':
      // Where sound is missing for a while there is silence, so that what follows is on time.
      return ['-map', '0:a:0?', ...aac, '-af', 'aresample=async=1:first_pts=0'];
    case 'copy':
      // AAC out of MPEG-TS has a header on each frame, which fMP4 cannot carry. AAC without is left as it is.
      return ['-map', '0:a:0?', '-c:a', 'copy', ...(container === 'fmp4' ? ['-bsf:a', 'aac_adtstoasc'] : [])];
  }
}

function timelineArguments(container: 'mpegts' | 'fmp4'): string[] {
  // No delay before the first timestamp: both containers then begin where the source's timeline does.
  if (container === 'fmp4') return ['-muxdelay', '0'];
  return ['-muxdelay', '0', '-avoid_negative_ts', 'disabled', '-output_ts_offset', String(TIMELINE_OFFSET_SECONDS)];
}

function containerArguments(container: 'mpegts' | 'fmp4', url: string): string[] {
  if (container === 'mpegts') return ['-hls_segment_type', 'mpegts', '-hls_segment_filename', `${url}%d.ts`];
  return [
    ...['-hls_segment_type', 'fmp4', '-hls_fmp4_init_filename', 'init.mp4'],
    ...['-hls_segment_filename', `${url}%d.m4s`],
  ];
}
