import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSps } from '../../../src/hls/cut/sps.js';
import { videoConfiguration } from '../../../src/ingest/rtmp/protocol/media-tag.js';
import { largePictures } from '../../../src/stream/outputs/picture-limit.js';
import { runFfmpeg } from '../../support/clip.js';
import { avcRecord, hevcRecord } from '../../support/parameter-sets.js';
import { parseFlv } from '../../support/rtmp-flv.js';

const limit = 8192 * 4352;

describe('largePictures', () => {
  it.each([
    ['h264', avcRecord],
    ['avc1', avcRecord],
    ['hvc1', hevcRecord],
    ['hevc', hevcRecord],
  ] as const)('tells what is wrong with pictures of %s that have more pixels than allowed', (codec, record) => {
    expect(largePictures(codec, record(8192, 4352), limit)).toBeUndefined();
    expect(largePictures(codec, record(8192, 4368), limit)).toMatch(/8192×4368.*35651584.*ffmpeg\.maxPixels/);
    expect(largePictures(codec, record(16_000, 16_000), limit)).toMatch(/16000×16000/);
  });

  it('reads what an encoder sends', async () => {
    const { stdout } = await runFfmpeg([
      ...['-f', 'lavfi', '-i', 'color=s=640x368:d=0.2', '-c:v', 'libx264', '-threads', '1', '-pix_fmt', 'yuv420p'],
      ...['-f', 'flv', 'pipe:1'],
    ]);
    const headers = parseFlv(stdout).flatMap(({ type, payload }) =>
      type === 9 ? (videoConfiguration(payload) ?? []) : [],
    );
    expect(headers.map(({ codec }) => codec)).toEqual(['h264']);
    expect(largePictures('h264', headers[0]!.record, 640 * 368)).toBeUndefined();
    expect(largePictures('h264', headers[0]!.record, 640 * 368 - 1)).toMatch(/640×368/);
  });

  it('leaves to ffmpeg what it cannot read, and never throws', () => {
    expect(largePictures('av01', avcRecord(16_000, 16_000), 1)).toBeUndefined();
    expect(largePictures('h264', new Uint8Array(), 1)).toBeUndefined();
    const bytes = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(fc.constantFrom('h264', 'hvc1'), bytes, (codec, record) => {
        expect(['string', 'undefined']).toContain(typeof largePictures(codec, record, 1));
      }),
    );
  });
});

it('parameter sets of the tests are those of their sizes', () => {
  expect(readSps(avcRecord(320, 192).subarray(8), 'avc')).toMatchObject({ width: 320, height: 192 });
  expect(readSps(hevcRecord(320, 192).subarray(28), 'hevc')).toMatchObject({ width: 320, height: 192 });
});
