import { expect, it } from 'vitest';
import { PlayerRenditions } from '../../src/web/client/player/renditions.js';

const rendition = (height: number) => ({ id: String(height), width: height * 2, height, bitrate: height * 1000 });

it('is what media-chrome reads: a list with a choice that tells of changes', () => {
  const chosen: number[] = [];
  const told: string[] = [];
  const renditions = new PlayerRenditions((index) => chosen.push(index));
  for (const type of ['addrendition', 'change']) renditions.addEventListener(type, () => told.push(type));
  renditions.replace([rendition(720), rendition(360)]);
  expect([...renditions].map(({ height }) => height)).toEqual([720, 360]);
  expect([renditions.length, renditions.selectedIndex, renditions[1]?.height]).toEqual([2, -1, 360]);
  expect(Array.prototype.findIndex.call(renditions, ({ id }) => id === '360')).toBe(1);
  renditions.selectedIndex = 1;
  renditions.selectedIndex = 1;
  expect(chosen).toEqual([1]);
  expect(told).toEqual(['addrendition', 'change', 'change']);
});

it('keeps the choice over another list by its height, else lets the player choose', () => {
  const chosen: number[] = [];
  const renditions = new PlayerRenditions((index) => chosen.push(index));
  renditions.replace([rendition(720), rendition(360)]);
  renditions.selectedIndex = 1;
  renditions.replace([rendition(1080), rendition(720), rendition(360)]);
  expect(renditions.selectedIndex).toBe(2);
  expect(chosen).toEqual([1, 2]);
  renditions.replace([rendition(1080)]);
  expect([renditions.selectedIndex, renditions.length, renditions[1]]).toEqual([-1, 1, undefined]);
});
