import { expect, it } from 'vitest';
import { LONGEST_WAIT_MS } from '../../../src/frames/source-time.js';
import { PictureIntake } from '../../../src/stream/pictures/picture-intake.js';
import { embedded, makeWithFfmpeg } from '../../support/ffmpeg.js';
import { VirtualClock } from '../../support/virtual-clock.js';

const RATE = 25;
const SECONDS = 2;

async function frames(): Promise<Uint8Array> {
  const { stdout } = await makeWithFfmpeg(embedded.path, [
    ...['-f', 'lavfi', '-i', `testsrc2=size=32x18:rate=${RATE}`, '-t', String(SECONDS)],
    ...['-pix_fmt', 'rgb24', '-c:v', 'rawvideo', '-f', 'nut', '-write_index', '0', '-'],
  ]);
  return stdout;
}

/** An intake that expects packets, of which none come, so that no frame can be dated at once. */
function begin() {
  const clock = new VirtualClock();
  const dated: number[] = [];
  let arrived = 0;
  let timers = 0;
  const intake = new PictureIntake({
    expectsPackets: true,
    now: () => clock.now(),
    async delay(ms) {
      timers += 1;
      await clock.delay(ms);
      timers -= 1;
    },
    frames: {
      acquire: (bytes) => new Uint8Array(bytes),
      offer: ({ ptsSeconds }) => void dated.push(Math.round(ptsSeconds * RATE)),
    },
    onArrived: () => {
      arrived += 1;
    },
    onDated: () => {},
    onResized: () => {},
    onPacket: () => {},
    onKeyframeStart: () => {},
  });
  return { clock, intake, dated, arrived: () => arrived, timers: () => timers };
}

it('waits with one timer for all frames that arrive before any of them can be dated', async () => {
  const { clock, intake, dated, arrived, timers } = begin();
  intake.pictures(await frames());
  expect(arrived()).toBe(RATE * SECONDS);
  expect(dated).toEqual([]);
  expect(timers()).toBe(1);
  await clock.advance(LONGEST_WAIT_MS + 10);
  expect(dated).toEqual([RATE * SECONDS - 1]);
  expect(timers()).toBe(0);
});

it('dates a frame after the longest wait, also if it replaced another one that waited', async () => {
  const { clock, intake, dated, timers } = begin();
  const bytes = await frames();
  const half = bytes.length / 2;
  intake.pictures(bytes.subarray(0, half));
  await clock.advance(LONGEST_WAIT_MS - 100);
  intake.pictures(bytes.subarray(half));
  await clock.advance(LONGEST_WAIT_MS - 1);
  expect(dated).toEqual([]);
  expect(timers()).toBe(1);
  await clock.advance(11);
  expect(dated).toEqual([RATE * SECONDS - 1]);
  expect(timers()).toBe(0);
});

it('needs no timer once frames are dated as they arrive, and none after its end', async () => {
  const { clock, intake, dated, timers } = begin();
  const bytes = await frames();
  const half = bytes.length / 2;
  intake.pictures(bytes.subarray(0, half));
  await clock.advance(LONGEST_WAIT_MS + 10);
  const before = dated.length;
  intake.pictures(bytes.subarray(half));
  expect(dated.length).toBeGreaterThan(before + 1);
  expect(timers()).toBe(0);
  intake.end();
  expect(timers()).toBe(0);
});
