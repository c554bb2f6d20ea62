import { FIRST_MEDIA_FD, type HlsPlan, hlsDevices, hlsInputs, hlsOutputs } from './hls-output.js';
import { type MonitorPlan, monitorOutput } from './monitor.js';
import { framesOutput, type OutputBuild, type PicturePlan } from './picture-output.js';
import { snapshotOutput } from './valve.js';

export interface StreamPlan extends HlsPlan, OutputBuild {
  /** The largest picture that is decoded, width × height; no limit where it is not told. */
  readonly maxPixels?: number | undefined;
  /** Everything up to and with `-i`. */
  readonly input: readonly string[];
  readonly frames: PicturePlan & {
    /** Which pictures of a copied stream are decoded; keyframes where it is not told. */
    readonly decode?: 'keyframes' | 'references' | 'all';
    /** False: keyframes are decoded without the codec's loop filter. */
    readonly deblock?: boolean;
    /** False: the source's packets are whole raw pictures, and when they are made is when they come. */
    readonly packetTimes?: boolean;
  };
  /** Whether pictures of full size can be asked for, on standard input. */
  readonly snapshots?: boolean;
  readonly monitor?: MonitorPlan;
  /** The source announces audio, but sent none: it is left out, and reported when it comes. */
  readonly awaitsAudio?: boolean;
}

/** The file descriptor on which ffmpeg reports its progress. */
const PROGRESS_URL = 'pipe:3';
/** Where the times of the first packets are told. */
const PACKETS_URL = 'pipe:4';
/** For so long. Each line costs the node as much as a read, and what they say holds for good. */
const PACKETS_SECONDS = 5;

/** Of awaited audio a second is enough to know that it is there to stay, and costs the node one read a second. */
const AWAITED_AUDIO_RATE = 8000;

/** An output that only moves on: what ffmpeg reports of it says how far the source's packets are. */
const nothing = ['-map', '0:V:0', '-an', '-sn', '-dn', '-c:v', 'copy', '-f', 'null', '-'];

/** The whole command line of a stream's one ffmpeg process: one source, HLS to loopback, raw frames on stdout. Pure. */
export function ffmpegArguments(plan: StreamPlan): string[] {
  return [
    ...(plan.snapshots ? [] : ['-nostdin']),
    ...['-hide_banner', '-nostats', '-loglevel', 'level+info', '-progress', PROGRESS_URL],
    ...hlsDevices(plan),
    ...decoderArguments(plan),
    ...pictureLimit(plan),
    ...plan.input,
    ...hlsInputs(plan),
    ...(plan.renditions.length === 0 ? nothing : hlsOutputs(plan)),
    ...framesOutput(plan.frames, plan),
    ...packetTimes(plan),
    ...(plan.snapshots ? snapshotOutput(plan) : []),
    ...(plan.monitor === undefined ? [] : monitorOutput(plan.monitor, plan)),
    ...(plan.awaitsAudio ? awaitedAudio(plan) : []),
  ];
}

/**
 * Gives bytes for each second of audio that can be decoded, and nothing before. Decoded, because a copy cannot even begin where nothing told
 * the sampling rate yet.
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
 * A copied stream is decoded for pictures only, so not all of it has to be. Keyframes are the least: a tenth of the work, but
 * as far apart as the source makes them, and with B-frames they come late. What no other picture refers to can always
 * be left out. One thread, because frame threads hand each picture out late by as many pictures as there are threads.
 * The loop filter smooths block edges, which a much smaller picture does not show; only where no other picture is made
 * from this one, or its faults would add up.
 */
function decoderArguments({ renditions, frames }: StreamPlan): string[] {
  if (renditions.some(({ video }) => video.kind === 'encode')) return [];
  if (frames.decode === 'all') return ['-threads', '1'];
  if (frames.decode === 'references') return ['-threads', '1', '-skip_frame', 'noref'];
  return ['-threads', '1', '-skip_frame', 'nokey', ...(frames.deblock === false ? ['-skip_loop_filter', 'all'] : [])];
}

/**
 * The presentation times of the source's packets as they come in, a line each, for the first seconds: they say when a picture was
 * taken, which neither its own arrival does, with all that decoding takes, nor the progress reports, which tell decoding times.
 */
function packetTimes({ frames }: StreamPlan): string[] {
  if (frames.packetTimes === false) return [];
  return [
    ...['-map', '0:V:0', '-an', '-sn', '-dn', '-c:v', 'copy'],
    ...['-t', String(PACKETS_SECONDS)],
    // Timestamps as they are: no delay before the first, and none moved for those before zero.
    ...['-muxdelay', '0', '-avoid_negative_ts', 'disabled', '-f', 'mpegts', '-flush_packets', '1', PACKETS_URL],
  ];
}

/** What ffmpeg needs at once beside pictures: indexes of files, packets. */
const OTHER_BYTES = 64 * 1024 ** 2;
/** The most that one plane of a picture has for a pixel. */
const BYTES_PER_PIXEL = 4;

/**
 * A hostile source must not make ffmpeg take gigabytes. `max_pixels` ends the decoder of the stream with a reason. While ffmpeg
 * looks what a source is, it decodes too, for most containers without that option: the size of a single allocation is the
 * limit there.
 */
function pictureLimit({ maxPixels }: StreamPlan): string[] {
  if (maxPixels === undefined) return [];
  const bytes = maxPixels * BYTES_PER_PIXEL + OTHER_BYTES;
  return ['-max_alloc', String(Math.min(2 ** 31 - 1, bytes)), '-max_pixels', String(maxPixels)];
}
