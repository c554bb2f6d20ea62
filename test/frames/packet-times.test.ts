import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PacketTime, PacketTimesParser } from '../../src/frames/packet-times.js';
import { findSps } from '../../src/hls/cut/sps.js';
import { ffmpegs, makeDirectory, makeWithFfmpeg } from '../support/ffmpeg.js';

function parse(bytes: Uint8Array, cuts: readonly number[] = [], onKeyframeStart?: (bytes: Uint8Array) => void) {
  const packets: PacketTime[] = [];
  const onPacket = (packet: PacketTime) => void packets.push(packet);
  const parser = new PacketTimesParser({ onPacket, ...(onKeyframeStart && { onKeyframeStart }) });
  const ends = [...cuts.map((cut) => Math.floor(cut * bytes.length)), bytes.length].sort((a, b) => a - b);
  let start = 0;
  for (const end of ends) {
    parser.push(bytes.subarray(start, end));
    start = end;
  }
  return packets;
}

/** As the node asks for them. */
const timesAsTheyAre = ['-muxdelay', '0', '-avoid_negative_ts', 'disabled', '-f', 'mpegts'];

describe('PacketTimesParser', () => {
  it('survives any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => void parse(bytes)));
  });
});

let directory: Awaited<ReturnType<typeof makeDirectory>>;
beforeAll(async () => {
  directory = await makeDirectory();
});
afterAll(() => directory.remove());

describe.each(ffmpegs)('what the $name ffmpeg writes', ({ path, name }) => {
  it('is read, wherever it is cut', async () => {
    const clip = join(directory.path, `${name}.mp4`);
    await makeWithFfmpeg(path, [
      ...['-f', 'lavfi', '-i', 'testsrc2=size=64x36:rate=10', '-t', '3', '-pix_fmt', 'yuv420p', '-c:v', 'libx264'],
      ...['-g', '10', '-bf', '2', '-b_strategy', '0', '-sc_threshold', '0', clip],
    ]);
    const { stdout } = await makeWithFfmpeg(path, ['-i', clip, '-map', '0:V:0', '-c', 'copy', ...timesAsTheyAre, '-']);
    const packets = parse(stdout);
    const times = packets.map(({ ptsSeconds }) => Math.round(ptsSeconds * 1000));
    const first = Math.min(...times);
    expect(times.map((at) => at - first).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 30 }, (_, at) => at * 100),
    );
    // In the order of decoding, which with B-frames is not that of time.
    expect(times).not.toEqual([...times].sort((a, b) => a - b));
    expect(packets.filter(({ isKey }) => isKey)).toHaveLength(3);
    expect(packets.every(({ ptsSeconds, dtsSeconds }) => ptsSeconds >= dtsSeconds)).toBe(true);
    expect(packets[0]!.ptsSeconds).toBeGreaterThan(packets[0]!.dtsSeconds);
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 }), (cuts) => {
        const starts: (number | undefined)[] = [];
        const onStart = (bytes: Uint8Array) => void starts.push(findSps(bytes)?.reorderFrames);
        expect(parse(stdout, cuts, onStart)).toEqual(packets);
        // Of the first keyframe alone. Two, because libx264 lets B-frames refer to each other by itself.
        expect(starts).toEqual([2]);
      }),
      { numRuns: 50 },
    );
  });
});
