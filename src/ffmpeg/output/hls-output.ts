import type { BuildOptions } from '../build-options.js';
import { deviceArguments, type Encoder, encoderArguments, formatFilter } from './encoders.js';
import { type AccessUnitPlan, accessUnitSlave } from './webrtc.js';

/** How the video of one rendition is made. */
export type VideoPlan =
  | { readonly kind: 'copy' }
  | {
      readonly kind: 'encode';
      readonly encoder: Encoder;
      /** Never enlarged: the minimum of this and the source's height. */
      readonly height: number;
      readonly bitrate: number;
      readonly fps: number | undefined;
      readonly preset: string;
    };

export interface RenditionPlan {
  readonly video: VideoPlan;
}

/**
 * How the source's audio is handled. `copy-aac`: copied to fMP4 without the ADTS headers that AAC has on each frame in MPEG-TS; the filter
 * that removes them rejects other codecs. `silence`: a silent track for a source without audio.
 */
export type AudioPlan = 'copy' | 'copy-aac' | 'aac' | 'silence' | 'none';

/** The HLS output for players. */
export interface HlsPlan {
  /** At least one. At most one is a copy. */
  readonly renditions: readonly RenditionPlan[];
  readonly audio: AudioPlan;
  /** Decoded video is deinterlaced. */
  readonly isInterlaced?: boolean;
  readonly hls: {
    readonly segmentSeconds: number;
    readonly container: 'mpegts' | 'fmp4';
    /** Whether copied H.264 has "end of sequence" units, which are meant for the thumbnail decoder and must not reach players. */
    readonly dropsSequenceEnds?: boolean;
    /** The codec tag of a copied codec in MP4, if players do not accept ffmpeg's default. */
    readonly videoTag?: string | undefined;
  };
  /** Access units for WebRTC; undefined: none. */
  readonly webrtc?: AccessUnitPlan | undefined;
  readonly options: BuildOptions;
}

/**
 * Start of each MPEG-TS timeline, in seconds. Reordered frames need timestamps before zero, which MPEG-TS does not have. By default ffmpeg
 * shifts each rendition by what that rendition needs, and players would jump when they switch renditions.
 */
export const TIMELINE_OFFSET_SECONDS = 1;

/** A keyframe at each multiple of the segment duration. Depends only on stream time, so it is the same in all renditions. */
function gridExpression(segmentSeconds: number): string {
  const cell = (time: string) => `floor((${time}+0.001)/${segmentSeconds})`;
  return `expr:not(eq(${cell('t')},${cell('prev_forced_t')}))`;
}

/** Arguments before the stream's input. */
export function hlsDevices({ renditions }: Pick<HlsPlan, 'renditions'>): string[] {
  return deviceArguments(renditions.flatMap(({ video }) => (video.kind === 'copy' ? [] : [video.encoder])));
}

/** Arguments after the stream's input. */
export function hlsInputs({ audio }: Pick<HlsPlan, 'audio'>): string[] {
  return audio === 'silence' ? ['-f', 'lavfi', '-i', 'anullsrc=channel_layout=stereo:sample_rate=48000'] : [];
}

/** The file descriptor of the first rendition; the others follow. */
export const FIRST_MEDIA_FD = 8;
/**
 * How often ffmpeg outputs a fragment of MP4. The node cuts parts at frames, so this must only be much shorter than a part.
 */
const FRAGMENT_MICROSECONDS = 50_000;
/**
 * With `delay_moov` the header is written when the first frames are known, so that it is correct for every codec. Reordered frames get an
 * edit list, which the node applies. Not `negative_cts_offsets`: ffmpeg as a player shows such frames late.
 */
const MOVFLAGS = 'empty_moov+default_base_moof+delay_moov';

/**
 * One continuous stream per rendition, each on its own pipe; ffmpeg decodes the input once. The node cuts the segments. `accessUnitFd`: where
 * the first rendition's video also goes if WebRTC viewers get it.
 */
export function hlsOutputs(plan: HlsPlan, accessUnitFd?: number): string[] {
  return plan.renditions.flatMap(({ video }, index) => {
    const isTapped = index === 0 && plan.webrtc?.video === 'rendition';
    return hlsOutput(video, index, plan, isTapped ? accessUnitFd : undefined);
  });
}

function hlsOutput(video: VideoPlan, index: number, plan: HlsPlan, accessUnitFd: number | undefined): string[] {
  const { audio, hls } = plan;
  const url = `pipe:${FIRST_MEDIA_FD + index}`;
  return [
    // Upper-case V: a cover image in an audio file is not video.
    ...['-map', '0:V:0', ...videoArguments(video, plan, accessUnitFd !== undefined)],
    ...audioArguments(audio),
    ...['-sn', '-dn', '-map_metadata', '-1', '-max_muxing_queue_size', '1024'],
    // If audio or video is missing, the other waits this long, in microseconds; the default is ten seconds.
    ...['-max_interleave_delta', '1000000'],
    ...(accessUnitFd === undefined
      ? [...containerArguments(hls.container), '-flush_packets', '1', url]
      : teeArguments(hls.container, url, accessUnitFd)),
  ];
}

