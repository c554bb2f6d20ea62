/** The options of one ffmpeg build that differ between versions. Read from the build itself, never derived from its version. */
export interface BuildOptions {
  /** Each output has its own frame rate mode. Older builds have `-vsync` for all outputs, which newer builds removed. */
  readonly hasFpsMode: boolean;
  /** ffmpeg scales frames whose size changes mid-stream to the first size, unless `-noautoscale` is set. */
  readonly hasAutoscale: boolean;
  /** The name of the source's time base in `-enc_time_base`. Newer builds reject `-1`. */
  readonly sourceTimeBase: 'demux' | '-1';
  /** The name of the RTSP socket timeout, in microseconds. */
  readonly rtspTimeout: '-timeout' | '-stimeout';
  /** HLS segments without a known file extension are refused, unless `-extension_picky 0` is set. */
  readonly hasPickyHls: boolean;
  /** Progress reports contain the position of the slowest output, as in 7.0 and 7.1; otherwise of the furthest. */
  readonly reportsSlowest: boolean;
  /** A script of the `concat` demuxer can set options for its entries. */
  readonly hasConcatOptions: boolean;
  /** The Quick Sync encoder can make each forced keyframe an IDR frame. */
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
  /** The position reported at the end of two outputs of 0.5 s and 2 s. */
  readonly reportedSeconds: number | undefined;
  /** Whether a script with `option` was accepted. */
  readonly takesConcatOption: boolean;
}

/** Reads the options of a build from its own help. Pure. */
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

/** `-name  description`; since 7.0 with `[:<stream_spec>]` after the name. */
function lists(help: string, name: string): boolean {
  return new RegExp(`^\\s*-${name}(?:\\[|\\s)`, 'm').test(help);
}
