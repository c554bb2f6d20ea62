import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse.js';
import type { ConfigInput } from '../../../src/config/schema/schema.js';
import type { StreamEvent } from '../../../src/events/stream-events.js';
import type { EncodedImage } from '../../../src/images/picture.js';
import type { StoredObject } from '../../../src/storage/store.js';
import { PictureUploads } from '../../../src/stream/uploads/picture-uploads.js';

const start = Date.UTC(2027, 2, 3);
const image: EncodedImage = {
  ...{ body: new Uint8Array([1]), contentType: 'image/jpeg', etag: '"abcdefghijklmnopqrstuvwxyz-"' },
  ...{ width: 1, height: 1, bytes: 1, encodeSeconds: 0 },
};
const sheet = { ...image, modifiedAt: start, complete: false };
const tile = (second: number, number: number) => {
  return { sheet: number, x: 0, y: 0, width: 160, height: 90, capturedAt: start + second * 1000 };
};

/** A thumbnail of `size` was made of a frame, `second` seconds after the start. */
const encoded = (size?: string, second = 0, more: object = {}): StreamEvent => {
  const at = start + second * 1000;
  return {
    ...{ type: 'thumbnail', stream: 'cam', at, image, format: 'jpg', size, isFirst: size === undefined },
    ...{ capturedAt: second * 1000, date: at, unchanged: false, gate: 'good', passed: undefined, ...more },
  };
};

