/** Signatures of files that are not playable video, with their offsets. Latin-1, so that one character is one byte. */
const marks: readonly (readonly [at: number, mark: string, what: string])[] = [
  [0, '\xff\xd8\xff', 'a still image (JPEG)'],
  [0, '\x89PNG', 'a still image (PNG)'],
  [8, 'WEBP', 'a still image (WebP)'],
  [0, 'II*\0', 'a still image (TIFF)'],
  [0, 'MM\0*', 'a still image (TIFF)'],
  [4, 'ftyphei', 'a still image (HEIF)'],
  [4, 'ftypmif1', 'a still image (HEIF)'],
  [4, 'ftypavif', 'a still image (AVIF)'],
  [0, '%PDF', 'a PDF document'],
  [0, 'PK\x03\x04', 'an archive (ZIP)'],
  [0, '\x1f\x8b', 'an archive (gzip)'],
];
const PAGE = /^\s*(?:<!doctype html|<html)/i;
/** Includes all bytes from 0x80 on, because UTF-8 uses them. */
const PLAIN_TEXT = /^[\t\n\r\x20-\x7e\x80-\xff]+$/;

const REMEDY = 'Choose a video file.';
const IMAGE_REMEDY = 'Make a video clip of it (docs/sources.md).';

/**
 * Describes a file that is not video by its first bytes, with a remedy; undefined if they match no signature. Only for files that
 * ffmpeg could not open, because some video files start like text. Pure.
 */
export function notVideoInWords(head: Uint8Array): string | undefined {
  const text = Buffer.from(head).toString('latin1');
  const named = marks.find(([at, mark]) => text.startsWith(mark, at))?.[2];
  const what = named ?? (PAGE.test(text) ? 'a web page (HTML)' : PLAIN_TEXT.test(text) ? 'text' : undefined);
  if (what === undefined) return undefined;
  return `The source is ${what}, not video. ${what.includes('image') ? IMAGE_REMEDY : REMEDY}`;
}
