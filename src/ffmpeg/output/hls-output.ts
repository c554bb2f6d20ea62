import type { BuildOptions } from '../build-options.js';
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
  readonly video: VideoPlan;
}

/**
 * What becomes of the source's audio. `copy-aac`: copied to fMP4 without the ADTS headers that AAC from MPEG-TS has on each frame; the
 * filter that removes them rejects other codecs. `silence`: a silent track for a source without audio.
 */
export type AudioPlan = 'copy' | 'copy-aac' | 'aac' | 'silence' | 'none';

/** What is made of the input for players. */
export interface HlsPlan {
  /** At least one. At most one is a copy. */
  readonly renditions: readonly RenditionPlan[];
  readonly audio: AudioPlan;
  /** What is decoded is deinterlaced. */
  readonly isInterlaced?: boolean;
  readonly hls: {
    readonly segmentSeconds: number;
    readonly container: 'mpegts' | 'fmp4';
    /** Whether copied H.264 has "end of sequence" units, meant for the decoder of pictures, that players must not get. */
    readonly dropsSequenceEnds?: boolean;
    /** The name of a copied codec in MP4, where ffmpeg's own choice is not what players know. */
    readonly videoTag?: string | undefined;
  };
  readonly options: BuildOptions;
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

/** The file descriptor on which the first rendition comes; the others follow. */
export const FIRST_MEDIA_FD = 8;
/**
 * How often ffmpeg hands out what it has of a fragmented MP4. The node cuts parts at frames, so this only has to be much shorter than a
 * part.
 */
const FRAGMENT_MICROSECONDS = 50_000;

/** One continuous stream a rendition, each on a pipe of its own, for which ffmpeg decodes the input once. The node cuts them. */
export function hlsOutputs(plan: HlsPlan): string[] {
  return plan.renditions.flatMap(({ video }, index) => hlsOutput(video, index, plan));
}

function hlsOutput(video: VideoPlan, index: number, plan: HlsPlan): string[] {
  const { audio, hls } = plan;
  return [
    // Upper-case V: a cover picture in an audio file is not video.
    ...['-map', '0:V:0', ...videoArguments(video, plan)],
    ...audioArguments(audio),
    ...['-sn', '-dn', '-map_metadata', '-1', '-max_muxing_queue_size', '1024'],
    // Where sound or picture stays away, the other waits for it so long, in microseconds; ten seconds by itself.
    ...['-max_interleave_delta', '1000000'],
    ...containerArguments(hls.container),
    ...['-flush_packets', '1', `pipe:${FIRST_MEDIA_FD + index}`],
  ];
}

/** Whether encoded renditions stand beside the source's own video, whose keyframes are where they are. */
function followsSource({ renditions }: HlsPlan): boolean {
  return renditions.some(({ video }) => video.kind === 'copy');
}

function videoArguments(video: VideoPlan, plan: HlsPlan): string[] {
  const { hls, options } = plan;
  if (video.kind === 'copy') {
    return [
      ...['-c:v', 'copy', ...(hls.videoTag === undefined ? [] : ['-tag:v', hls.videoTag])],
      ...(hls.dropsSequenceEnds ? ['-bsf:v', 'filter_units=remove_types=10'] : []),
    ];
  }
  const follows = followsSource(plan);
  const { segmentSeconds, container } = hls;
  return [
    ...[
      '-vf',
      [
        ...deinterlacer(plan),
        ...scaleFilter(video),
        ...rateFilter(video, follows, options),
        formatFilter(video.encoder),
      ].join(','),
    ],
    ...encoderArguments({ ...video, segmentSeconds, reorder: container === 'mpegts', options }),
    ...['-force_key_frames', follows ? 'source' : gridExpression(segmentSeconds)],
    ...(options.hasFpsMode ? ['-fps_mode', 'vfr'] : []),
    ...timeBase(video, follows, options),
  ];
}

/**
 * Each picture when it was taken: the encoder's own time base is one picture long, to which what trembles would be rounded. At a
 * steady rate that is right, and the source's would make ffmpeg's playlist count the source's pictures.
 */
function timeBase(
  { fps }: { readonly fps: number | undefined },
  follows: boolean,
  { sourceTimeBase }: BuildOptions,
): string[] {
  if (fps !== undefined && !follows) return [];
  return ['-enc_time_base', sourceTimeBase];
}

/** Pictures that are marked as progressive, which a source may send between others, pass as they are. */
function deinterlacer({ isInterlaced = false }: HlsPlan): string[] {
  return isInterlaced ? ['yadif=deint=interlaced'] : [];
}

function scaleFilter({ height }: { readonly height: number }): string[] {
  return [`scale=-2:'min(${height},trunc(ih/2)*2)'`];
}

/**
 * By a filter: in older versions the pictures' `-vsync passthrough` is for all outputs, and `-r` would only slow the video. Where
 * keyframes come from the source they are not among those that are left out.
 */
function rateFilter(
  { fps }: { readonly fps: number | undefined },
  follows: boolean,
  { hasFpsMode }: BuildOptions,
): string[] {
  if (fps === undefined) return [];
  const cell = (time: string) => `floor((${time}+0.001)*${fps})`;
  if (follows) return [`select='key+not(eq(${cell('t')},${cell('prev_selected_t')}))'`];
  // Older versions ask the output that is furthest behind for pictures, which is that of snapshots, closed; and `fps` gives a picture more
  // than it gets only when it is asked.
  return [hasFpsMode ? `fps=${fps}` : `minterpolate=fps=${fps}:mi_mode=dup`];
}

function audioArguments(audio: AudioPlan): string[] {
  // One rate for all: at the 8 kHz of G.711 the encoder alone would delay audio by a quarter of a second.
  const aac = ['-c:a', 'aac', '-b:a', '128k', '-ac', '2', '-ar', '48000'];
  const copy = ['-map', '0:a:0?', '-c:a', 'copy'];
  switch (audio) {
    case 'none':
      return [];
    case 'silence':
      return ['-map', '1:a:0', ...aac, '-shortest'];
    case 'aac':
      // Where sound is missing for a while there is silence, so that what follows is on time.
      return ['-map', '0:a:0?', ...aac, '-af', 'aresample=async=1:first_pts=0'];
    case 'copy':
      // Older versions call Opus and FLAC in MP4 experimental.
      return [...copy, '-strict', 'experimental'];
    case 'copy-aac':
      return [...copy, '-bsf:a', 'aac_adtstoasc'];
  }
}

function containerArguments(container: 'mpegts' | 'fmp4'): string[] {
  if (container === 'mpegts') {
    // No delay before the first timestamp: the timeline then starts where the source's does.
    const timeline = ['-muxdelay', '0', '-avoid_negative_ts', 'disabled'];
    return [...timeline, '-output_ts_offset', String(TIMELINE_OFFSET_SECONDS), '-f', 'mpegts'];
  }
  // With `delay_moov` the header is written once the first frames are known, so that it is right for every codec. Reordered pictures get
  // an edit list, which the node applies. Not `negative_cts_offsets`: ffmpeg as a player shows such pictures late.
  const movflags = 'empty_moov+default_base_moof+delay_moov';
  return ['-f', 'mp4', '-movflags', movflags, '-frag_duration', String(FRAGMENT_MICROSECONDS)];
}
