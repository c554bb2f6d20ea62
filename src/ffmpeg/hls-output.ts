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

/** What is made of the input for players. */
export interface HlsPlan {
  readonly video: VideoPlan;
  readonly audio: 'copy' | 'aac' | 'none';
  readonly hls: {
    /** Where segments and ffmpeg's playlist are PUT, with a trailing slash. */
    readonly url: string;
    readonly segmentSeconds: number;
    readonly container: 'mpegts' | 'fmp4';
    /** Whether copied H.264 has "end of sequence" units, meant for the decoder of pictures, that players must not get. */
    readonly dropsSequenceEnds?: boolean;
  };
}

/** HLS, PUT to the receiver on loopback. Pure. */
export function hlsOutput({ video, audio, hls }: HlsPlan): string[] {
  return [
    // Upper-case V: a cover picture in an audio file is not video.
    ...['-map', '0:V:0', ...videoArguments(video, hls)],
    ...(audio === 'none' ? [] : ['-map', '0:a:0?', ...audioArguments(audio, hls.container)]),
    ...['-sn', '-dn', '-map_metadata', '-1', '-max_muxing_queue_size', '1024'],
    // No delay before the first timestamp: both containers then begin where the source's timeline does.
    ...['-muxdelay', '0', '-f', 'hls', '-method', 'PUT', '-http_persistent', '0'],
    ...['-hls_time', String(hls.segmentSeconds), '-hls_list_size', '6', '-start_number', '0'],
    ...containerArguments(hls.container, hls.url),
    `${hls.url}index.m3u8`,
  ];
}

function videoArguments(video: VideoPlan, { segmentSeconds, dropsSequenceEnds = false }: HlsPlan['hls']): string[] {
  if (video.kind === 'copy')
    return ['-c:v', 'copy', ...(dropsSequenceEnds ? ['-bsf:v', 'filter_units=remove_types=10'] : [])];
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
