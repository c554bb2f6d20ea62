/** How one build of ffmpeg spells the options that differ between versions. Asked of the build, never derived from its version. */
export interface BuildOptions {
  /** An output has its own frame rate mode. Older builds have `-vsync` for all outputs at once, which newer ones lack. */
  readonly hasFpsMode: boolean;
  /** ffmpeg scales pictures that change their size in mid-stream to the first one's, unless `-noautoscale` is set. */
  readonly hasAutoscale: boolean;
  /** How `-enc_time_base` names the source's own time base. Newer builds reject `-1`. */
  readonly sourceTimeBase: 'demux' | '-1';
  /** How long an RTSP socket waits, in microseconds. */
  readonly rtspTimeout: '-timeout' | '-stimeout';
  /** HLS segments are refused where their names lack a known extension, unless `-extension_picky 0` is set. */
  readonly hasPickyHls: boolean;
  /** Progress reports tell how far the slowest output is, as in 7.0 and 7.1; in others the furthest. */
  readonly reportsSlowest: boolean;
  /** A script of the `concat` demuxer can set options of what it names. */
  readonly hasConcatOptions: boolean;
  /** The Quick Sync encoder can make each forced keyframe an IDR picture. */
  readonly hasQsvForcedIdr: boolean;
}

export interface PrintedHelp {
  /** `ffmpeg -h long`. */
  readonly main: string;
  /** `ffmpeg -h demuxer=rtsp`. */
  readonly rtsp: string;
  /** `ffmpeg -h demuxer=hls`. */
  readonly hls: string;
  /** `ffmpeg -h encoder=h264_qsv`. */
  readonly qsv: string;
  /** Whether `-enc_time_base demux` was accepted. */
  readonly takesDemuxTimeBase: boolean;
  /** What was reported at the end of two outputs, one of half a second and one of two. */
  readonly reportedSeconds: number | undefined;
  /** Whether a script with `option` was accepted. */
  readonly takesConcatOption: boolean;
}

/** Reads what a build has from its own help. Pure. */
export function buildOptionsOf({
  main,
  rtsp,
  hls,
  qsv,
  takesDemuxTimeBase,
  takesConcatOption,
  reportedSeconds = 2,
}: PrintedHelp): BuildOptions {
  return {
    hasFpsMode: lists(main, 'fps_mode'),
    hasAutoscale: lists(main, 'autoscale'),
    sourceTimeBase: takesDemuxTimeBase ? 'demux' : '-1',
    rtspTimeout: lists(rtsp, 'stimeout') ? '-stimeout' : '-timeout',
    hasPickyHls: lists(hls, 'extension_picky'),
    reportsSlowest: reportedSeconds < 1,
    hasConcatOptions: takesConcatOption,
    hasQsvForcedIdr: lists(qsv, 'forced_idr'),
  };
}

/** `-name  what it does`; from 7.0 on with `[:<stream_spec>]` behind the name. */
function lists(help: string, name: string): boolean {
  return new RegExp(`^\\s*-${name}(?:\\[|\\s)`, 'm').test(help);
}
