import type { Source } from './source.js';

/** A source kind with a URL that ffmpeg opens. */
export type OpenedKind = Exclude<Source['kind'], 'test' | 'push' | 'device'>;

const HTTP = 'http,https,httpproxy,tcp,tls';

/**
 * The protocols that each kind of source may open, directly or through what it refers to. A playlist from the network must never make
 * ffmpeg read a local file, and a local file must not make it connect to the network.
 */
const whitelists: Readonly<Record<OpenedKind, string>> = {
  file: 'file',
  directory: 'file',
  http: HTTP,
  mjpeg: HTTP,
  hls: `${HTTP},crypto`,
  rtsp: 'rtsp,rtsps,rtp,tcp,tls,udp,httpproxy',
  // Through a relay of the node, which does TLS.
  rtmp: 'rtmp,tcp',
  srt: 'srt',
};

/**
 * Under a policy ffmpeg connects only to the node, which connects to the source. An HLS playlist can name `httpproxy`, and `tls` needs
 * `httpproxy`, so HTTP sources get neither: the node does TLS.
 */
const boundWhitelists: Readonly<Partial<Record<OpenedKind, string>>> = {
  http: 'http,tcp',
  mjpeg: 'http,tcp',
  hls: 'http,tcp,crypto',
  rtsp: 'rtsp,rtp,tcp',
};

/** The protocols that ffmpeg may use for a source. `isBound`: the stream is subject to a policy. Pure. */
export function protocolWhitelist(kind: OpenedKind, isBound: boolean): string {
  return (isBound ? boundWhitelists[kind] : undefined) ?? whitelists[kind];
}

/**
 * Accepted container formats. ffmpeg knows many more and reads any text as ANSI art, so a wrong file would be shown as text, and scripts
 * such as ffconcat would open other URLs. Names differ by version; unknown ones are harmless.
 */
const MEDIA_FORMATS = [
  ...['mov', 'mp4', 'matroska', 'webm', 'mpegts', 'mpeg', 'flv', 'live_flv', 'avi', 'ogg', 'asf', 'nut', 'mxf'],
  ...['ivf', 'gif', 'mpjpeg', 'mjpeg', 'h264', 'hevc', 'av1', 'obu', 'mpegvideo', 'm4v'],
  // Audio of HLS renditions, and audio files with at most a cover image. Those are rejected later, with a better message.
  ...['aac', 'mp3', 'ac3', 'eac3', 'flac', 'wav', 'webvtt'],
];
const HLS_FORMATS = ['hls', 'applehttp'];
const SESSION_FORMATS = ['rtsp', 'sdp', 'rtp'];

/**
 * The formats that a source may have. ffmpeg detects the format from the content, so the content chooses among these. Formats that open
 * connections of their own are included only if the kind of source needs them. DASH is excluded under a policy, because the node
 * checks HLS playlists but not DASH manifests. Pure.
 */
export function formatWhitelist(kind: OpenedKind, isBound: boolean): string {
  return [...MEDIA_FORMATS, ...linkFormats(kind, isBound)].join(',');
}

/** The formats that open other URLs, limited to those that a kind of source needs. */
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
