import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { Storyboard } from '../../src/images/storyboard.js';
import { distance, halves, type Rgb } from './pictures.js';

const options = { tileWidth: 32, columns: 3, rows: 2, format: 'png', quality: 80, maxSheets: 3 } as const;

describe('Storyboard', () => {
  it('is empty before the first picture', async () => {
    const storyboard = new Storyboard(options);
    expect([storyboard.sheets, storyboard.tiles]).toEqual([[], []]);
    expect(await storyboard.sheet(0)).toBeUndefined();
  });

  it('puts every picture where its tile says', async () => {
    const storyboard = new Storyboard(options);
    await fill(storyboard, 0, 10);
    expect(storyboard.sheets).toEqual([0, 1]);
    expect(storyboard.tiles).toHaveLength(10);
    for (const tile of storyboard.tiles) {
      const sheet = await storyboard.sheet(tile.sheet);
      expect(sheet?.complete).toBe(tile.sheet === 0);
      const { x: left, y: top, width, height, capturedAt } = tile;
      const raw = await sharp(sheet?.image.body).extract({ left, top, width, height }).raw().toBuffer();
      for (let at = 0; at < raw.byteLength; at += 3) {
        const [red = 0, green = 0, blue = 0] = raw.subarray(at, at + 3);
        expect(distance([red, green, blue], colourOf(capturedAt))).toBeLessThanOrEqual(1);
      }
    }
  });

  it('is only as high as it has pictures', async () => {
    const storyboard = new Storyboard(options);
    await fill(storyboard, 0, 2);
    expect((await storyboard.sheet(0))?.image).toMatchObject({ width: 96, height: 18 });
    await fill(storyboard, 2, 4);
    expect((await storyboard.sheet(0))?.image).toMatchObject({ width: 96, height: 36 });
  });

  it('encodes an unfinished sheet once, a full one never again', async () => {
    const storyboard = new Storyboard(options);
    await fill(storyboard, 0, 5);
    const [one, other] = await Promise.all([storyboard.sheet(0), storyboard.sheet(0)]);
    expect(other?.image.body).toBe(one?.image.body);
    await fill(storyboard, 5, 7);
    const full = await storyboard.sheet(0);
    expect(full).toMatchObject({ complete: true, image: { height: 36 } });
    expect((await storyboard.sheet(0))?.image.body).toBe(full?.image.body);
  });

  it('gives a sheet whole that is finished while it is asked for', async () => {
    const storyboard = new Storyboard(options);
    await fill(storyboard, 0, 5);
    const adding = fill(storyboard, 5, 6);
    const asked = await Promise.all(Array.from({ length: 3 }, () => storyboard.sheet(0)));
    await adding;
    expect(asked.every((sheet) => sheet?.image.height === 36)).toBe(true);
    expect(await storyboard.sheet(0)).toMatchObject({ complete: true });
  });

  it('keeps so many sheets and no more, with the tiles of those alone', async () => {
    const storyboard = new Storyboard(options);
    await fill(storyboard, 0, 32);
    expect(storyboard.sheets).toEqual([3, 4, 5]);
    expect(storyboard.tiles[0]).toMatchObject({ sheet: 3, capturedAt: 18_000 });
    expect(await storyboard.sheet(2)).toBeUndefined();
  });

  it('drops what has left the window', async () => {
    const storyboard = new Storyboard(options);
    await fill(storyboard, 0, 14);
    expect(storyboard.expire(5000)).toEqual([]);
    expect(storyboard.expire(5001)).toEqual([0]);
    expect(storyboard.sheets).toEqual([1, 2]);
    expect(storyboard.expire(1e9)).toEqual([1]);
    expect(storyboard.sheets).toEqual([2]);
  });

  it('begins a sheet when the proportions change', async () => {
    const storyboard = new Storyboard(options);
    await fill(storyboard, 0, 2);
    await storyboard.add(halves([9, 9, 9], [9, 9, 9], { width: 180, height: 320, capturedAt: 2000 }));
    expect(storyboard.tiles.map(({ sheet, height }) => [sheet, height])).toEqual([
      [0, 18],
      [0, 18],
      [1, 57],
    ]);
    expect(await storyboard.sheet(0)).toMatchObject({ complete: true });
  });

  it('tells of a torn frame and goes on', async () => {
    const errors: unknown[] = [];
    const storyboard = new Storyboard({ ...options, onError: (error) => errors.push(error) });
    await storyboard.add({ ...halves([9, 9, 9], [9, 9, 9]), data: new Uint8Array(4) });
    await fill(storyboard, 0, 1);
    expect(errors).toMatchObject([{ code: 'frame-invalid' }]);
    expect(storyboard.sheets).toEqual([0]);
  });
});

/** One picture a second, its colour made of its time. */
async function fill(storyboard: Storyboard, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += 1) {
    const colour = colourOf(at * 1000);
    await storyboard.add(halves(colour, colour, { capturedAt: at * 1000 }));
  }
}

function colourOf(capturedAt: number): Rgb {
  const at = capturedAt / 1000;
  return [(at * 40) % 256, (at * 70) % 256, (at * 110) % 256];
}
