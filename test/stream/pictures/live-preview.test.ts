import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse.js';
import { encodePicture } from '../../../src/images/encode.js';
import { drawOffline } from '../../../src/images/offline/offline.js';
import { LivePreview } from '../../../src/stream/pictures/live-preview.js';
import type { ImageResource } from '../../../src/stream/resources.js';
import type { ImageState } from '../../../src/terms.js';
import { halves } from '../../images/pictures.js';

const start = Date.UTC(2027, 0, 1);

describe('LivePreview', () => {
  it('is the offline picture, still, before there are frames', async () => {
    const { preview, show } = setUp();
    await show('offline');
    for (const format of ['webp', 'gif'] as const) {
      const image = await preview.image(format);
      expect(image).toMatchObject({ contentType: `image/${format}`, state: 'offline', capturedAt: undefined });
      expect((await sharp(image.body, { animated: true }).metadata()).pages ?? 1).toBe(1);
    }
  });

  it('is the newest picture, still, when the first viewer asks, and moves with the frames from then on', async () => {
    const { preview, add, show } = setUp();
    await show('fresh');
    await add(0);
    expect(await pagesOf(await preview.image('webp'))).toBe(1);
    for (const second of [5, 10, 15, 20]) await add(second);
    const image = await preview.image('webp');
    expect(image).toMatchObject({ state: 'fresh', capturedAt: start + 20_000, contentType: 'image/webp' });
    expect(await pagesOf(image)).toBe(3);
    expect((await sharp(image.body, { animated: true }).metadata()).delay).toEqual([500, 500, 500]);
    expect((await preview.image('webp')).etag).toBe(image.etag);
    expect(await pagesOf(await preview.image('gif'))).toBe(3);
  });

  it('collects nothing while nobody asks, and lets go a minute after the last question', async () => {
    const { preview, add, show, clock } = setUp();
    await show('fresh');
    await preview.image('webp');
    await add(1);
    await add(2);
    clock.now = start + 59_000;
    preview.expire();
    expect(await pagesOf(await preview.render('webp'))).toBe(2);
    clock.now = start + 61_000;
    preview.expire();
    await add(62);
    expect(await pagesOf(await preview.render('webp'))).toBe(1);
  });

  it('collects always where it is uploaded', async () => {
    const { preview, add, show } = setUp({ always: true });
    await show('fresh');
    await add(0);
    await add(5);
    expect(await pagesOf(await preview.render('webp'))).toBe(2);
  });

  it('shows nothing old once the stream is offline, and says when it is stale', async () => {
    const { preview, add, show } = setUp({ always: true });
    await add(0);
    await add(5);
    await show('stale');
    expect(await preview.image('webp')).toMatchObject({ state: 'stale', capturedAt: start + 5000 });
    await show('offline');
    const offline = await preview.image('webp');
    expect(offline.state).toBe('offline');
    expect(await pagesOf(offline)).toBe(1);
  });

  it('is the thumbnail itself when nothing can be made of it', async () => {
    const { preview, thumbnail, errors } = setUp();
    thumbnail.image = { ...thumbnail.image, body: new Uint8Array(3), state: 'offline' };
    expect((await preview.image('gif')).body).toBe(thumbnail.image.body);
    expect(errors).toMatchObject([{ code: 'image-failed' }]);
  });
});

async function pagesOf({ body }: ImageResource): Promise<number> {
  return (await sharp(body, { animated: true }).metadata()).pages ?? 1;
}

function setUp({ always = false } = {}) {
  const clock = { now: start };
  const errors: unknown[] = [];
  const resource = { contentType: 'image/jpeg', etag: '"x"', modifiedAt: start, maxAgeSeconds: 5 };
  const thumbnail = {
    image: { ...resource, body: new Uint8Array(0), capturedAt: undefined, state: 'offline' } as ImageResource,
  };
  const preview = new LivePreview({
    config: parseConfig({ streams: [{ name: 'x', source: 'test', preview: { frames: 3, width: 64 } }] }).streams[0]!
      .preview,
    always,
    now: () => clock.now,
    dateOf: (at) => at,
    thumbnail: async () => thumbnail.image,
    onError: (error) => errors.push(error),
  });
  const show = async (state: ImageState) => {
    const options = { width: 160, height: 90, format: 'jpg', quality: 80 } as const;
    const { body, etag } = await (state === 'offline'
      ? drawOffline({ name: 'x', ...options })
      : encodePicture(halves([9, 99, 200], [200, 9, 9], options), options));
    thumbnail.image = { ...resource, body, etag, state, capturedAt: state === 'offline' ? undefined : start };
  };
  const add = (second: number) => {
    const shade = (second * 37) % 256;
    return preview.add(halves([shade, 0, 99], [0, shade, 9], { capturedAt: start + second * 1000 }));
  };
  return { preview, add, show, clock, thumbnail, errors };
}
