import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fmp4Cutter } from '../../../src/hls/cut/fmp4-cutter.js';
import { findSps, readSps } from '../../../src/hls/cut/sps.js';
import { inspectMedia } from '../../../src/hls/inspect.js';
import { runFfmpeg, temporaryFolder } from '../../support/clip.js';

const folder = await temporaryFolder();
const options = { partSeconds: 0.2, segmentSeconds: 2, maxSegmentSeconds: 30 };

/** Raw H.264 of two seconds. */
async function rawVideo(size: string, ...encoder: readonly string[]): Promise<Buffer> {
  const input = ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25`, '-t', '2', '-threads', '1', '-g', '25'];
  const { stdout } = await runFfmpeg([
    ...input,
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    ...encoder,
    '-f',
    'h264',
    'pipe:1',
  ]);
  return stdout;
}

/** The first sequence parameter set of raw H.264. */
function spsOf(raw: Buffer): Uint8Array {
  const start = raw.indexOf(Uint8Array.of(0, 0, 1, 0x67)) + 3;
  return raw.subarray(start, raw.indexOf(Uint8Array.of(0, 0, 1), start));
}

describe('readSps', () => {
  it.each([
    [
      '640x360',
      ['-pix_fmt', 'yuv420p', '-bf', '0'],
      { width: 640, height: 360, reorderFrames: 0, chromaFormat: 1, bitDepth: 8 },
    ],
    ['1280x720', ['-pix_fmt', 'yuv420p', '-bf', '2'], { width: 1280, height: 720, reorderFrames: 2, chromaFormat: 1 }],
    [
      '322x182',
      ['-pix_fmt', 'yuv422p', '-bf', '3', '-b_strategy', '0', '-x264-params', 'b-pyramid=normal'],
      { width: 322, height: 182, reorderFrames: 2, chromaFormat: 2 },
    ],
    ['320x180', ['-pix_fmt', 'yuv444p', '-bf', '0'], { width: 320, height: 180, reorderFrames: 0, chromaFormat: 3 }],
    [
      '320x192',
      ['-pix_fmt', 'yuv420p', '-flags', '+ilme+ildct', '-x264-params', 'interlaced=1'],
      { width: 320, height: 192, isInterlaced: true },
    ],
  ] as const)('reads what an encoder says of %s %j', async (size, encoder, expected) => {
    expect(readSps(spsOf(await rawVideo(size, ...encoder)), 'avc')).toMatchObject(expected);
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom('avc' as const, 'hevc' as const),
        (bytes, codec) => {
          const facts = readSps(bytes, codec);
          expect(facts === undefined || (facts.width > 0 && facts.height <= 65_535)).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('findSps', () => {
  it('finds the parameter set with which an elementary stream begins, of either codec', async () => {
    const avc = await rawVideo('640x360', '-pix_fmt', 'yuv420p', '-bf', '2');
    expect(findSps(avc.subarray(0, 4096))).toEqual(readSps(spsOf(avc), 'avc'));
    const { stdout: hevc } = await runFfmpeg([
      ...['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25', '-frames:v', '10', '-pix_fmt', 'yuv420p'],
      ...['-c:v', 'libx265', '-x265-params', 'bframes=2:log-level=0', '-f', 'hevc', 'pipe:1'],
    ]);
    expect(findSps(hevc.subarray(0, 4096))).toMatchObject({ width: 320, height: 180, reorderFrames: 2 });
  });

  it('never throws, and finds nothing in bytes without a start code', () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    fc.assert(fc.property(bytes, (noise) => void findSps(Uint8Array.of(0, 0, 1, 0x67, ...noise))));
    fc.assert(fc.property(bytes, (noise) => findSps(noise.map((byte) => byte | 1)) === undefined));
  });
});

it('gives a picture that changes within a stream its own initialization segment, behind a discontinuity', async () => {
  const path = join(folder, 'changing.h264');
  await writeFile(
    path,
    Buffer.concat([
      await rawVideo('320x180', '-bf', '0'),
      await rawVideo('640x360', '-profile:v', 'baseline', '-bf', '0'),
    ]),
  );
  const movflags = 'empty_moov+default_base_moof+delay_moov';
  const output = ['-f', 'mp4', '-movflags', movflags, '-frag_duration', '50000', 'pipe:1'];
  const { stdout } = await runFfmpeg(['-framerate', '25', '-f', 'h264', '-i', path, '-c', 'copy', ...output]);
  const cutter = new Fmp4Cutter(options);
  const parts = [...cutter.push(stdout), ...cutter.end()];
  const inits = [...new Set(parts.map(({ init }) => init!))];
  expect(inits).toHaveLength(2);
  const changed = parts.filter(({ isDiscontinuity }) => isDiscontinuity);
  expect(changed).toEqual([parts.find(({ init }) => init === inits[1])]);
  expect(changed[0]).toMatchObject({ startsSegment: true, isIndependent: true });
  const described = await Promise.all(
    inits.map((init) => {
      const segment = Buffer.concat(parts.filter((part) => part.init === init).map(({ bytes }) => bytes));
      return inspectMedia({ container: 'fmp4', init, segment });
    }),
  );
  expect(described.map(({ width, height }) => [width, height])).toEqual([
    [320, 180],
    [640, 360],
  ]);
  expect(described[0]!.codecs).not.toBe(described[1]!.codecs);
  // A decoder that starts with the second initialization segment knows all it needs.
  const second = join(folder, 'second.mp4');
  await writeFile(
    second,
    Buffer.concat([inits[1]!, ...parts.filter(({ init }) => init === inits[1]).map(({ bytes }) => bytes)]),
  );
  const { stdout: frames, stderr } = await runFfmpeg(['-i', second, '-f', 'framemd5', 'pipe:1']);
  expect(stderr).toBe('');
  expect(frames.toString().match(/^0,/gm)).toHaveLength(50);
});
