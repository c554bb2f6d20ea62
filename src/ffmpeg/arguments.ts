import { chosenInput, chosenPictures, keyframesOutput, sourceQueue } from './chosen-keyframes.js';
import { type HlsPlan, hlsDevices, hlsInputs, hlsOutputs } from './hls-output.js';
import { type MonitorPlan, monitorOutput } from './monitor.js';
import { framesOutput, type OutputBuild, type PicturePlan } from './picture-output.js';
import { snapshotOutput } from './valve.js';

export interface StreamPlan extends HlsPlan, OutputBuild {
  /** Everything up to and with `-i`. */
  readonly input: readonly string[];
  readonly frames: PicturePlan & {
    /** Which pictures of a copied stream are decoded; keyframes where it is not told. */
    readonly decode?: 'keyframes' | 'chosen' | 'references' | 'all';
    /** False: keyframes are decoded without the codec's loop filter. */
    readonly deblock?: boolean;
    /** False: the source's packets are whole raw pictures, and when they are made is when they come. */
    readonly packetTimes?: boolean;
    /** For how many seconds packets' times are told. */
    readonly packetTimesSeconds?: number;
  };
  /** Whether pictures of full size can be asked for, on standard input. */
  readonly snapshots?: boolean;
  readonly monitor?: MonitorPlan;
}

/** The file descriptor on which ffmpeg reports its progress. */
const PROGRESS_URL = 'pipe:3';
/** Where the times of the first packets are told. */
const PACKETS_URL = 'pipe:4';
/** For so long. Each line costs the node as much as a read, and what they say holds for good. */
const PACKETS_SECONDS = 5;

/** An output that only moves on: what ffmpeg reports of it says how far the source's packets are. */
const nothing = ['-map', '0:V:0', '-an', '-sn', '-dn', '-c:v', 'copy', '-f', 'null', '-'];

/** The whole command line of a stream's one ffmpeg process: one source, HLS to loopback, raw frames on stdout. Pure. */
export function ffmpegArguments(plan: StreamPlan): string[] {
  const isChosen = plan.frames.decode === 'chosen';
  return [
    ...(plan.snapshots ? [] : ['-nostdin']),
    ...['-hide_banner', '-nostats', '-loglevel', 'level+info', '-progress', PROGRESS_URL],
    ...hlsDevices(plan),
    ...(isChosen ? sourceQueue(plan) : decoderArguments(plan)),
    ...plan.input,
    ...(isChosen ? chosenInput(decoderArguments(plan)) : hlsInputs(plan)),
    ...(plan.renditions.length === 0 ? nothing : hlsOutputs(plan)),
    ...(isChosen ? chosenPictures(plan.frames, plan) : framesOutput(plan.frames, plan)),
    ...packetTimes(plan),
    ...(plan.snapshots ? snapshotOutput(plan, isChosen) : []),
    ...(isChosen ? keyframesOutput() : []),
    ...(plan.monitor === undefined ? [] : monitorOutput(plan.monitor, plan)),
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
  const skipped = frames.decode === 'chosen' ? [] : ['-skip_frame', 'nokey'];
  return ['-threads', '1', ...skipped, ...(frames.deblock === false ? ['-skip_loop_filter', 'all'] : [])];
}

/**
 * The presentation times of the source's packets as they come in, a line each, for the first seconds: they say when a picture was
 * taken, which neither its own arrival does, with all that decoding takes, nor the progress reports, which tell decoding times.
 */
function packetTimes({ frames }: StreamPlan): string[] {
  if (frames.packetTimes === false) return [];
  return [
    ...['-map', '0:V:0', '-an', '-sn', '-dn', '-c:v', 'copy'],
    ...['-t', String(frames.packetTimesSeconds ?? PACKETS_SECONDS)],
    // Timestamps as they are: no delay before the first, and none moved for those before zero.
    ...['-muxdelay', '0', '-avoid_negative_ts', 'disabled', '-f', 'mpegts', '-flush_packets', '1', PACKETS_URL],
  ];
}
