import { SidepipeError } from '../errors.js';
import { type ImageFormat, imageContentTypes, imageFormatPattern, type PreviewFormat } from '../terms.js';
import { parseStill } from './still-names.js';

/** Object keys: the same tree as under `/live/`. Pure; no key here carries a store's prefix. */

export type ObjectKind =
  | 'multivariant'
  | 'playlist'
  | 'recording'
  | 'init'
  | 'segment'
  | 'thumbnail'
  | 'thumbnail-immutable'
  | 'preview'
  | 'storyboard'
  | 'storyboard-index'
  | 'still'
  | 'lease';

/** The parts of a key. Segments have `session` and `sequence`, initialization segments `session`. */
export interface ParsedKey {
  readonly kind: ObjectKind;
  readonly stream: string;
  readonly rendition?: string;
  readonly session?: string;
  readonly sequence?: number;
}

const namePattern = /^[a-z0-9][a-z0-9-]{0,62}$/;
const segmentPattern = /^([A-Za-z0-9]+)-(\d{1,15})\.(?:ts|m4s)$/;
const recordingPattern = /^[A-Za-z0-9]+-recording\.m3u8$/;
const initPattern = /^([A-Za-z0-9]+)-init(?:-\d{1,9})?\.mp4$/;
/** A size's name has 16 characters at most. */
const thumbnailPattern = new RegExp(`^thumbnail(?:-[a-z0-9][a-z0-9-]{0,15})?\\.(?:${imageFormatPattern})$`);
/** A content hash has 27 characters. */
const immutablePattern = new RegExp(`^thumbnail-[A-Za-z0-9_-]{27}\\.(?:${imageFormatPattern})$`);

export const multivariantKey = (stream: string): string => `${stream}/index.m3u8`;
export const playlistKey = (stream: string, rendition: string): string => `${stream}/${rendition}/index.m3u8`;
/** The playlist of a whole recording, named after its first session, so that no later recording overwrites it. */
export const recordingKey = (stream: string, rendition: string, session: string): string =>
  `${stream}/${rendition}/${session}-recording.m3u8`;
/** `file` is `{session}-{sequence}.ts`, `.m4s` or `{session}-init.mp4` or `{session}-init-2.mp4`, as `hls` names it. */
export const segmentKey = (stream: string, rendition: string, file: string): string => `${stream}/${rendition}/${file}`;
export const thumbnailKey = (stream: string, format: ImageFormat): string => `${stream}/thumbnail.${format}`;
/** An additional size of the thumbnail, by its name. */
export const sizedThumbnailKey = (stream: string, size: string, format: ImageFormat): string =>
  `${stream}/thumbnail-${size}.${format}`;
/** An immutable thumbnail, named after the hash of its content: 27 characters, while the name of a size has at most 16. */
export const immutableThumbnailKey = (stream: string, hash: string, format: ImageFormat): string =>
  `${stream}/thumbnail-${hash}.${format}`;
export const previewKey = (stream: string, format: PreviewFormat): string => `${stream}/preview.${format}`;
export const storyboardIndexKey = (stream: string): string => `${stream}/storyboard.vtt`;
export const storyboardKey = (stream: string, number: number): string => `${stream}/storyboard-${number}.jpg`;
/** One of a sequence of stills; `file` as `still-names` makes it. */
export const stillKey = (stream: string, file: string): string => `${stillPrefix(stream)}${file}`;
export const stillPrefix = (stream: string): string => `${stream}/stills/`;
/** Names the node that writes this stream. Players do not use it. */
export const leaseKey = (stream: string): string => `${stream}/lease.json`;
/** Matches all keys of a stream, and none of a stream whose name starts with the same characters. */
export const streamPrefix = (stream: string): string => `${stream}/`;

/** The reverse of the builders: undefined for a key that none of them builds, so sidepipe did not write it. */
export function parseKey(key: string): ParsedKey | undefined {
  const [stream = '', second = '', third, ...rest] = key.split('/');
  if (!namePattern.test(stream) || rest.length > 0) return undefined;
  if (third === undefined) {
    const kind = kindOfStreamFile(second);
    return kind && { kind, stream };
  }
  if (!namePattern.test(second)) return undefined;
  if (second === 'stills' && parseStill(third) !== undefined) return { kind: 'still', stream };
  if (third === 'index.m3u8') return { kind: 'playlist', stream, rendition: second };
  if (recordingPattern.test(third)) return { kind: 'recording', stream, rendition: second };
  const init = initPattern.exec(third);
  if (init?.[1]) return { kind: 'init', stream, rendition: second, session: init[1] };
  const segment = segmentPattern.exec(third);
  if (!segment?.[1]) return undefined;
  return { kind: 'segment', stream, rendition: second, session: segment[1], sequence: Number(segment[2]) };
}

