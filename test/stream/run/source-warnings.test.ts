import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse.js';
import type { VideoFacts } from '../../../src/ffmpeg/log/source-facts.js';
import { copyWarnings, sourceWarnings } from '../../../src/stream/run/source-warnings.js';

const plain: VideoFacts = {
  ...{ codec: 'h264', profile: 'High', pixelFormat: 'yuv420p', width: 1920, height: 1080 },
  ...{ isInterlaced: false, rotation: 0 },
};

describe('warnings about copied video', () => {
  it.each<[string, Partial<VideoFacts>, readonly string[]]>([
    ['none where every browser plays it', {}, []],
    ['HEVC, AV1 and VP9: hevc', { codec: 'hevc' }, ['codec']],
    ['HEVC, AV1 and VP9: av1', { codec: 'av1' }, ['codec']],
    ['HEVC, AV1 and VP9: vp9', { codec: 'vp9' }, ['codec']],
    ['4:2:2 in 10 bits is one warning', { profile: 'High 4:2:2', pixelFormat: 'yuv422p10le' }, ['chroma']],
    [
      '4:4:4 of which only the profile is known',
      { profile: 'High 4:4:4 Predictive', pixelFormat: undefined },
      ['chroma'],
    ],
    ['10-bit H.264', { profile: 'High 10', pixelFormat: 'yuv420p10le' }, ['bit-depth']],
    ['interlaced and rotated', { isInterlaced: true, rotation: 270 }, ['interlaced', 'rotated']],
  ])('%s', (_, change, codes) => {
    const warnings = sourceWarnings({ video: { ...plain, ...change }, lacksParameterSets: false });
    expect(warnings.map(({ code }) => code)).toEqual(codes);
    for (const { message, remedy } of warnings)
      expect([message, remedy]).toEqual([expect.any(String), expect.any(String)]);
  });

  it.each([
    ['before the first keyframe', undefined, []],
    ['of a source that was joined between two keyframes', false, []],
    ['of a source whose first keyframe has no parameter sets', true, ['size-unknown']],
  ])('unknown size %s: %j', (_, lacksParameterSets, codes) => {
    const video = { ...plain, width: undefined, height: undefined };
    expect(sourceWarnings({ video, lacksParameterSets }).map(({ code }) => code)).toEqual(codes);
    // Parameter sets are repeated by some sources only, which is no fault if the size is known.
    expect(sourceWarnings({ video: plain, lacksParameterSets })).toEqual([]);
  });

  it('none before the video is known', () => {
    expect(sourceWarnings({ video: undefined, lacksParameterSets: undefined })).toEqual([]);
  });

  it.each([
    ['copied alone', {}, 1],
    ['copied beside renditions', { video: 'copy', renditions: [{}] }, 1],
    ['encoded', { renditions: [{}] }, 0],
  ])('video that is %s', (_, stream, count) => {
    const source = 'rtsp://camera.example/1';
    const config = parseConfig({ streams: [{ name: 'cam', source, ...stream }] }).streams[0]!;
    const warnings = copyWarnings({
      config,
      source: { kind: 'rtsp' },
      video: { ...plain, rotation: 90 },
      lacksParameterSets: false,
    });
    expect(warnings).toHaveLength(count);
  });
});
