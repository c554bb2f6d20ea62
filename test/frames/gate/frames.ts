import type { GatePicture } from '../../../src/frames/gate.js';

const width = 128;
const height = 72;

type Shade = (x: number, y: number) => number;

/** A grey frame, each pixel as `shade` says. */
export function frame(shade: Shade, seconds = 0): GatePicture {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1)
      data.fill(Math.max(0, Math.min(255, shade(x, y))), (y * width + x) * 3, (y * width + x) * 3 + 3);
  }
  return { data, width, height, capturedAt: 1_700_000_000_000 + seconds * 1000 };
}

/** Boxes of many shades, others for another seed. */
export function scene(seed: number): Shade {
  return (x, y) => 40 + (((Math.floor(x / 16) + seed) * 7919 + Math.floor(y / 12) * 104_729 * (seed + 1)) % 160);
}

/** The same with the grain of a camera: other in every frame. */
export function noisy(shade: Shade, amount: number, seed: number): Shade {
  const random = randomFrom(seed);
  return (x, y) => shade(x, y) + (random() - 0.5) * 2 * amount;
}

/** The same as an encoder gives it back: here and there a pixel is off by one. */
export function flickering(shade: Shade, seed: number): Shade {
  const random = randomFrom(seed);
  return (x, y) => shade(x, y) + (random() < 0.1 ? 1 : 0);
}

export function dimmed(shade: Shade, part: number): Shade {
  return (x, y) => shade(x, y) * part;
}

function randomFrom(seed: number): () => number {
  let state = seed * 2_654_435_761 + 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