describe('PictureUploads', () => {
  it('writes each size beside the others, and content under its hash', () => {
    const { uploads, written } = setUp('delete');
    uploads.take(encoded('card'));
    uploads.take(encoded());
    uploads.preview('webp', { ...image, contentType: 'image/webp', state: 'stale', capturedAt: start });
    expect(written).toMatchObject([
      { key: 'cam/thumbnail-card.jpg', metadata: { 'image-state': 'fresh' }, cacheControl: 'public, max-age=2' },
      { key: 'cam/thumbnail.jpg', metadata: { 'image-state': 'fresh' }, cacheControl: 'public, max-age=2' },
      {
        key: 'cam/thumbnail-abcdefghijklmnopqrstuvwxyz-.jpg',
        cacheControl: 'public, max-age=31536000, immutable',
        metadata: { 'captured-at': '2027-03-03T00:00:00.000Z' },
        options: { immutable: true, series: 'thumbnail.jpg' },
      },
      { key: 'cam/preview.webp', contentType: 'image/webp', metadata: { 'image-state': 'stale' } },
    ]);
    expect(written[2]?.metadata).not.toHaveProperty('image-state');
  });

  it('writes an unchanged thumbnail again only before its date would become stale', async () => {
    const { uploads, written } = setUp('delete', { thumbnail: { staleAfterSeconds: 20 } });
    uploads.take(encoded());
    expect(written).toHaveLength(2);
    uploads.take(encoded(undefined, 9, { unchanged: true }));
    uploads.take({ type: 'thumbnail-repeated', stream: 'cam', at: start, capturedAt: 9500 });
    await settled();
    expect(written).toHaveLength(2);
    uploads.take({ type: 'thumbnail-repeated', stream: 'cam', at: start, capturedAt: 10_000 });
    await settled();
    expect(written.slice(2).map(({ key }) => key)).toEqual(['cam/thumbnail.jpg', 'cam/thumbnail-card.jpg']);
  });

  it('replaces every thumbnail by the offline image, and the next one is written at once', async () => {
    const { uploads, written } = setUp('delete');
    const freshness = { type: 'freshness', stream: 'cam', at: start, before: 'stale', ageSeconds: 60 } as const;
    uploads.take({ ...freshness, state: 'stale' });
    await settled();
    expect(written).toEqual([]);
    uploads.take({ ...freshness, state: 'offline' });
    await settled();
    expect(written).toMatchObject([
      { key: 'cam/thumbnail.jpg', metadata: { 'image-state': 'offline' }, options: { standIn: true } },
      { key: 'cam/thumbnail-card.jpg', metadata: { 'image-state': 'offline' }, options: { standIn: true } },
    ]);
    uploads.take(encoded(undefined, 1, { unchanged: true }));
    await settled();
    expect(written[2]).toMatchObject({ key: 'cam/thumbnail.jpg', metadata: { 'image-state': 'fresh' } });
  });

  it('writes a rolling storyboard over a few keys, each content at an address of its own', () => {
    const { uploads, written } = setUp('delete');
    for (const number of [30, 31, 32, 33]) {
      const text = (urlOf: (sheet: number, version: number | undefined) => string) =>
        `${urlOf(number - 1, undefined)} ${urlOf(number, 7)}`;
      uploads.storyboard({ number, sheet, text });
      uploads.fullSheet({ number, image, tiles: [] });
    }
    const sheets = written.filter(({ key }) => key.endsWith('.jpg'));
    expect(new Set(sheets.map(({ key }) => key))).toEqual(
      new Set(['cam/storyboard-0.jpg', 'cam/storyboard-1.jpg', 'cam/storyboard-2.jpg']),
    );
    const last = written.findLast(({ key }) => key === 'cam/storyboard.vtt');
    expect(new TextDecoder().decode(last?.body)).toBe('storyboard-2.jpg?v=32-full storyboard-0.jpg?v=33-7');
    expect(last).toMatchObject({ contentType: 'text/vtt; charset=utf-8', cacheControl: 'public, max-age=2' });
  });

  it('keeps every sheet of a recording, and writes where each picture is in it', () => {
    const { uploads, written } = setUp('keep');
    uploads.storyboard({ number: 5, sheet, text: () => 'rolling' });
    expect(written).toEqual([]);
    for (let second = 0; second < 20; second += 2) {
      const programDateTime = start + second * 1000;
      const entry = { uri: 'x', durationSeconds: 2, programDateTime, discontinuity: false };
      uploads.segment({ entry, startedAt: programDateTime });
    }
    uploads.fullSheet({ number: 5, image, tiles: [tile(1, 5), tile(6, 5)] });
    uploads.fullSheet({ number: 6, image, tiles: [tile(11, 6)] });
    expect(written.map(({ key }) => key)).toEqual([
      'cam/storyboard-5.jpg',
      'cam/storyboard.vtt',
      'cam/storyboard-6.jpg',
      'cam/storyboard.vtt',
    ]);
    expect(written[0]?.options).toEqual({ immutable: true, series: 'storyboard' });
    const text = new TextDecoder().decode(written.at(-1)?.body);
    expect([...text.matchAll(/^(\S+) --> (\S+)\n([^#]+)/gm)].map((match) => match.slice(1).join(' '))).toEqual([
      '00:00:00.000 00:00:06.000 storyboard-5.jpg',
      '00:00:06.000 00:00:11.000 storyboard-5.jpg',
      '00:00:11.000 00:00:20.000 storyboard-6.jpg',
    ]);
  });

  it('keeps no sheets where the storyboard is not uploaded', () => {
    const { uploads, written } = setUp('keep', { storyboard: { upload: false } });
    uploads.fullSheet({ number: 5, image, tiles: [tile(1, 5)] });
    expect(written).toEqual([]);
  });
});

/** Waits for work that was started without waiting for it. */
const settled = () => new Promise(setImmediate);

function setUp(cleanup: 'delete' | 'keep', stream: Partial<NonNullable<ConfigInput['streams']>[number]> = {}) {
  const written: (StoredObject & { options: unknown })[] = [];
  const config = parseConfig({ streams: [{ name: 'cam', source: 'test', ...stream }] }).streams[0]!;
  const publication = { image: (object: StoredObject, options?: object) => void written.push({ ...object, options }) };
  const imageOf = (state: 'fresh' | 'offline') => ({
    ...image,
    state,
    capturedAt: start,
    modifiedAt: start,
    maxAgeSeconds: 5,
  });
  const images = {
    ...{ formats: ['jpg' as const], sizes: [{ name: 'card', width: 9 }] },
    thumbnail: () => imageOf('fresh'),
    offline: async () => imageOf('offline'),
  };
  return { uploads: new PictureUploads({ config, images, cleanup, publication }), written };
}
