import sharp from 'sharp';
import { beforeEach, describe, expect, it } from 'vitest';
import { encodePicture } from '../src/images/encode.js';
import {
  checkKey,
  contentTypeOf,
  immutableThumbnailKey,
  parseKey,
  sizedThumbnailKey,
  stillKey,
  thumbnailKey,
} from '../src/storage/keys.js';
import { datedStill, numberedStill, parseStill } from '../src/storage/still-names.js';
import { imageContentTypes, imageFormats } from '../src/terms.js';
import { makeApp, type TestApp } from './http/make-app.js';
import { halves } from './images/pictures.js';
import { FakeStream, pictureOf } from './support/fake-streams.js';

/** A format that one of these places does not know would compile, and its images would be missing there. */

const hash = 'abcdefghijklmnopqrstuvwxyz-';
const capturedAt = Date.parse('2026-03-01T12:00:05.432Z');

describe.each(imageFormats)('%s', (format) => {
  const contentType = imageContentTypes[format];
  let stream: FakeStream;
  let test: TestApp;

  beforeEach(() => {
    stream = new FakeStream('cam');
    stream.pictures.set(format, pictureOf(Buffer.from('image'), { contentType }));
    stream.widths = [320];
    stream.sizeNames = ['card'];
    const image = { body: Buffer.from('image'), contentType, etag: `"${hash}"`, modifiedAt: 0, capturedAt };
    stream.immutables.set(`${hash}.${format}`, image);
    test = makeApp([stream]);
  });

  it('is encoded', async () => {
    const image = await encodePicture(halves([20, 40, 200], [230, 140, 30]), { format, quality: 80 });
    expect(image).toMatchObject({ contentType, width: 320, height: 180 });
    expect(await sharp(image.body).metadata()).toMatchObject({ width: 320, height: 180 });
  });

  it.each(['thumbnail', 'thumbnail-card', `thumbnail-${hash}`])('is served as %s', async (name) => {
    const response = await test.get(`/live/cam/${name}.${format}`);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, contentType]);
    expect(await response.text()).toBe('image');
  });

  it.each([
    ['thumbnail', thumbnailKey('cam', format)],
    ['thumbnail', sizedThumbnailKey('cam', 'card', format)],
    ['thumbnail-immutable', immutableThumbnailKey('cam', hash, format)],
    ['still', stillKey('cam', datedStill(capturedAt, format))],
    ['still', stillKey('cam', numberedStill(42, format))],
  ])('has a key for a %s: %s', (kind, key) => {
    expect(parseKey(checkKey(key))).toEqual({ kind, stream: 'cam' });
    expect(contentTypeOf(key)).toBe(contentType);
  });

  it('is recognised in the names of stills', () => {
    expect(parseStill(datedStill(capturedAt, format))).toEqual({ format, capturedAt });
    expect(parseStill(numberedStill(42, format))).toEqual({ format, number: 42 });
  });
});
