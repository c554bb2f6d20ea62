import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { KeyframeIntake } from '../../src/stream/keyframe-intake.js';
import { KeyframeShelf } from '../../src/stream/keyframe-shelf.js';
import { fileId, NutWriter } from '../support/nut-writer.js';

/** The smallest sequence parameter set of whole frames (baseline profile), a picture parameter set, and what passes for a slice. */
const standalone = Buffer.from('00000001 6742000adde0 00000001 68ce 00000001 65b8'.replaceAll(' ', ''), 'hex');

function begin({ isWanted = (): boolean => false, parameters = new Uint8Array() } = {}) {
  const clock = { now: 1_800_000_000_000 };
  const failures: string[] = [];
  const seen: number[] = [];
  const shelf = new KeyframeShelf();
  shelf.newest = standalone;
  const [keyframes, chosen] = [new PassThrough(), new PassThrough()];
  const intake = new KeyframeIntake({
    ...{ keyframes, chosen, shelf, intervalSeconds: 4, longestGapSeconds: 4.75, shiftSeconds: 10 },
    ...{ isWanted, now: () => clock.now },
    onKeyframe: (ptsSeconds) => void seen.push(ptsSeconds),
    onFailed: (why) => void failures.push(why),
  });
  const writer = new NutWriter({
    ...{ width: 16, height: 16, timeBases: [{ numerator: 1, denominator: 1 }], timeBaseIndex: 0 },
    ...{ msbPtsShift: 7, elisions: [], runs: [] },
  });
  keyframes.write(
    Buffer.concat([fileId, writer.mainHeader(), writer.streamHeader(parameters), writer.syncpoint(0, 0)]),
  );
  const extras = { fullPts: true, checksum: false, streamId: false, matchTime: false, reserved: 0 };
  const keyframe = async (pts: number, data: Uint8Array = standalone) => {
    clock.now += 1000;
    keyframes.write(writer.frame({ pts: pts + 10, data, choice: 1, extras }));
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, failures, seen, shelf, keyframes, chosen, intake, keyframe };
}

it('answers every keyframe, and keeps the newest', async () => {
  const { failures, seen, shelf, chosen, intake, keyframe } = begin();
  const other = Buffer.concat([standalone, Buffer.of(1)]);
  let before = chosen.readableLength;
  for (let pts = 0; pts < 20; pts += 1) {
    await keyframe(pts, other);
    expect(chosen.readableLength).toBeGreaterThan(before);
    before = chosen.readableLength;
    intake.answered();
  }
  expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => index));
  expect(Buffer.from(shelf.newest!)).toEqual(other);
  expect(shelf.hasAnswered).toBe(true);
  expect(failures).toEqual([]);
});

it('ends the second input where no picture comes of it, so that ffmpeg waits for it no more', async () => {
  const { failures, chosen, keyframe } = begin();
  for (let pts = 0; pts < 6; pts += 1) await keyframe(pts);
  expect(failures).toEqual([]);
  expect(chosen.writableEnded).toBe(false);
  await keyframe(6);
  await keyframe(7);
  expect(failures).toEqual(['no picture came of a chosen keyframe']);
  expect(chosen.writableEnded).toBe(true);
});

it('takes parameter sets that no keyframe has from the header', async () => {
  const { shelf, keyframe } = begin({ parameters: standalone.subarray(0, -6) });
  shelf.newest = undefined;
  await keyframe(0, standalone.subarray(-6));
  expect(Buffer.from(shelf.newest!)).toEqual(standalone);
});

it('ends it too where ffmpeg reads none of them', async () => {
  const { failures, chosen, intake, keyframe } = begin({ isWanted: () => true });
  const large = Buffer.concat([standalone, Buffer.alloc(4 * 1024 ** 2, 1)]);
  for (let pts = 0; pts < 6 && failures.length === 0; pts += 1) {
    expect(chosen.writableLength).toBeLessThan(17 * 1024 ** 2);
    await keyframe(pts, large);
    intake.answered();
  }
  expect(failures).toEqual(['chosen keyframes are not read']);
});

it('writes no more where the run ends', async () => {
  const { failures, seen, chosen, keyframe } = begin();
  const errors: unknown[] = [];
  chosen.on('error', (error) => errors.push(error));
  chosen.end();
  await keyframe(0);
  expect([seen, failures, errors]).toEqual([[0], [], []]);
});

it('ends it too where what what ffmpeg hands out cannot be read', async () => {
  const { failures, chosen, keyframes, keyframe } = begin();
  await keyframe(0);
  keyframes.write('no frame of NUT begins like this');
  await new Promise((resolve) => setImmediate(resolve));
  expect(failures).toEqual(['its keyframes cannot be read']);
  expect(chosen.writableEnded).toBe(true);
});

it('says how far the source is by its keyframes, and that it stands still when it gives no pictures', async () => {
  const { clock, intake, keyframe } = begin();
  const told = { outSeconds: 1e9, fps: 25, speed: 3e7, droppedFrames: 0, duplicatedFrames: 0, end: false };
  expect(intake.report({ ...told, frames: 1 }, clock.now).outSeconds).toBeUndefined();
  for (let pts = 0; pts < 3; pts += 1) await keyframe(pts);
  expect(intake.report({ ...told, frames: 60 }, clock.now + 500)).toMatchObject({ outSeconds: 2.5 });
  expect(intake.report({ ...told, frames: 60 }, clock.now + 1500)).toMatchObject({ outSeconds: 2.5 });
  await keyframe(3);
  expect(intake.report({ ...told, frames: 80 }, clock.now)).toMatchObject({ outSeconds: 3, speed: 1 });
});
