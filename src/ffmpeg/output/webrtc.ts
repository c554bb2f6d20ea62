/**
 * Outputs for WebRTC: access units as they are demuxed or encoded, as NUT, which stores the timestamp and the size of each and is written
 * without delay. Video and audio have a pipe each: in a common output each would wait for the other. Pure.
 */

/** `rendition`: what the encoder of the first rendition outputs. `none`: nothing that WebRTC could carry. */
type AccessUnitVideo = 'copy' | 'rendition' | 'none';

/** `opus`: encoded to it. The others are copied. */
export type AccessUnitAudio = 'opus' | 'opus-copy' | 'pcmu-copy' | 'pcma-copy' | 'none';

export interface AccessUnitPlan {
  readonly video: AccessUnitVideo;
  /** `none` without video. */
  readonly audio: AccessUnitAudio;
}

/** Number of pipes. The first one is video. */
export function accessUnitOutputs(plan: AccessUnitPlan | undefined): number {
  if (plan === undefined || plan.video === 'none') return 0;
  return plan.audio === 'none' ? 1 : 2;
}

const nut = ['-f', 'nut', '-write_index', '0', '-flush_packets', '1'];

/** Video that an encoder outputs comes from `accessUnitSlave` instead. */
export function webrtcOutputs({ video, audio }: AccessUnitPlan, firstFd: number): string[] {
  if (video === 'none') return [];
  return [...(video === 'copy' ? copiedVideo(firstFd) : []), ...audioOutput(audio, firstFd + 1)];
}

/** The output of the `tee` muxer that gets a rendition's video. */
export function accessUnitSlave(fd: number): string {
  return `[select=v:f=nut:write_index=0:flush_packets=1]pipe:${fd}`;
}

function copiedVideo(fd: number): string[] {
  return ['-map', '0:V:0', '-an', '-sn', '-dn', '-map_metadata', '-1', '-c:v', 'copy', ...nut, `pipe:${fd}`];
}

/** Not all versions know a tag for Opus in NUT, and those that do accept another one only as an experiment. */
const opusTag = ['-tag:a', 'Opus', '-strict', 'experimental'];
const opus = [
  ...['-c:a', 'libopus', '-b:a', '96k', '-ac', '2', '-ar', '48000', '-application', 'lowdelay'],
  // Gaps in the audio are filled with silence, so that later audio is on time.
  ...['-af', 'aresample=async=1:first_pts=0'],
];

function audioOutput(audio: AccessUnitAudio, fd: number): string[] {
  if (audio === 'none') return [];
  const codec = audio === 'opus' ? opus : ['-c:a', 'copy'];
  const tag = audio === 'opus' || audio === 'opus-copy' ? opusTag : [];
  return ['-map', '0:a:0', '-vn', '-sn', '-dn', '-map_metadata', '-1', ...codec, ...tag, ...nut, `pipe:${fd}`];
}
