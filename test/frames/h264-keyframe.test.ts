import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FirstKeyframe } from '../../src/frames/first-keyframe.js';
import { MAX_KEYFRAME_BYTES, standaloneKeyframe } from '../../src/frames/h264-keyframe.js';
import { PacketTimesParser } from '../../src/frames/packet-times.js';
import { runFfmpeg } from '../support/clip.js';

const source = ['-f', 'lavfi', '-i', 'testsrc2=size=160x96:rate=10', '-t', '2', '-pix_fmt', 'yuv420p'];

async function encoded(encoder: string, ...more: string[]): Promise<Uint8Array> {
  return (await runFfmpeg([...source, '-c:v', encoder, ...more, '-'])).stdout;
}

/** The types of the units in it. */
function typesOf(data: Uint8Array): number[] {
  const bytes = Buffer.from(data);
  const types: number[] = [];
  const startCode = Buffer.of(0, 0, 0, 1);
  for (let at = bytes.indexOf(startCode); at >= 0; at = bytes.indexOf(startCode, at + 4))
    types.push(bytes[at + 4]! & 0x1f);
  return types;
}

/** The first keyframe of a transport stream, cut anywhere. */
function firstOf(stream: Uint8Array, cut: number): Uint8Array | undefined {
  const first = new FirstKeyframe();
  let found: Uint8Array | undefined;
  const parser = new PacketTimesParser(
    () => {},
    (data, packet) => {
      const keyframe = first.payload(data, packet?.isKey);
      if (keyframe === undefined) return;
      expect(found, 'only the first is told of').toBeUndefined();
      found = keyframe;
    },
  );
  for (let at = 0; at < stream.length; at += cut) parser.push(stream.subarray(at, at + cut));
  return found;
}

describe('a keyframe that stands alone', () => {
  it('is decoded with nothing before it, whatever it was cut from', async () => {
    const stream = await encoded('libx264', '-preset', 'veryfast', '-bf', '2', '-g', '5', '-f', 'mpegts');
    const keyframes = [7, 188, 1000, stream.length].map((cut) => firstOf(stream, cut));
    for (const keyframe of keyframes) {
      expect(typesOf(keyframe!)).toEqual([7, 8, 5]);
      expect(keyframe).toEqual(keyframes[0]);
    }
    expect(standaloneKeyframe(keyframes[0]!)).toEqual(keyframes[0]);
  });

  it('takes parameter sets from elsewhere where it has none', async () => {
    const unit = (type: number, ...bytes: number[]) => Uint8Array.of(0, 0, 0, 1, 0x60 | type, ...bytes);
    const stream = await encoded('libx264', '-preset', 'veryfast', '-g', '5', '-f', 'h264');
    const whole = standaloneKeyframe(stream)!;
    const at = Buffer.from(whole).indexOf(Buffer.from([0, 0, 0, 1, 0x65]));
    expect(standaloneKeyframe(unit(5, 1, 2, 3))).toBeUndefined();
    expect(standaloneKeyframe(unit(1, 1, 2, 3), whole)).toBeUndefined();
    const [parameters, slices] = [whole.subarray(0, at), whole.subarray(at)];
    expect(standaloneKeyframe(slices, parameters)).toEqual(whole);
  });

  it.each([
    ['fields', 'libx264', ['-flags', '+ildct+ilme', '-x264-params', 'interlaced=1', '-f', 'mpegts']],
    ['HEVC', 'libx265', ['-preset', 'ultrafast', '-x265-params', 'log-level=none', '-f', 'mpegts']],
    ['MPEG-2', 'mpeg2video', ['-f', 'mpegts']],
  ] as const)('is not found in %s', async (_name, encoder, more) => {
    expect(firstOf(await encoded(encoder, ...more), 4096)).toBeUndefined();
  });

  it.each([
    ['frames alone', '6742000adde0', true],
    ['fields', '6742000adda0', false],
    ['a byte that is there only so that no start code appears', '674200000302 05de', true],
    ['a high profile', '6764000aacbbc0', true],
    ['scaling lists, which are not read', '6764000aadbbc0', false],
    ['an end in the middle', '6742000a', false],
  ])('is found by the sequence parameter set: %s', (_name, sequence, isFound) => {
    const data = Buffer.from(`00000001${sequence}0000000168ce0000000165b8`.replaceAll(' ', ''), 'hex');
    expect(standaloneKeyframe(data) !== undefined).toBe(isFound);
  });

  it('is not kept where it is larger than any picture of a camera', () => {
    const data = new Uint8Array(MAX_KEYFRAME_BYTES + 1).fill(0xff);
    data.set(Buffer.from('000000016742000adde00000000168ce0000000165', 'hex'));
    expect(standaloneKeyframe(data.subarray(0, MAX_KEYFRAME_BYTES))).toBeDefined();
    expect(standaloneKeyframe(data)).toBeUndefined();
  });

  it('is not found in garbage, which does no harm', () => {
    const unit = fc.tuple(fc.constantFrom(1, 5, 7, 8, 9), fc.uint8Array({ maxLength: 40 }));
    fc.assert(
      fc.property(fc.array(unit), (units) => {
        const data = Uint8Array.from(units.flatMap(([type, bytes]) => [0, 0, 0, 1, type, ...bytes]));
        const found = standaloneKeyframe(data, data);
        if (found !== undefined) expect(new Set(typesOf(found))).toContain(5);
      }),
      { numRuns: 1000 },
    );
  });
});
