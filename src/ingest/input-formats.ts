import type { Source } from './source.js';

/** A kind of source that has a URL which ffmpeg opens. */
export type OpenedKind = Exclude<Source['kind'], 'test' | 'push' | 'device'>;

const HTTP = 'http,https,httpproxy,tcp,tls';

/**
 * What each kind of source may open, itself and through whatever it leads to: a playlist from the network must never make
 * ffmpeg read a local file, and a file must not make it call out.
 */
const whitelists: Readonly<Record<OpenedKind, string>> = {
  file: 'file',
  directory: 'file',
  http: HTTP,
  mjpeg: HTTP,
  hls: `${HTTP},crypto`,
  rtsp: 'rtsp,rtsps,rtp,tcp,tls,udp,httpproxy',
  rtmp: 'rtmp,rtmps,tcp,tls,httpproxy',
  srt: 'srt',
};

/**
 * Under a policy ffmpeg connects to the node only, which connects to the source. `httpproxy` is a protocol that an HLS playlist
 * can name, and `tls` needs it, so HTTP does without both: the node speaks TLS. RTMP leads nowhere by itself.
 */
const boundWhitelists: Readonly<Partial<Record<OpenedKind, string>>> = {
  http: 'http,tcp',
  mjpeg: 'http,tcp',
  hls: 'http,tcp,crypto',
  rtsp: 'rtsp,rtp,tcp',
};

/** The protocols that ffmpeg may use for a source. `isBound`: the stream is under a policy. Pure. */
export function protocolWhitelist(kind: OpenedKind, isBound: boolean): string {
  return (isBound ? boundWhitelists[kind] : undefined) ?? whitelists[kind];
}

/**
 * What is taken for video. ffmpeg knows far more, and takes any text for ANSI art, so a wrong file would become a picture of
 * itself; scripts such as ffconcat would lead elsewhere. Names differ by version; unknown ones do no harm.
 */
export const FORMATS = [
  ...['mov', 'mp4', 'matroska', 'webm', 'mpegts', 'mpeg', 'flv', 'live_flv', 'avi', 'ogg', 'asf', 'nut', 'mxf'],
  ...['ivf', 'gif', 'hls', 'applehttp', 'dash', 'rtsp', 'sdp', 'rtp', 'mpjpeg', 'mjpeg', 'h264', 'hevc', 'av1', 'obu'],
  ...['mpegvideo', 'm4v'],
  // Audio of HLS renditions, and files that have a cover picture at most: refused for that, with better words.
  ...['aac', 'mp3', 'ac3', 'eac3', 'flac', 'wav', 'webvtt'],
].join(',');
