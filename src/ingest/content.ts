/** What files hold that are nothing to play, and where. Latin-1, so that a character is a byte. */
const marks: readonly (readonly [at: number, mark: string, what: string])[] = [
  [0, '\xff\xd8\xff', 'a still picture (JPEG)'],
  [0, '\x89PNG', 'a still picture (PNG)'],
  [8, 'WEBP', 'a picture (WebP)'],
  [0, 'II*\0', 'a still picture (TIFF)'],
  [0, 'MM\0*', 'a still picture (TIFF)'],
  [4, 'ftyphei', 'a still picture (HEIF)'],
  [4, 'ftypmif1', 'a still picture (HEIF)'],
  [4, 'ftypavif', 'a still picture (AVIF)'],
  [0, '%PDF', 'a PDF document'],
  [0, 'PK\x03\x04', 'an archive (ZIP)'],
  [0, '\x1f\x8b', 'an archive (gzip)'],
];
const PAGE = /^\s*(?:<!doctype html|<html)/i;
/** UTF-8 has all bytes from 0x80 on. */
const PLAIN_TEXT = /^[\t\n\r\x20-\x7e\x80-\xff]+$/;

const REMEDY = 'choose a file of video';
const PICTURE_REMEDY = 'make a clip of it (docs/sources.md)';

/**
 * What a file is, and what to do, by its first bytes; undefined where they say nothing. For files that ffmpeg could not open: some
 * video begins like text. Pure.
 */
export function notVideoInWords(head: Uint8Array): string | undefined {
  const text = Buffer.from(head).toString('latin1');
  const named = marks.find(([at, mark]) => text.startsWith(mark, at))?.[2];
  const what = named ?? (PAGE.test(text) ? 'a web page (HTML)' : PLAIN_TEXT.test(text) ? 'text' : undefined);
  if (what === undefined) return undefined;
  return `the source is ${what}, not video: ${what.includes('picture') ? PICTURE_REMEDY : REMEDY}`;
}