function kindOfStreamFile(file: string): ObjectKind | undefined {
  if (file === 'index.m3u8') return 'multivariant';
  if (file === 'lease.json') return 'lease';
  if (file === 'storyboard.vtt') return 'storyboard-index';
  if (thumbnailPattern.test(file)) return 'thumbnail';
  if (immutablePattern.test(file)) return 'thumbnail-immutable';
  if (/^preview\.(?:webp|gif)$/.test(file)) return 'preview';
  return /^storyboard-\d+\.jpg$/.test(file) ? 'storyboard' : undefined;
}

const contentTypes: Readonly<Record<string, string>> = {
  m3u8: 'application/vnd.apple.mpegurl',
  ts: 'video/mp2t',
  m4s: 'video/mp4',
  mp4: 'video/mp4',
  ...imageContentTypes,
  gif: 'image/gif',
  vtt: 'text/vtt; charset=utf-8',
  json: 'application/json',
};

/** By the extension of the key; `application/octet-stream` for one that sidepipe does not use. */
export function contentTypeOf(key: string): string {
  const ending = key.slice(key.lastIndexOf('.') + 1);
  return (Object.hasOwn(contentTypes, ending) && contentTypes[ending]) || 'application/octet-stream';
}

/**
 * `Cache-Control` of an object. `refreshSeconds` is how often the object changes: the target duration for playlists, the interval for
 * images. Objects that change are cached for about half of that, at least 1 s, so that a player never gets a playlist older than one and a
 * half target durations.
 */
export function cacheControlOf(kind: ObjectKind, refreshSeconds: number): string {
  if (kind === 'segment' || kind === 'init' || kind === 'thumbnail-immutable' || kind === 'still')
    return 'public, max-age=31536000, immutable';
  if (kind === 'lease') return 'no-store';
  const longest = kind === 'multivariant' || kind === 'playlist' || kind === 'recording' ? 15 : 5;
  return `public, max-age=${Math.min(longest, Math.max(1, Math.floor(refreshSeconds / 2)))}`;
}

/**
 * Every store accepts the same keys: 1 to 512 characters of `A-Z a-z 0-9 ! _ . * ' ( ) -` and `/`. No part is empty, `.` or `..`, or starts
 * with `.sidepipe-` (temporary files).
 */
export function checkKey(key: string): string {
  const parts = key.split('/');
  const wrong = parts.some((part) => part === '' || part === '.' || part === '..' || part.startsWith('.sidepipe-'));
  if (wrong || key.length > 512 || !/^[A-Za-z0-9!_.*'()/-]+$/.test(key)) {
    throw new SidepipeError(`not an object key: ${JSON.stringify(key.slice(0, 100))}`, {
      code: 'internal',
      fault: 'storage',
      details: { key: key.slice(0, 600) },
    });
  }
  return key;
}

const kiB = 1024;
const miB = 1024 * kiB;

/** The maximum size of an object of each kind; sidepipe writes no larger ones. */
const mostBytes: Readonly<Record<ObjectKind, number>> = {
  lease: 64 * kiB,
  multivariant: 1 * miB,
  // That of a whole recording has 100,000 segments.
  playlist: 64 * miB,
  recording: 64 * miB,
  init: 4 * miB,
  segment: 1024 * miB,
  thumbnail: 64 * miB,
  'thumbnail-immutable': 64 * miB,
  preview: 64 * miB,
  storyboard: 64 * miB,
  'storyboard-index': 64 * miB,
  still: 64 * miB,
};

/** How many bytes of an object may be read into memory, by its key; 64 MiB for a key that does not belong to a stream. */
export function mostBytesOf(key: string): number {
  const kind = parseKey(key)?.kind;
  return kind === undefined ? 64 * miB : mostBytes[kind];
}

/** The order of S3 listings: by the UTF-8 bytes of the key. */
export function compareKeys(a: string, b: string): number {
  // UTF-16 order differs from UTF-8 order only between surrogates and U+E000 to U+FFFF, which our keys do not contain.
  return a < b ? -1 : a > b ? 1 : 0;
}
