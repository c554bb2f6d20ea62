import { afterAll, beforeAll, expect, it } from 'vitest';
import { Firefox } from '../support/firefox.js';
import { LiveFixture, makeMedia, serve, type TestServer } from './browser-fixture.js';

let firefox: Firefox;
let live: LiveFixture;
let server: TestServer;

beforeAll(async () => {
  const [large, small] = await Promise.all([makeMedia(30), makeMedia(30, { size: '320x180' })]);
  live = new LiveFixture('door', { '640x360': large, '320x180': small });
  live.start();
  server = await serve(live.stream);
  firefox = await Firefox.start();
}, 60_000);
afterAll(async () => {
  await firefox?.close();
  live?.close();
  await server?.close();
});

const video = (expression: string) => firefox.evaluate(`document.querySelector('video').${expression}`);
const patient = { timeout: 30_000 };

it('Firefox plays the stream, changes its quality, and complains of nothing', async () => {
  await firefox.goto(`${server.url}/`);
  await expect
    .poll(() => firefox.evaluate(`document.querySelector('.card img, .picture img').naturalWidth`), patient)
    .toBe(640);
  await firefox.goto(`${server.url}/watch/door`);
  await expect.poll(() => video('dataset.playing'), patient).toBe('true');
  const before = Number(await video('currentTime'));
  await expect.poll(() => video('currentTime'), patient).toBeGreaterThan(before + 1);
  await video('videoRenditions.selectedIndex = 1');
  await expect.poll(() => video('videoHeight'), patient).toBe(180);
  const later = Number(await video('currentTime'));
  await expect.poll(() => video('currentTime'), patient).toBeGreaterThan(later + 1);
  expect(firefox.complaints).toEqual([]);
}, 90_000);
