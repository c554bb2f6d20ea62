import sharp from 'sharp';
import { expect, it } from 'vitest';
import { configureSharp } from '../../src/images/configure-sharp.js';

it('sets sharp to one thread a picture and no cache', () => {
  configureSharp();
  expect(sharp.concurrency()).toBe(1);
  expect(sharp.cache()).toMatchObject({ memory: { max: 0 }, items: { max: 0 } });
});
