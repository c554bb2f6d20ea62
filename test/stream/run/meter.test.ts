import { describe, expect, it } from 'vitest';
import { Meter } from '../../../src/stream/run/meter.js';

const position = (at: number, mediaSeconds: number, frames: number, pid = 1) => ({ at, mediaSeconds, frames, pid });

describe('meter', () => {
  it('tells rates between two looks, and drift since the first', () => {
    const meter = new Meter();
    expect(meter.read(position(0, 0, 0), 0)).toEqual({ fps: null, speed: null, driftSeconds: null });
    expect(meter.read(position(2000, 2, 50), 2000)).toEqual({ fps: 25, speed: 1, driftSeconds: 0 });
    expect(meter.read(position(4000, 3, 75), 4000)).toEqual({ fps: 12.5, speed: 0.5, driftSeconds: 1 });
    expect(meter.read(position(6000, 6.5, 150), 6000)).toEqual({ fps: 37.5, speed: 1.75, driftSeconds: -0.5 });
  });

  it('keeps its readings while nothing new is reported, and then says that it stands still', () => {
    const meter = new Meter();
    meter.read(position(0, 0, 0), 0);
    const last = meter.read(position(1000, 1, 25), 1000);
    expect(meter.read(position(1000, 1, 25), 2000)).toEqual(last);
    expect(meter.read(position(1000, 1, 25), 5000)).toEqual({ ...last, fps: 0, speed: 0 });
  });

  it('begins anew with another process, with none, and when the clock was set back', () => {
    const meter = new Meter();
    const nothing = { fps: null, speed: null, driftSeconds: null };
    meter.read(position(0, 0, 0), 0);
    expect(meter.read(position(1000, 0.5, 10, 2), 1000)).toEqual(nothing);
    expect(meter.read(position(2000, 1.5, 35, 2), 2000)).toEqual({ fps: 25, speed: 1, driftSeconds: 0 });
    expect(meter.read(position(500, 2, 40, 2), 500)).toEqual(nothing);
    expect(meter.read(undefined, 600)).toEqual(nothing);
  });
});
