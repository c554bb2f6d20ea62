import { rgbaToThumbHash } from 'thumbhash';
import type { RawPicture } from '../picture.js';

/** A tiny version of a frame: rgb, row by row. The source of placeholders. */
export interface TinyPicture {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Longest side of the tiny image. A ThumbHash has at most 7 × 7 waves, which need no more than two and a half times as many pixels. */
const longestSide = 32;
/** Sampled points per pixel, in each direction. */
const samples = 4;

/** Reduces a frame to a tiny image, in a tenth of a millisecond; does not keep the lent bytes. */
export function tinyPicture({ data, width, height }: RawPicture): TinyPicture {
  const scale = longestSide / Math.max(width, height, 1);
  const tiny = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
  const columns = positions(width, tiny.width).map((x) => x * 3);
  const rows = positions(height, tiny.height).map((y) => y * width * 3);
  const pixels = new Uint8Array(tiny.width * tiny.height * 3);
  for (let at = 0; at < pixels.length; at += 3) {
    const pixel = at / 3;
    const [left, top] = [(pixel % tiny.width) * samples, Math.floor(pixel / tiny.width) * samples];
    const sum = [0, 0, 0] as [number, number, number];
    for (let y = top; y < top + samples; y += 1) {
      for (let x = left; x < left + samples; x += 1) {
        const offset = (rows[y] ?? 0) + (columns[x] ?? 0);
        sum[0] += data[offset] ?? 0;
        sum[1] += data[offset + 1] ?? 0;
        sum[2] += data[offset + 2] ?? 0;
      }
    }
    pixels.set(
      sum.map((value) => Math.round(value / samples ** 2)),
      at,
    );
  }
  return { ...tiny, data: pixels };
}

function positions(side: number, cells: number): number[] {
  const parts = cells * samples;
  return Array.from({ length: parts }, (_, part) => Math.floor(((part + 0.5) * side) / parts));
}

/** The ThumbHash of an image in base64: about 25 bytes that any front end can turn into a blurred image. */
export function thumbHashOf({ data, width, height }: TinyPicture): string {
  const rgba = new Uint8Array(width * height * 4);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    rgba.set([data[pixel * 3] ?? 0, data[pixel * 3 + 1] ?? 0, data[pixel * 3 + 2] ?? 0, 255], pixel * 4);
  }
  return Buffer.from(rgbaToThumbHash(width, height, rgba)).toString('base64');
}

/** The dominant colour of an image, as `#rrggbb`: the mean of the fullest of 4096 boxes of similar colours. */
export function dominantColourOf({ data }: TinyPicture): string {
  const boxes = new Map<number, { count: number; sum: [number, number, number] }>();
  for (let at = 0; at < data.length; at += 3) {
    const [red = 0, green = 0, blue = 0] = data.subarray(at, at + 3);
    const key = (red >> 4) * 256 + (green >> 4) * 16 + (blue >> 4);
    const box = boxes.get(key) ?? { count: 0, sum: [0, 0, 0] };
    box.count += 1;
    box.sum = [box.sum[0] + red, box.sum[1] + green, box.sum[2] + blue];
    boxes.set(key, box);
  }
  const fullest = [...boxes.values()].reduce((best, box) => (box.count > best.count ? box : best), {
    count: 0,
    sum: [0, 0, 0],
  });
  const mean = fullest.sum.map((value) => Math.round(value / Math.max(1, fullest.count)));
  return `#${mean.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
}
