import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cacheControlOf,
  checkKey,
  compareKeys,
  contentTypeOf,
  leaseKey,
  multivariantKey,
  parseKey,
  playlistKey,
  previewKey,
  segmentKey,
  storyboardIndexKey,
  storyboardKey,
  streamPrefix,
  thumbnailKey,
} from '../../src/storage/keys.js';
import { imageFormats } from '../../src/terms.js';

const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/);
const session = fc.stringMatching(/^[A-Za-z0-9]{1,16}$/);
const sequence = fc.nat({ max: 1e12 });
const format = fc.constantFrom(...imageFormats);

describe('keys', () => {
  it('say what they are made of', () => {
    fc.assert(
      fc.property(
        name,
        name,
        session,
        sequence,
        fc.constantFrom('ts', 'm4s'),
        (stream, rendition, era, number, ending) => {
          const file = `${era}-${number}.${ending}`;
          expect(parseKey(segmentKey(stream, rendition, file))).toEqual({
            kind: 'segment',
            stream,
            rendition,
            session: era,
            sequence: number,
          });
          expect(parseKey(segmentKey(stream, rendition, `${era}-init.mp4`))).toEqual({
            kind: 'init',
            stream,
            rendition,
            session: era,
          });
          expect(parseKey(playlistKey(stream, rendition))).toEqual({ kind: 'playlist', stream, rendition });
          expect(parseKey(multivariantKey(stream))).toEqual({ kind: 'multivariant', stream });
        },
      ),
    );
  });

  it('of all kinds are valid, distinct, inside their stream and no other', () => {
    fc.assert(
      fc.property(name, name, name, format, fc.nat(), (stream, other, rendition, picture, number) => {
        const keys = [
          multivariantKey(stream),
          playlistKey(stream, rendition),
          segmentKey(stream, rendition, `a-${number}.ts`),
          segmentKey(stream, rendition, 'a-init.mp4'),
          thumbnailKey(stream, picture),
          previewKey(stream, 'webp'),
          previewKey(stream, 'gif'),
          storyboardIndexKey(stream),
          storyboardKey(stream, number),
          leaseKey(stream),
        ];
        expect(new Set(keys).size).toBe(keys.length);
        for (const key of keys) {
          expect(checkKey(key)).toBe(key);
          expect(parseKey(key)?.stream).toBe(stream);
          expect(key.startsWith(streamPrefix(stream))).toBe(true);
          if (other !== stream) expect(key.startsWith(streamPrefix(other))).toBe(false);
          expect(contentTypeOf(key)).not.toBe('application/octet-stream');
        }
      }),
    );
  });

  it('that are valid never lead out of a folder', () => {
    const hostile = fc
      .array(fc.constantFrom('..', '.', '', 'a', '/', '\\', '%2e', '\0', '.sidepipe-x', 'b.ts', ' '))
      .map((parts) => parts.join('/'));
    fc.assert(
      fc.property(fc.oneof(hostile, fc.string({ unit: 'binary' })), (key) => {
        let valid = true;
        try {
          checkKey(key);
        } catch {
          valid = false;
        }
        const url = new URL(`http://h/root/${key}`, 'http://h');
        if (valid) {
          expect(decodeURIComponent(url.pathname)).toBe(`/root/${key}`);
          expect(key.length).toBeLessThanOrEqual(512);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('of strangers are not taken for our own', () => {
    for (const key of ['', 'cam', 'cam/', 'cam/notes.txt', 'Cam/index.m3u8', 'cam/source/x.ts', 'cam/source/-1.ts']) {
      expect(parseKey(key)).toBeUndefined();
    }
    for (const key of [
      'cam/source/a-1.mp4',
      'cam/source/deep/a-1.ts',
      'cam/thumbnail.exe',
      'cam/source/a-1.ts/',
      '../cam/index.m3u8',
    ]) {
      expect(parseKey(key)).toBeUndefined();
    }
  });

  it('parse or not, but never throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (key) => {
        parseKey(key);
        expect(contentTypeOf(key)).toMatch(/^[a-z]+\/[a-z0-9.+-]+/);
      }),
    );
  });

  it('sort as S3 lists them', () => {
    const key = fc.stringMatching(/^[A-Za-z0-9!_.*'()/-]{1,20}$/);
    fc.assert(
      fc.property(key, key, (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
      }),
    );
  });
});

describe('what goes with a key', () => {
  it.each([
    ['cam/index.m3u8', 'application/vnd.apple.mpegurl'],
    ['cam/source/a-1.ts', 'video/mp2t'],
    ['cam/source/a-1.m4s', 'video/mp4'],
    ['cam/source/a-init.mp4', 'video/mp4'],
    ['cam/thumbnail.jpg', 'image/jpeg'],
    ['cam/thumbnail.avif', 'image/avif'],
    ['cam/preview.gif', 'image/gif'],
    ['cam/storyboard.vtt', 'text/vtt; charset=utf-8'],
    ['cam/lease.json', 'application/json'],
    ['cam/constructor', 'application/octet-stream'],
  ])('%s is %s', (key, type) => {
    expect(contentTypeOf(key)).toBe(type);
  });

  it.each([
    ['segment', 2, 'public, max-age=31536000, immutable'],
    ['init', 2, 'public, max-age=31536000, immutable'],
    ['playlist', 1, 'public, max-age=1'],
    ['playlist', 2, 'public, max-age=1'],
    ['playlist', 6, 'public, max-age=3'],
    ['playlist', 7, 'public, max-age=3'],
    ['multivariant', 600, 'public, max-age=15'],
    ['thumbnail', 0.1, 'public, max-age=1'],
    ['thumbnail', 5, 'public, max-age=2'],
    ['thumbnail', 3600, 'public, max-age=5'],
    ['lease', 5, 'no-store'],
  ] as const)('a %s that changes every %d s is cached as %j', (kind, seconds, expected) => {
    expect(cacheControlOf(kind, seconds)).toBe(expected);
  });
});
