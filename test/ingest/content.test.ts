import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { notVideoInWords } from '../../src/ingest/content.js';

const latin1 = (text: string) => Buffer.from(text, 'latin1');

describe('a file that is no video', () => {
  it.each([
    ['\xff\xd8\xff\xe0\0\x10JFIF\0', /a still image \(JPEG\), not video\. Make a video clip/],
    ['\x89PNG\r\n\x1a\n\0\0', /a still image \(PNG\)/],
    ['RIFF\x10\0\0\0WEBPVP8 ', /a still image \(WebP\)/],
    ['\0\0\0\x1cftypheic\0', /a still image \(HEIF\)/],
    ['%PDF-1.7\n', /a PDF document, not video\. Choose a video file\./],
    ['PK\x03\x04\x14\0', /an archive/],
    ['\n<!DOCTYPE html><title>Login</title>', /a web page \(HTML\)/],
    ['rtsp://camera/1\n', /text, not video/],
    [Buffer.from('schöne Grüße').toString('latin1'), /text/],
  ])('is named by how it begins: %j', (head, words) => {
    expect(notVideoInWords(latin1(head))).toMatch(words);
  });

  it.each(['', '\0\0\0\x20ftypisom', 'G\x40\0\x10\0\0\xb0', 'FLV\x01\x05\0', '\x1a\x45\xdf\xa3', 'RIFF\x10\0\0\0AVI '])(
    'is not named where it may be one, or is empty: %j',
    (head) => {
      expect(notVideoInWords(latin1(head))).toBeUndefined();
    },
  );

  it('is named or not, whatever its bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (head) => {
        expect(notVideoInWords(head) ?? 'The source is').toMatch(/^The source is/);
      }),
    );
  });
});
