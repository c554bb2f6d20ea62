import { type OutputBuild, type PicturePlan, pictureFormat, rawPictures } from './picture-output.js';

/**
 * Keyframes that the node chooses. ffmpeg hands each keyframe of the source out, decodes none of them, and decodes what comes
 * back on a second input. There, marks beside the keyframes say how far the source may go on: see `KeyframeAnswers` in
 * frames. Nothing of it is ever the output that is furthest behind but the marks: pictures and snapshots bear times that are far
 * ahead, and the keyframes' output itself stands still between keyframes, because what is filtered out of it is not counted.
 * That is so in ffmpeg 4 and 5.1; newer ones count it. Pure.
 */

/** Where keyframes go out. */
const KEYFRAMES_URL = 'pipe:8';
/** Where those that were chosen come back. */
const CHOSEN_URL = 'pipe:9';
/** Added to the time of keyframes on their way out: NUT knows no time before zero. */
export const KEYFRAME_SHIFT_SECONDS = 10;
/** Added to that of pictures: ahead of every stream. */
const AHEAD_SECONDS = 1_000_000_000;
/**
 * So many packets of the source are taken in while ffmpeg waits. From version 5 on it can do without a thread that reads them, and then
 * sleeps until there is one, where it otherwise looks a hundred times a second.
 */
const SOURCE_QUEUE = 512;
const CHOSEN_QUEUE = 64;
/**
 * ffmpeg 4 looks for packets every 10 ms, with no need: a keyframe, and so a picture, is then later by so much at most. What looking
 * costs falls to a fourth.
 */
export const TIMER_SLACK_MS = 40;

/** Whether these libavformats count outputs as described above. Pure. */
export function canWaitForMarks({ libavformat, hasNarrowTimestamps = false }: OutputBuild): boolean {
  return (libavformat === 58 || libavformat === 59) && !hasNarrowTimestamps;
}

/** CPU milliseconds a second of all that it takes beside decoding, as measured on a server: most of it is looking for packets. Pure. */
export function msPerSecondOfChoosing({ libavformat }: Pick<OutputBuild, 'libavformat'>): number {
  return libavformat >= 59 ? 0.5 : 1.5;
}

/** Which time of the source a picture's is, in seconds; undefined for the picture that the input was opened with. Pure. */
export function chosenTimeOf(ptsSeconds: number): number | undefined {
  const seconds = ptsSeconds - AHEAD_SECONDS;
  // No keyframe is as far before zero as half of the shift.
  return seconds < KEYFRAME_SHIFT_SECONDS / 2 ? undefined : seconds - KEYFRAME_SHIFT_SECONDS;
}

/** Before the source. */
export function sourceQueue({ libavformat }: OutputBuild): string[] {
  return ['-thread_queue_size', String(libavformat >= 59 ? 0 : SOURCE_QUEUE)];
}

/** Behind the source. `decoding`: options of the decoder. */
export function chosenInput(decoding: readonly string[]): string[] {
  return [
    ...decoding,
    ...['-thread_queue_size', String(CHOSEN_QUEUE), '-probesize', '32', '-analyzeduration', '0', '-fpsprobesize', '0'],
    ...['-f', 'nut', '-i', CHOSEN_URL],
  ];
}

/** Pictures as `framesOutput` gives them. */
export function chosenPictures(frames: PicturePlan, build: OutputBuild): string[] {
  return [...chosenVideo, '-vf', `${ahead},${pictureFormat(frames)}`, ...rawPictures(build), 'pipe:1'];
}

const chosenVideo = ['-map', '1:v:0', '-an', '-sn', '-dn', '-map_metadata', '-1'];
const ahead = `setpts=PTS+${AHEAD_SECONDS}/TB`;

/** A snapshot's output, behind a valve that stands open at first: until something came its output would be furthest behind. */
export function chosenSnapshots(valve: string, build: OutputBuild): string[] {
  return [
    ...chosenVideo,
    ...['-vf', `${ahead},${valve}:enable=0,scale=w='max(1,round(iw*sar))':h=ih,setsar=1,format=rgb24`],
    ...rawPictures(build),
  ];
}

/** The source's keyframes, and the marks that hold the source until they are answered. */
export function keyframesOutput(): string[] {
  return [
    ...['-map', '0:V:0', '-an', '-sn', '-dn', '-map_metadata', '-1', '-c:v', 'copy'],
    ...['-bsf:v', 'h264_mp4toannexb,filter_units=pass_types=5|7|8'],
    ...['-avoid_negative_ts', 'disabled', '-output_ts_offset', String(KEYFRAME_SHIFT_SECONDS)],
    ...['-f', 'nut', '-write_index', '0', '-flush_packets', '1', KEYFRAMES_URL],
    ...['-map', '1:s:0', '-vn', '-an', '-dn', '-c:s', 'copy', '-f', 'null', '-'],
  ];
}
