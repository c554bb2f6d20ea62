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
  // Through a relay of the node's, which speaks TLS.
  rtmp: 'rtmp,tcp',
  srt: 'srt',
};

/**
 * Under a policy ffmpeg connects to the node only, which connects to the source. `httpproxy` is a protocol that an HLS playlist
 * can name, and `tls` needs it, so HTTP does without both: the node speaks TLS.
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
const MEDIA_FORMATS = [
  ...['mov', 'mp4', 'matroska', 'webm', 'mpegts', 'mpeg', 'flv', 'live_flv', 'avi', 'ogg', 'asf', 'nut', 'mxf'],
  ...['ivf', 'gif', 'mpjpeg', 'mjpeg', 'h264', 'hevc', 'av1', 'obu', 'mpegvideo', 'm4v'],
  // Audio of HLS renditions, and files that have a cover picture at most: refused for that, with better words.
  ...['aac', 'mp3', 'ac3', 'eac3', 'flac', 'wav', 'webvtt'],
];
const HLS_FORMATS = ['hls', 'applehttp'];
const SESSION_FORMATS = ['rtsp', 'sdp', 'rtp'];

/**
 * The formats that a source may have. ffmpeg looks at the content to find the format, so the content chooses among these: one that opens
 * connections of its own is only there where the kind of source needs it. Under a policy no DASH: the node does not read its
 * manifests, as it reads HLS playlists. Pure.
 */
export function formatWhitelist(kind: OpenedKind, isBound: boolean): string {
  return [...MEDIA_FORMATS, ...linkFormats(kind, isBound)].join(',');
}

/** The formats that lead elsewhere, as far as a kind of source needs them. */
function linkFormats(kind: OpenedKind, isBound: boolean): readonly string[] {
  switch (kind) {
    case 'http':
    case 'hls':
    case 'mjpeg':
    case 'file':
      return isBound ? HLS_FORMATS : [...HLS_FORMATS, 'dash'];
    case 'rtsp':
      return SESSION_FORMATS;
    default:
      return [];
  }
}
