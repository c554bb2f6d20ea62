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

/** What comes over HTTP: `auto` tells it by the address. */
export type HttpFormat = 'auto' | 'video' | 'mjpeg';

/** What a stream's `source` text means. `url` is what ffmpeg opens; it can hold secrets. */
export interface Source {
  readonly kind: SourceKind;
  readonly url: string;
}

/** A text that means no source: opening it fails with `problem`, so that the stream says what is wrong and no other suffers. */
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

/** ffmpeg 4 takes 3,900, as a redirect and as an argument; newer versions 4,085. */
const MAX_URL_BYTES = 3800;

/**
 * Reads a stream's `source`: `test`, `push` (publishers come to the node), a URL of a known scheme, a video device, or the
 * path of a file or, with a slash at its end, of a directory, made absolute by `resolvePath`.
 * Throws `source-unsupported` or `source-refused`. Pure.
 */
export function parseSource(text: string, resolvePath: (path: string) => string, format: HttpFormat = 'auto'): Source {
  // ffmpeg and every server behind it speak C and lines: a zero or a line break ends or begins what it should not.
  if (hasControlCharacter(text)) throw refused('it holds control characters');
  if (text === 'test' || text === 'push') return { kind: text, url: text };
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  // One letter and a colon is a drive, not a scheme.
  if (scheme === undefined || scheme.length === 1) return parsePath(text, resolvePath);
  if (scheme === 'file') return parsePath(text.replace(/^file:(\/\/)?/i, ''), resolvePath);
  if (scheme === 'v4l2') return parseDevice(text.replace(/^v4l2:(\/\/)?/i, ''));
  const kind = schemes[scheme];
  if (kind === undefined) {
    throw new SidepipeError(`source: ${scheme}: is not a kind of source that this node opens`, {
      code: 'source-unsupported',
      fault: 'caller',
    });
  }
  // ffmpeg takes no host for every address, which a URL cannot say.
  const url = kind === 'srt' ? text.replace(/^srt:\/\/:/i, 'srt://0.0.0.0:') : text;
  if (!URL.canParse(url)) throw refused('it is not a URL');
  if (Buffer.byteLength(url) > MAX_URL_BYTES) {
    throw refused(`the URL is longer than ${MAX_URL_BYTES} bytes, and ffmpeg would cut it off: shorten it`);
  }
  if (kind === 'srt' && new URL(url).port === '') throw refused('srt needs a port, such as srt://host:9000');
  return { kind: kind === 'http' ? httpKind(url, format) : kind, url };
}

/** Reads a stream's `source` as `parseSource` does, without throwing. Pure. */
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

/** Who calls whom. `rendezvous`: both, so a port is opened here too. */
type SrtMode = 'caller' | 'listener' | 'rendezvous';

/** Who calls whom: what is set goes before what the address says, as ffmpeg reads it: `#` and `%` mean nothing there. Pure. */
export function srtMode(url: string, setting: 'caller' | 'listener' | undefined): SrtMode {
  const said = srtParameters(url).find((parameter) => srtName(parameter) === 'mode');
  const mode = setting ?? said?.slice('mode='.length);
  return mode === 'listener' || mode === 'rendezvous' ? mode : 'caller';
}

/** An address without these parameters: for ffmpeg they would go before its options. Pure. */
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
  // The resolver takes the slash away.
  return { kind: /[/\\]$/.test(path) ? 'directory' : 'file', url: `file:${resolvePath(path)}` };
}

function parseDevice(path: string): Source {
  if (!DEVICE.test(path)) throw refused('a video device has a path such as /dev/video0');
  return { kind: 'device', url: path };
}

/** No other device: reading a terminal or a disk is not what anyone wants. */
const DEVICE = /^\/dev\/(?:video\d+|v4l\/by-(?:id|path)\/[\w.:@+-]+)$/;

/** What cameras call their motion JPEG. */
const MJPEG = /mjpe?g|[?&]action=stream(?:&|$)|motionjpeg/i;

/** Files in these containers have a beginning and an end, and would be read as fast as they come. */
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
