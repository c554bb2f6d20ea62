import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { encodePicture } from '../../../src/images/encode.js';
import { drawOffline, offlineLines } from '../../../src/images/offline/offline.js';
import { lineWidth, strokeLine } from '../../../src/images/offline/strokes.js';
import { distance, halves, halvesOf, type Rgb } from '../pictures.js';

const box = { width: 640, height: 360, quality: 80 } as const;

describe('drawOffline', () => {
  it.each([
    ['jpg', 'image/jpeg'],
    ['webp', 'image/webp'],
    ['avif', 'image/avif'],
    ['png', 'image/png'],
  ] as const)('draws %s', async (format, contentType) => {
    const image = await drawOffline({ ...box, name: 'front-door', format });
    expect(image).toMatchObject({ contentType, width: 640, height: 360 });
    expect((await sharp(image.body).metadata()).hasAlpha).toBe(false);
    const { channels } = await sharp(image.body).stats();
    expect(channels[0]?.max).toBeGreaterThan(240);
    expect(channels[0]?.mean).toBeLessThan(60);
  });

  it('shows another picture for another name and another time', async () => {
    const lastPicture = { body: await redPicture(), capturedAt: 43_425_000 };
    const variants = [
      { name: 'front-door' },
      { name: 'front-doom' },
      { name: 'front-door', lastPicture },
      { name: 'front-door', lastPicture: { ...lastPicture, capturedAt: 43_426_000 } },
    ];
    const tags = await Promise.all(
      variants.map(async (o) => (await drawOffline({ ...box, ...o, format: 'png' })).etag),
    );
    expect(new Set(tags).size).toBe(variants.length);
  });

  it('keeps the last picture visible but dim behind the words', async () => {
    const lastPicture = { body: await redPicture(), capturedAt: 0 };
    const image = await drawOffline({ ...box, name: 'x', format: 'png', lastPicture });
    expect((await sharp(image.body).metadata()).hasAlpha).toBe(false);
    const corner = await sharp(image.body).extract({ left: 0, top: 0, width: 1, height: 1 }).raw().toBuffer();
    const [red = 0, green = 0] = corner;
    expect(red).toBeGreaterThan(green + 20);
    expect(red).toBeLessThan(120);
  });

  it('is drawn without the last picture when that cannot be read', async () => {
    const lastPicture = { body: new Uint8Array(50), capturedAt: 0 };
    const image = await drawOffline({ ...box, name: 'x', format: 'png', lastPicture });
    expect(image.width).toBe(640);
  });

  it.each(['<script>', '&"\'', ']]>', '\u0000', 'ö', '__proto__'])('takes %j as a name', async (name) => {
    const image = await drawOffline({ ...box, name, format: 'png' });
    expect(image.width).toBe(640);
  });

  it.each([
    [16, 16],
    [320, 100],
    [100, 600],
  ])('keeps the words inside a box of %d × %d', async (width, height) => {
    const name = 'a-very-long-name-that-goes-on-and-on-until-there-is-no-more-room';
    const image = await drawOffline({ name, width, height, quality: 80, format: 'png' });
    const { left, right } = await edges(image.body);
    expect(distance(left, [21, 24, 28])).toBeLessThanOrEqual(2);
    expect(distance(right, [21, 24, 28])).toBeLessThanOrEqual(2);
  });

  it('looks the same on a machine without a font', async () => {
    const file = fileURLToPath(new URL('../../../src/images/offline/offline.ts', import.meta.url));
    const options = { ...box, name: 'front-door', format: 'png' } as const;
    const script = `
      const { drawOffline } = await import(${JSON.stringify(file)});
      process.stdout.write((await drawOffline(${JSON.stringify(options)})).etag);`;
    const env = { ...process.env, FONTCONFIG_FILE: '/dev/null', FONTCONFIG_PATH: '/dev/null' };
    const args = ['--import', 'tsx', '--input-type=module', '-e', script];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env });
    expect(stdout).toBe((await drawOffline(options)).etag);
  });
});

describe('offlineLines', () => {
  it('says when the last picture was', () => {
    const lines = offlineLines('front-door', Date.UTC(2025, 0, 2, 12, 3, 45)).map(({ text }) => text);
    expect(lines).toEqual(['front-door', 'OFFLINE', 'last image 12:03:45 UTC', '2025-01-02']);
  });

  it('says that there was none', () => {
    expect(offlineLines('front-door', undefined).map(({ text }) => text)).toEqual([
      'front-door',
      'OFFLINE',
      'no image yet',
    ]);
  });

  it('breaks the longest name into lines without losing a letter', () => {
    for (const name of ['a'.repeat(63), `${'abcdefgh-'.repeat(7)}`, `${'a'.repeat(62)}-`]) {
      const names = offlineLines(name, undefined).slice(0, -2);
      expect(names.map(({ text }) => text).join('')).toBe(name);
      expect(Math.max(...names.map(({ text }) => text.length))).toBeLessThanOrEqual(24);
    }
  });
});

describe('strokeLine', () => {
  it('has a glyph of its own for every letter of a name and of the words', () => {
    const letters = '-.:/_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz?';
    const shapes = [...letters].map((text) => strokeLine({ text, left: 0, top: 0, unit: 1 }));
    expect(new Set(shapes).size).toBe(letters.length);
  });

  it('puts no letter of the text into the SVG', () => {
    expect(strokeLine({ text: '<x>&', left: 0, top: 0, unit: 1 })).not.toMatch(/<x>|&/);
    expect(lineWidth('ab')).toBe(10);
    expect(lineWidth('')).toBe(0);
  });
});

async function redPicture(): Promise<Uint8Array> {
  const picture = halves([220, 30, 30], [220, 30, 30]);
  return (await encodePicture(picture, { format: 'jpg', quality: 80 })).body;
}

/** The mean colours of the first and the last column. */
async function edges(body: Uint8Array): Promise<{ left: Rgb; right: Rgb }> {
  const { width = 0, height = 0 } = await sharp(body).metadata();
  const column = async (left: number) =>
    sharp(body).extract({ left, top: 0, width: 1, height }).resize(8, height, { fit: 'fill' }).png().toBuffer();
  return { left: (await halvesOf(await column(0))).left, right: (await halvesOf(await column(width - 1))).left };
}
