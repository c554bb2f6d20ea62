import { SidepipeError } from '../errors.js';

type SourceKind = 'test' | 'push' | 'file' | 'http' | 'hls' | 'rtsp' | 'rtmp';

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
};

/**
 * Reads a stream's `source`: `test`, `push` (publishers come to the node), a URL of a known scheme, or the path of a file, made absolute by `resolvePath`.
 * Throws `source-unsupported` or `source-refused`. Pure.
 */
export function parseSource(text: string, resolvePath: (path: string) => string): Source {
  // ffmpeg and every server behind it speak C and lines: a zero or a line break ends or begins what it should not.
  if (hasControlCharacter(text)) throw refused('it holds control characters');
  if (text === 'test' || text === 'push') return { kind: text, url: text };
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  // One letter and a colon is a drive, not a scheme.
  if (scheme === undefined || scheme.length === 1) return { kind: 'file', url: `file:${resolvePath(text)}` };
  if (scheme === 'file') return { kind: 'file', url: `file:${resolvePath(text.replace(/^file:(\/\/)?/i, ''))}` };
  const kind = schemes[scheme];
  if (kind === undefined) {
    throw new SidepipeError(`source: ${scheme}: is not a kind of source that this node opens`, {
      code: 'source-unsupported',
      fault: 'caller',
    });
  }
  if (!URL.canParse(text)) throw refused('it is not a URL');
  return { kind: kind === 'http' && isPlaylist(text) ? 'hls' : kind, url: text };
}

/** Reads a stream's `source` as `parseSource` does, without throwing. Pure. */
export function readSource(text: string, resolvePath: (path: string) => string): Source | UnknownSource {
  try {
    return parseSource(text, resolvePath);
  } catch (error) {
    if (!(error instanceof SidepipeError)) throw error;
    return { kind: 'unknown', url: '', problem: error };
  }
}

function isPlaylist(url: string): boolean {
  return new URL(url).pathname.toLowerCase().endsWith('.m3u8');
}

function hasControlCharacter(text: string): boolean {
  return [...text].some((character) => character < ' ' || character === '\u007f');
}

function refused(why: string): SidepipeError {
  return new SidepipeError(`source: ${why}`, { code: 'source-refused', fault: 'caller' });
}
