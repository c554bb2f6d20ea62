import { SidepipeError } from '../errors.js';

type SourceKind =
  | 'test'
  | 'push'
  | 'file'
  | 'directory'
  | 'device'
  | 'http'
  | 'hls'
  | 'mjpeg'
  | 'rtsp'
  | 'rtmp'
  | 'srt';

/** The format of HTTP sources. `auto` detects it from the URL. */
export type HttpFormat = 'auto' | 'video' | 'mjpeg';

/** A parsed `source` setting. `url` is what ffmpeg opens; it can contain secrets. */
export interface Source {
  readonly kind: SourceKind;
  readonly url: string;
}

/** An invalid `source`. Opening it fails with `problem`, so that this stream reports the error and the other streams run. */
export interface UnknownSource {
  readonly kind: 'unknown';
  readonly url: '';
  readonly problem: SidepipeError;
}

const schemes: Readonly<Record<string, SourceKind>> = {
  http: 'http',
  https: 'http',
  rtsp: 'rtsp',
  rtsps: 'rtsp',
  rtmp: 'rtmp',
  rtmps: 'rtmp',
  srt: 'srt',
};

/** ffmpeg 4 accepts 3,900 bytes, both in a redirect and as an argument; newer versions accept 4,085. */
const MAX_URL_BYTES = 3800;

/**
 * Parses a stream's `source`: `test`, `push` (publishers connect to the node), a URL with a known scheme, a video device, or the path
 * of a file or, with a trailing slash, of a directory. `resolvePath` makes paths absolute.
 * Throws `source-unsupported` or `source-refused`. Pure.
 */
export function parseSource(text: string, resolvePath: (path: string) => string, format: HttpFormat = 'auto'): Source {
  // A zero byte ends a C string and a line break ends a protocol line, in ffmpeg and in every server behind it.
  if (hasControlCharacter(text)) throw refused('contains control characters');
  if (text === 'test' || text === 'push') return { kind: text, url: text };
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  // A single letter and a colon is a Windows drive, not a scheme.
  if (scheme === undefined || scheme.length === 1) return parsePath(text, resolvePath);
  if (scheme === 'file') return parsePath(text.replace(/^file:(\/\/)?/i, ''), resolvePath);
  if (scheme === 'v4l2') return parseDevice(text.replace(/^v4l2:(\/\/)?/i, ''));
  const kind = schemes[scheme];
  if (kind === undefined) {
    throw new SidepipeError(`source: ${scheme}: is not a supported scheme`, {
      code: 'source-unsupported',
      fault: 'caller',
    });
  }
  // ffmpeg accepts an empty host for "all addresses"; a URL does not.
  const url = kind === 'srt' ? text.replace(/^srt:\/\/:/i, 'srt://0.0.0.0:') : text;
  if (!URL.canParse(url)) throw refused('not a valid URL');
  if (Buffer.byteLength(url) > MAX_URL_BYTES) {
    throw refused(`the URL is longer than ${MAX_URL_BYTES} bytes, which ffmpeg would truncate; shorten it`);
  }
  if (kind === 'srt' && new URL(url).port === '') throw refused('SRT requires a port, such as srt://host:9000');
  return { kind: kind === 'http' ? httpKind(url, format) : kind, url };
}

/** Parses like `parseSource`, without throwing. Pure. */
export function readSource(
  text: string,
  resolvePath: (path: string) => string,
  format: HttpFormat = 'auto',
): Source | UnknownSource {
  try {
    return parseSource(text, resolvePath, format);
  } catch (error) {
    if (!(error instanceof SidepipeError)) throw error;
    return { kind: 'unknown', url: '', problem: error };
  }
}

/** The SRT connection mode. `rendezvous`: both sides connect, so a local port is opened as well. */
type SrtMode = 'caller' | 'listener' | 'rendezvous';

/** The SRT mode. The setting overrides the URL's parameter. Parsed as ffmpeg does: `#` and `%` have no meaning. Pure. */
export function srtMode(url: string, setting: 'caller' | 'listener' | undefined): SrtMode {
  const said = srtParameters(url).find((parameter) => srtName(parameter) === 'mode');
  const mode = setting ?? said?.slice('mode='.length);
  return mode === 'listener' || mode === 'rendezvous' ? mode : 'caller';
}

/** The URL without these parameters, which would override ffmpeg's options. Pure. */
export function withoutSrtParameters(url: string, names: readonly string[]): string {
  const kept = srtParameters(url).filter((parameter) => !names.includes(srtName(parameter)));
  const address = url.split('?', 1)[0] ?? '';
  return kept.length === 0 ? address : `${address}?${kept.join('&')}`;
}

function srtParameters(url: string): string[] {
  const start = url.indexOf('?');
  return start === -1 ? [] : url.slice(start + 1).split('&');
}

function srtName(parameter: string): string {
  return parameter.split('=', 1)[0] ?? '';
}

function parsePath(path: string, resolvePath: (path: string) => string): Source {
  if (DEVICE.test(path)) return parseDevice(path);
  // `resolvePath` removes the trailing slash.
  return { kind: /[/\\]$/.test(path) ? 'directory' : 'file', url: `file:${resolvePath(path)}` };
}

function parseDevice(path: string): Source {
  if (!DEVICE.test(path)) throw refused('a video device must have a path such as /dev/video0');
  return { kind: 'device', url: path };
}

/** Only video devices: reading a terminal or a disk is never intended. */
const DEVICE = /^\/dev\/(?:video\d+|v4l\/by-(?:id|path)\/[\w.:@+-]+)$/;

/** How cameras name motion JPEG in URLs. */
const MJPEG = /mjpe?g|[?&]action=stream(?:&|$)|motionjpeg/i;

/** Recorded files: they have a start and an end, and are read at native speed because a server sends them as fast as it can. */
export const RECORDED = /\.(mp4|m4v|mov|mkv|webm|avi)$/i;

function httpKind(url: string, format: HttpFormat): SourceKind {
  if (format === 'mjpeg') return 'mjpeg';
  const { pathname, search } = new URL(url);
  if (pathname.toLowerCase().endsWith('.m3u8')) return 'hls';
  const mayBe = format === 'auto' && !RECORDED.test(pathname);
  return mayBe && MJPEG.test(`${pathname}${search}`) ? 'mjpeg' : 'http';
}

function hasControlCharacter(text: string): boolean {
  return [...text].some((character) => character < ' ' || character === '\u007f');
}

function refused(why: string): SidepipeError {
  return new SidepipeError(`source: ${why}`, { code: 'source-refused', fault: 'caller' });
}
