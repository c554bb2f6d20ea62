import { FIRST_MEDIA_FD, type HlsPlan, hlsDevices, hlsInputs, hlsOutputs } from './hls-output.js';
import { type MonitorPlan, monitorOutput } from './monitor.js';
import { framesOutput, type OutputBuild, type PicturePlan } from './picture-output.js';
import { snapshotOutput } from './valve.js';
import { webrtcOutputs } from './webrtc.js';

export interface StreamPlan extends HlsPlan, OutputBuild {
  /** The largest frame that is decoded, width × height; undefined: no limit. */
  readonly maxPixels?: number | undefined;
  /** All arguments up to and including `-i`. */
  readonly input: readonly string[];
  readonly frames: PicturePlan & {
    /** Which frames of a copied stream are decoded. Default: keyframes. */
    readonly decode?: 'keyframes' | 'references' | 'all';
    /** False: keyframes are decoded without the codec's loop filter. */
    readonly deblock?: boolean;
    /** False: the source's packets are complete raw frames, which arrive when they are captured. */
    readonly packetTimes?: boolean;
  };
  /** Whether full-size frames can be requested, on standard input. */
  readonly snapshots?: boolean;
  readonly monitor?: MonitorPlan;
  /** The source announces audio but sent none: it is left out, and reported when it starts. */
  readonly awaitsAudio?: boolean;
}

/** The file descriptor for ffmpeg's progress reports. */
const PROGRESS_URL = 'pipe:3';
/** The output for the times of the first packets. */
const PACKETS_URL = 'pipe:4';
/** How long that output runs. Each packet costs the node one read, and the result stays valid. */
const PACKETS_SECONDS = 5;

/** One second of awaited audio shows that it is there to stay, and costs the node one read per second. */
const AWAITED_AUDIO_RATE = 8000;

/** The file descriptor of the first output for WebRTC: after those of the renditions and of awaited audio. */
function firstAccessUnitFd({ renditions, awaitsAudio = false }: StreamPlan): number {
  return FIRST_MEDIA_FD + renditions.length + (awaitsAudio ? 1 : 0);
}

/** An output that discards everything: ffmpeg's reports about it show the position of the source's packets. */
const nothing = ['-map', '0:V:0', '-an', '-sn', '-dn', '-c:v', 'copy', '-f', 'null', '-'];

/** The complete command line of a stream's one ffmpeg process: one source, media on pipes, raw frames on stdout. Pure. */
export function ffmpegArguments(plan: StreamPlan): string[] {
  return [
    ...(plan.snapshots ? [] : ['-nostdin']),
    ...['-hide_banner', '-nostats', '-loglevel', 'level+info', '-progress', PROGRESS_URL],
    ...hlsDevices(plan),
    ...decoderArguments(plan),
    ...pictureLimit(plan),
    ...plan.input,
    ...hlsInputs(plan),
    ...(plan.renditions.length === 0 ? nothing : hlsOutputs(plan, firstAccessUnitFd(plan))),
    ...framesOutput(plan.frames, plan),
    ...packetTimes(plan),
    ...(plan.snapshots ? snapshotOutput(plan) : []),
    ...(plan.monitor === undefined ? [] : monitorOutput(plan.monitor, plan)),
    ...(plan.awaitsAudio ? awaitedAudio(plan) : []),
    ...(plan.webrtc === undefined ? [] : webrtcOutputs(plan.webrtc, firstAccessUnitFd(plan))),
  ];
}

/**
 * Outputs bytes for each second of decodable audio, and nothing before. Decoded, because a copy cannot start before the sampling rate is
 * known.
 */
function awaitedAudio({ renditions }: StreamPlan): string[] {
  return [
    ...['-map', '0:a:0', '-vn', '-sn', '-dn', '-map_metadata', '-1'],
    ...[
      '-af',
      `aformat=sample_rates=${AWAITED_AUDIO_RATE}:channel_layouts=mono,asetnsamples=n=${AWAITED_AUDIO_RATE}:p=0`,
    ],
    ...['-c:a', 'pcm_u8', '-f', 'u8', '-flush_packets', '1', `pipe:${FIRST_MEDIA_FD + renditions.length}`],
  ];
}

/**
 * A copied stream is decoded only for thumbnails, so not all of it must be decoded. Keyframes are the minimum: a tenth of the work, but
 * as far apart as the source sends them, and late with B-frames. Non-reference frames can always be skipped. One thread, because frame
 * threads delay each frame by as many frames as there are threads. The loop filter smooths block edges, which a much smaller image does
 * not show. It is skipped only if no other frame is predicted from this one, because errors would accumulate.
 */
function decoderArguments({ renditions, frames }: StreamPlan): string[] {
  if (renditions.some(({ video }) => video.kind === 'encode')) return [];
  if (frames.decode === 'all') return ['-threads', '1'];
  if (frames.decode === 'references') return ['-threads', '1', '-skip_frame', 'noref'];
  return ['-threads', '1', '-skip_frame', 'nokey', ...(frames.deblock === false ? ['-skip_loop_filter', 'all'] : [])];
}

/**
 * The presentation times of the source's packets as they arrive, one line each, for the first seconds. They show when a frame was
 * captured. The frame's own arrival does not, because decoding takes time, and progress reports contain decoding times.
 */
function packetTimes({ frames }: StreamPlan): string[] {
  if (frames.packetTimes === false) return [];
  return [
    ...['-map', '0:V:0', '-an', '-sn', '-dn', '-c:v', 'copy'],
    ...['-t', String(PACKETS_SECONDS)],
    // Unchanged timestamps: no delay before the first one, and no shift for negative ones.
    ...['-muxdelay', '0', '-avoid_negative_ts', 'disabled', '-f', 'mpegts', '-flush_packets', '1', PACKETS_URL],
  ];
}

/** The memory that ffmpeg needs in a single allocation for anything else: file indexes, packets. */
const OTHER_BYTES = 64 * 1024 ** 2;
/** The maximum number of bytes per pixel in one plane of a frame. */
const BYTES_PER_PIXEL = 4;

/**
 * A hostile source must not make ffmpeg allocate gigabytes. `max_pixels` stops the stream's decoder with a message. While ffmpeg probes a
 * source it also decodes, for most containers without that option; there `max_alloc`, the size of a single allocation, is the limit.
 */
function pictureLimit({ maxPixels }: StreamPlan): string[] {
  if (maxPixels === undefined) return [];
  const bytes = maxPixels * BYTES_PER_PIXEL + OTHER_BYTES;
  return ['-max_alloc', String(Math.min(2 ** 31 - 1, bytes)), '-max_pixels', String(maxPixels)];
}
