import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PacketTime, PacketTimesParser } from '../../src/frames/packet-times.js';
import { ffmpegs, makeDirectory, makeWithFfmpeg } from '../support/ffmpeg.js';

function parse(bytes: Uint8Array, cuts: readonly number[] = []): PacketTime[] {
  const packets: PacketTime[] = [];
  const parser = new PacketTimesParser((packet) => packets.push(packet));
  const ends = [...cuts.map((cut) => Math.floor(cut * bytes.length)), bytes.length].sort((a, b) => a - b);
  let start = 0;
  for (const end of ends) {
    parser.push(bytes.subarray(start, end));
    start = end;
  }
  return packets;
}

const lines = (...each: string[]) => Buffer.from(`${each.join('\n')}\n`);

describe('PacketTimesParser', () => {
  it('reads times and keyframes in the time base that was told', () => {
    const text = lines(
      ...['#software: Lavf58.24.100', '#tb 0: 1/90000', '#media_type 0: video', '#codec_id 0: h264'],
      '0,      -6000,          0,     3000,   393827, 0xb9277971, S=1,        1, 0x00e000e0',
      '0,      -3000,      12000,     3000,    21974, 0xdf70b073, F=0x0, S=1,        1, 0x00e000e0',
      '0,          0,       6000,     3000,     8875, 0x2c824949, F=0x1',
      '0,       3000,      -6000,        0,     8875, 0x2c824949',
    );
    expect(parse(text)).toEqual([
      { ptsSeconds: 0, isKey: true },
      { ptsSeconds: 12_000 / 90_000, isKey: false },
      { ptsSeconds: 6000 / 90_000, isKey: true },
      { ptsSeconds: -6000 / 90_000, isKey: true },
    ]);
  });

  it('passes over what is no packet', () => {
    expect(parse(lines('0, 1, 2, 3, 4, 0x5', '#tb 0: 1/25', '#tb 1: 1/50', '1, 1, 2, 3, 4, 0x5', 'NOPTS', ''))).toEqual(
      [],
    );
    expect(parse(lines('#tb 0: 1/25', '0, 0, NOPTS, 1, 1, 0x1', '0, 25, 50, 1, 1, 0x1'))).toEqual([
      { ptsSeconds: 2, isKey: true },
    ]);
  });

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
    const { stdout } = await makeWithFfmpeg(path, ['-i', clip, '-map', '0:V:0', '-c', 'copy', '-f', 'framecrc', '-']);
    const packets = parse(stdout);
    const times = packets.map(({ ptsSeconds }) => Math.round(ptsSeconds * 1000));
    const first = Math.min(...times);
    expect(times.map((at) => at - first).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 30 }, (_, at) => at * 100),
    );
    // In the order of decoding, which with B-frames is not that of time.
    expect(times).not.toEqual([...times].sort((a, b) => a - b));
    expect(packets.filter(({ isKey }) => isKey)).toHaveLength(3);
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 }), (cuts) => {
        expect(parse(stdout, cuts)).toEqual(packets);
      }),
      { numRuns: 50 },
    );
  });
});
