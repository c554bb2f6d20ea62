import { type RelayTarget, toRelayUrl } from './url.js';

/** The first line of a playlist; ffmpeg's HLS demuxer requires it. */
export const PLAYLIST_HEAD = '#EXTM3U';

/** No playable playlist is longer. Also limits what ffmpeg receives, where URLs are longer. */
export const MAX_PLAYLIST_BYTES = 4 * 1024 ** 2;

/** The playlist for ffmpeg; undefined if it has a URL that is not HTTP, or is too long. */
export type RelayedPlaylist = string | undefined;

/** Tags with a single value, and its syntax. */
const valueTags: Readonly<Record<string, RegExp>> = {
  'EXT-X-VERSION': /^\d{1,4}$/,
  'EXT-X-TARGETDURATION': /^\d{1,6}(?:\.\d{1,9})?$/,
  'EXT-X-MEDIA-SEQUENCE': /^\d{1,18}$/,
  'EXT-X-DISCONTINUITY-SEQUENCE': /^\d{1,18}$/,
  'EXT-X-PLAYLIST-TYPE': /^(?:EVENT|VOD)$/,
  'EXT-X-BYTERANGE': /^\d{1,18}(?:@\d{1,18})?$/,
  'EXT-X-PROGRAM-DATE-TIME': /^[\d:.TZ+-]{10,40}$/,
};
const flagTags: ReadonlySet<string> = new Set([
  ...['EXT-X-ENDLIST', 'EXT-X-DISCONTINUITY', 'EXT-X-GAP', 'EXT-X-INDEPENDENT-SEGMENTS'],
]);
/** Tags with attributes. `hasUri`: one of them is `URI`. */
const attributeTags: Readonly<Record<string, { readonly hasUri: boolean }>> = {
  'EXT-X-STREAM-INF': { hasUri: false },
  'EXT-X-START': { hasUri: false },
  'EXT-X-MEDIA': { hasUri: true },
  'EXT-X-KEY': { hasUri: true },
  'EXT-X-MAP': { hasUri: true },
};
const attributes: ReadonlySet<string> = new Set([
  ...[
    'BANDWIDTH',
    'AVERAGE-BANDWIDTH',
    'PROGRAM-ID',
    'CODECS',
    'RESOLUTION',
    'FRAME-RATE',
    'VIDEO-RANGE',
    'HDCP-LEVEL',
  ],
  ...['AUDIO', 'VIDEO', 'SUBTITLES', 'CLOSED-CAPTIONS', 'TYPE', 'GROUP-ID', 'LANGUAGE', 'ASSOC-LANGUAGE', 'NAME'],
  ...['DEFAULT', 'AUTOSELECT', 'FORCED', 'INSTREAM-ID', 'CHARACTERISTICS', 'CHANNELS', 'METHOD', 'IV', 'KEYFORMAT'],
  ...['KEYFORMATVERSIONS', 'BYTERANGE', 'TIME-OFFSET', 'PRECISE'],
]);

/** Covers most URIs of most playlists. Without a colon no ffmpeg version can read a protocol into it, so it needs no parsing. */
const RELATIVE = /^\/?[\w~%@&=+,;!$'()*-][\w.~%@&=+,;!$'()*/-]*(?:\?[\w.~%@&=+,;!$'()*/-]*)?$/;
const DURATION = /^-?\d{1,9}(?:\.\d{1,18})?(?=\s*(?:,|$))/;

/**
 * Rewrites a playlist from its parsed content, for an ffmpeg that may connect only through HTTP. A denylist of protocols would have to
 * cover how each version of ffmpeg reads a URI: `tcp://`, `concat:`, `crypto+http:`, `subfile,,` and future ones. So a URI is kept only
 * if the URL standard parses it as HTTP, in a form that cannot be read differently. Tags and attributes are kept if ffmpeg uses them;
 * everything else is dropped. `target`: where the playlist comes from. Pure.
 */
export function relayPlaylist(text: string, target: RelayTarget): RelayedPlaylist {
  if (!text.startsWith(PLAYLIST_HEAD)) return undefined;
  const base = `http${target.secure ? 's' : ''}://${target.host}:${target.port}${target.path}`;
  const lines = [PLAYLIST_HEAD];
  let bytes = 0;
  // The first line is known. ffmpeg also ends a line at a zero byte.
  for (const [raw] of text.slice(text.search(/[\r\n\0]|$/)).matchAll(/[^\r\n\0]+/g)) {
    const line = raw.trim();
    const written = line.startsWith('#') ? relayTag(line, base) : line === '' ? '' : relayUri(line, base);
    if (written === undefined) return undefined;
    if (written === '') continue;
    bytes += written.length + 1;
    if (bytes > MAX_PLAYLIST_BYTES) return undefined;
    lines.push(written);
  }
  return `${lines.join('\n')}\n`;
}

/** The tag as ffmpeg receives it; empty: dropped. Undefined if its URI is not HTTP. */
function relayTag(line: string, base: string): string | undefined {
  const colon = line.indexOf(':');
  const tag = line.slice(1, colon < 0 ? undefined : colon);
  const value = colon < 0 ? '' : line.slice(colon + 1).trim();
  if (tag === 'EXTINF') {
    const [duration] = DURATION.exec(value) ?? [];
    return duration === undefined ? '' : `#EXTINF:${duration},`;
  }
  if (flagTags.has(tag)) return `#${tag}`;
  if (Object.hasOwn(valueTags, tag)) return valueTags[tag]?.test(value) ? `#${tag}:${value}` : '';
  if (!Object.hasOwn(attributeTags, tag)) return '';
  return relayAttributes(tag, value, base);
}

function relayAttributes(tag: string, value: string, base: string): string | undefined {
  const written: string[] = [];
  const attribute = /[\s,]*([A-Z0-9-]{1,64})\s*=\s*(?:"([^"]*)"|([^",\s]*))/y;
  for (let found = attribute.exec(value); found !== null; found = attribute.exec(value)) {
    const [, name = '', quoted, word = ''] = found;
    if (name === 'URI' && attributeTags[tag]?.hasUri) {
      const given = (quoted ?? word).trim();
      const uri = given === '' ? '' : relayUri(given, base);
      if (uri === undefined) return undefined;
      written.push(`URI="${uri}"`);
    } else if (attributes.has(name)) {
      // ffmpeg does not open these values. Without colons, slashes and escapes they contain nothing that could be opened.
      const safe = (quoted ?? word).replace(/[^\w .,@()+;-]/g, '_');
      written.push(quoted === undefined ? `${name}=${safe}` : `${name}="${safe}"`);
    }
  }
  return `#${tag}:${written.join(',')}`;
}

/** The URI as ffmpeg receives it; undefined if it is not HTTP. URIs on the same server stay relative, which keeps their credentials. */
function relayUri(uri: string, base: string): string | undefined {
  if (RELATIVE.test(uri)) return uri;
  if (!URL.canParse(uri, base)) return undefined;
  const url = new URL(uri, base);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  url.hash = '';
  const path = `${url.pathname}${url.search}`.replaceAll('\\', '%5C');
  const isHere = url.origin === new URL(base).origin && url.username === '' && url.password === '';
  if (isHere && !path.startsWith('//')) return path;
  const credentials = url.username === '' && url.password === '' ? '' : `${url.username}:${url.password}@`;
  return toRelayUrl(`${url.protocol}//${credentials}${url.host}${path}`);
}
