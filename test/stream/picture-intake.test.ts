import { expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { firstChoice } from '../../src/frames/decode.js';
import { KeyframeShelf } from '../../src/stream/keyframe-shelf.js';
import { PictureIntake } from '../../src/stream/picture-intake.js';

it('notes that the source was opened, by the one line that says so', () => {
  const [config] = parseConfig({ streams: [{ name: 'cam', source: 'rtsp://camera.example/1' }] }).streams;
  const shelf = new KeyframeShelf();
  const intake = new PictureIntake({
    ...{ config: config!, shelf, capabilities: { libavformat: 58 }, isCopied: true, expectsPackets: true },
    ...{ decode: firstChoice('auto', 5), now: () => 1_800_000_000_000, acquire: () => undefined },
    ...{ onArrived: () => {}, onPicture: () => {}, onResized: () => {}, onBetter: () => {} },
  });
  for (const text of ['Connection refused', "Input #1, nut, from 'pipe:9':", "Output #0, hls, to 'http://x/':"])
    intake.line({ text });
  expect(shelf.hasOpened).toBe(false);
  intake.line({ text: "Input #0, rtsp, from 'rtsp://camera.example/1':" });
  expect(shelf.hasOpened).toBe(true);
});
