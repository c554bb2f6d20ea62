import { describe, expect, it } from 'vitest';
import { PictureIntake } from '../../../src/stream/pictures/picture-intake.js';
import { fileId, NutWriter } from '../../support/nut-writer.js';

const start = Date.UTC(2027, 0, 1);

/** An intake whose consumer lends a new buffer for each frame. Frames are of 2 × 2 pixels, a second apart. */
function setUp(expectsPackets: boolean) {
  const clock = { now: start };
  const lent: Uint8Array[] = [];
  const offered: { readonly data: Uint8Array; readonly capturedAt: number }[] = [];
  const dated: number[] = [];
  const ignored = () => {};
  const intake = new PictureIntake({
    expectsPackets,
    now: () => clock.now,
    delay: () => new Promise(ignored),
    frames: {
      acquire: (bytes) => {
        lent.push(new Uint8Array(bytes));
        return lent.at(-1);
      },
      offer: ({ data }, capturedAt) => offered.push({ data, capturedAt }),
    },
    onDated: (ptsSeconds) => dated.push(ptsSeconds),
    ...{ onArrived: ignored, onResized: ignored, onPacket: ignored, onKeyframeStart: ignored },
  });
  const writer = new NutWriter({
    ...{ width: 2, height: 2, timeBaseIndex: 0, msbPtsShift: 7, elisions: [], runs: [] },
    timeBases: [{ numerator: 1, denominator: 25 }],
  });
  intake.pictures(Buffer.concat([fileId, writer.mainHeader(), writer.streamHeader()]));
  const extras = { fullPts: false, checksum: false, streamId: false, matchTime: false, reserved: 0 };
  const arrive = (second: number) => {
    clock.now = start + second * 1000;
    const data = new Uint8Array(12).fill(second);
    intake.pictures(writer.frame({ pts: second * 25, data, choice: 1, extras }));
  };
  return { intake, lent, offered, dated, arrive };
}

describe('PictureIntake', () => {
  it('returns each lent buffer to its consumer, filled and with the capture time', () => {
    const { lent, offered, dated, arrive } = setUp(false);
    for (const second of [0, 1, 2]) arrive(second);
    expect(offered.map(({ capturedAt }) => capturedAt)).toEqual([start, start + 1000, start + 2000]);
    expect(offered.map(({ data }) => data.buffer)).toEqual(lent.map(({ buffer }) => buffer));
    expect(offered.map(({ data }) => [...new Set(data)])).toEqual([[0], [1], [2]]);
    expect(dated).toEqual([0, 1, 2]);
  });

  it('keeps the newest frame until it can be dated, and passes it on when the run ends', () => {
    const { intake, offered, dated, arrive } = setUp(true);
    arrive(0);
    arrive(1);
    expect(offered).toEqual([]);
    intake.end();
    expect(offered.map(({ data, capturedAt }) => [data[0], capturedAt])).toEqual([[1, start + 1000]]);
    expect(dated).toEqual([1]);
  });
});