/** Encoded once, written twice: to the rendition's pipe as without WebRTC, and its video as access units. */
function teeArguments(container: 'mpegts' | 'fmp4', url: string, accessUnitFd: number): string[] {
  const media =
    container === 'mpegts'
      ? `f=mpegts:max_delay=0:avoid_negative_ts=disabled:output_ts_offset=${TIMELINE_OFFSET_SECONDS}`
      : `f=mp4:movflags=${MOVFLAGS}:frag_duration=${FRAGMENT_MICROSECONDS}`;
  const slave = `[${media}:max_interleave_delta=1000000:flush_packets=1]${url}`;
  return ['-avoid_negative_ts', 'disabled', '-f', 'tee', `${slave}|${accessUnitSlave(accessUnitFd)}`];
}

/** Whether encoded renditions exist besides the source's own video, which determines the keyframes. */
function followsSource({ renditions }: HlsPlan): boolean {
  return renditions.some(({ video }) => video.kind === 'copy');
}

function videoArguments(video: VideoPlan, plan: HlsPlan, isTapped: boolean): string[] {
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
    ...encoderArguments({
      ...{ ...video, segmentSeconds, reorder: container === 'mpegts' && !isTapped, options },
      isImmediate: isTapped,
      // ffmpeg sets this itself where it knows the container.
      hasGlobalHeader: isTapped && container === 'fmp4',
    }),
    ...['-force_key_frames', follows ? 'source' : gridExpression(segmentSeconds)],
    ...(options.hasFpsMode ? ['-fps_mode', 'vfr'] : []),
    ...timeBase(video, follows, options),
  ];
}

/**
 * Keeps each frame's capture time. The encoder's own time base is one frame long and would round irregular times. At a constant rate that
 * is right, and with the source's time base ffmpeg's playlist would count the source's frames.
 */
function timeBase(
  { fps }: { readonly fps: number | undefined },
  follows: boolean,
  { sourceTimeBase }: BuildOptions,
): string[] {
  if (fps !== undefined && !follows) return [];
  return ['-enc_time_base', sourceTimeBase];
}

/** Frames marked as progressive, which a source may send in between, pass unchanged. */
function deinterlacer({ isInterlaced = false }: HlsPlan): string[] {
  return isInterlaced ? ['yadif=deint=interlaced'] : [];
}

function scaleFilter({ height }: { readonly height: number }): string[] {
  return [`scale=-2:'min(${height},trunc(ih/2)*2)'`];
}

/**
 * With a filter: in older versions `-vsync passthrough` for the thumbnails applies to all outputs, and `-r` would only slow the video
 * down. If keyframes come from the source, the filter never drops them.
 */
function rateFilter(
  { fps }: { readonly fps: number | undefined },
  follows: boolean,
  { hasFpsMode }: BuildOptions,
): string[] {
  if (fps === undefined) return [];
  const cell = (time: string) => `floor((${time}+0.001)*${fps})`;
  if (follows) return [`select='key+not(eq(${cell('t')},${cell('prev_selected_t')}))'`];
  // Older versions request frames for the output that is furthest behind, which is the closed snapshot output, and `fps` duplicates frames
  // only when it is asked for them.
  return [hasFpsMode ? `fps=${fps}` : `minterpolate=fps=${fps}:mi_mode=dup`];
}

function audioArguments(audio: AudioPlan): string[] {
  // One sampling rate for all: at the 8 kHz of G.711 the encoder alone would delay audio by a quarter of a second.
  const aac = ['-c:a', 'aac', '-b:a', '128k', '-ac', '2', '-ar', '48000'];
  const copy = ['-map', '0:a:0?', '-c:a', 'copy'];
  switch (audio) {
    case 'none':
      return [];
    case 'silence':
      return ['-map', '1:a:0', ...aac, '-shortest'];
    case 'aac':
      // Gaps in the audio are filled with silence, so that later audio is on time.
      return ['-map', '0:a:0?', ...aac, '-af', 'aresample=async=1:first_pts=0'];
    case 'copy':
      // Older versions mark Opus and FLAC in MP4 as experimental.
      return [...copy, '-strict', 'experimental'];
    case 'copy-aac':
      return [...copy, '-bsf:a', 'aac_adtstoasc'];
  }
}

function containerArguments(container: 'mpegts' | 'fmp4'): string[] {
  if (container === 'mpegts') {
    // No delay before the first timestamp, so the timeline starts where the source's does.
    const timeline = ['-muxdelay', '0', '-avoid_negative_ts', 'disabled'];
    return [...timeline, '-output_ts_offset', String(TIMELINE_OFFSET_SECONDS), '-f', 'mpegts'];
  }
  return ['-f', 'mp4', '-movflags', MOVFLAGS, '-frag_duration', String(FRAGMENT_MICROSECONDS)];
}
