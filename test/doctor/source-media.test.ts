import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SourceMedia, SourceMediaReader } from '../../src/doctor/source-media.js';

function read(log: readonly string[], packets: readonly string[] = []): SourceMedia {
  const reader = new SourceMediaReader();
  for (const line of log) reader.log(line);
  for (const line of packets) reader.packet(line);
  return reader.media();
}

const input = "Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'a.mp4':";

describe('what ffmpeg says of its input', () => {
  it.each([
    [
      '4.1',
      '    Stream #0:0(und): Video: h264 (Main) (avc1 / 0x31637661), yuv420p, 640x360 [SAR 1:1 DAR 16:9], 1659 kb/s, 25 fps, 25 tbr, 12800 tbn, 50 tbc (default)',
      { codec: 'h264', profile: 'Main', pixelFormat: 'yuv420p', width: 640, height: 360, isInterlaced: false },
    ],
    [
      '5.1',
      '  Stream #0:0[0x1](und): Video: hevc (Main 10) (hvc1 / 0x31637668), yuv420p10le(tv, bt2020nc/bt2020/smpte2084, progressive), 3840x2160, 25 fps (default)',
      { codec: 'hevc', profile: 'Main 10', pixelFormat: 'yuv420p10le', width: 3840, height: 2160 },
    ],
    [
      'interlaced',
      '    Stream #0:0[0x100]: Video: h264 (High) ([27][0][0][0] / 0x001B), yuv420p(tv, bt709, top first), 1920x1080 [SAR 1:1 DAR 16:9], 25 fps, 50 tbr',
      { isInterlaced: true, width: 1920, height: 1080 },
    ],
    [
      'field order of an older ffmpeg',
      '    Stream #0:0: Video: mpeg2video (Main), yuv420p(tv, bottom coded first (swapped)), 720x576, 25 fps',
      { codec: 'mpeg2video', isInterlaced: true, width: 720 },
    ],
    [
      'nothing decoded',
      '    Stream #0:0: Video: h264, none, 90k tbr, 90k tbn, 180k tbc',
      { codec: 'h264', profile: undefined, pixelFormat: undefined, width: undefined },
    ],
    [
      'a name that looks like brackets',
      '  Stream #0:0: Video: mjpeg (Baseline), yuvj422p(pc, bt470bg/unknown/unknown), 640x480, 25 tbr',
      { codec: 'mjpeg', profile: 'Baseline', pixelFormat: 'yuvj422p', width: 640 },
    ],
  ])('%s', (_, line, expected) => {
    expect(read([input, line, 'Stream mapping:']).video).toMatchObject(expected);
  });

  it.each([
    [
      '    Stream #0:1: Audio: pcm_alaw ([6][0][0][0] / 0x0006), 8000 Hz, mono, s16, 64 kb/s',
      ['pcm_alaw', 8000, 'mono'],
    ],
    ['  Stream #0:1[0x2](und): Audio: aac (LC) (mp4a / 0x6134706D), 48000 Hz, 5.1, fltp', ['aac', 48_000, '5.1']],
  ])('%s', (line, [codec, sampleRate, channels]) => {
    expect(read([input, line]).audio).toEqual({ codec, sampleRate, channels });
  });

  it('reads the rotation of every version the same way, and of the video only', () => {
    const video = '    Stream #0:0(und): Video: h264 (High), yuv420p, 640x360, 25 fps';
    const rotations = (...lines: string[]) => read([input, video, ...lines]).video?.rotation;
    expect(rotations('      displaymatrix: rotation of -90.00 degrees')).toBe(90);
    expect(rotations('        Display Matrix: rotation of -90.00 degrees')).toBe(90);
    expect(rotations('      rotate          : 90', '      displaymatrix: rotation of -90.00 degrees')).toBe(90);
    expect(rotations('      displaymatrix: rotation of 180.00 degrees')).toBe(180);
    expect(rotations()).toBe(0);
    const cover = '    Stream #0:1: Video: mjpeg, yuvj420p, 64x64 (attached pic)';
    expect(rotations(cover, '      displaymatrix: rotation of 90.00 degrees')).toBe(0);
  });

  it('takes the first of each kind, and nothing of the outputs', () => {
    const video = (codec: string, more = '') => `    Stream #0:0: Video: ${codec}, yuv420p, 640x360${more}`;
    const { video: first } = read([input, video('png', ' (attached pic)'), video('h264'), video('hevc')]);
    expect(first?.codec).toBe('h264');
    expect(read(["Output #0, framecrc, to 'pipe:1':", video('h264')]).video).toBeUndefined();
    expect(read([input, 'Stream mapping:', video('h264')]).video).toBeUndefined();
  });
});

/** What `-f framecrc` prints of a stream with these pictures, in the order in which they are decoded. */
function packetsOf(pictures: readonly { at: number; dts: number; isKeyframe: boolean; bytes: number }[], base = 1000) {
  const head = [`#tb 0: 1/${base}`, '#media_type 0: video', '#codec_id 0: h264', '#dimensions 0: 640x360'];
  return [
    ...head,
    ...pictures.map(({ at, dts, isKeyframe, bytes }) => {
      const flags = isKeyframe ? '' : ', F=0x0';
      return `0, ${String(dts).padStart(10)}, ${String(at).padStart(10)}, 40, ${bytes}, 0x12345678${flags}`;
    }),
  ];
}

describe('what the packets say', () => {
  it('knows parameter sets of the video by the extradata that ffmpeg lists', () => {
    const lacks = (lines: readonly string[]) => read([], lines).lacksParameterSets;
    const sound = ['#extradata 1:        5, 0x0a1d02c4', '#tb 1: 1/48000', '#media_type 1: audio'];
    const video = packetsOf([{ at: 0, dts: 0, isKeyframe: true, bytes: 1000 }]);
    expect(lacks([...sound, ...video])).toBe(true);
    expect(lacks(['#extradata 0:       45, 0x8f2c0b1a', ...sound, ...video])).toBe(false);
  });

  it('measures rate, keyframe interval and bitrate of any steady stream', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 60 }), fc.integer({ min: 1, max: 120 }), (fps, gop) => {
        const count = gop * 3 + 1;
        const pictures = Array.from({ length: count }, (_, index) => {
          return { at: index, dts: index, isKeyframe: index % gop === 0, bytes: 1000 };
        });
        const { packets } = read([], packetsOf(pictures, fps));
        expect(packets).toMatchObject({ videoPackets: count, keyframes: 4, hasVariableRate: false, hasBFrames: false });
        expect(packets.frameRate).toBeCloseTo(fps, 6);
        expect(packets.keyframeSeconds).toBeCloseTo(gop / fps, 6);
        expect(packets.bitsPerSecond).toBeCloseTo((count * 8000) / ((count - 1) / fps), 3);
      }),
    );
  });

  it('tells B-frames by the order, and their rate is not spoilt by the last ones', () => {
    // I P b b P b b: decoded before they are shown.
    const shown = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12];
    const pictures = shown.map((at, index) => ({ at: at * 40, dts: index * 40, isKeyframe: index === 0, bytes: 100 }));
    const { packets } = read([], packetsOf(pictures));
    expect(packets).toMatchObject({
      hasBFrames: true,
      hasVariableRate: false,
      keyframes: 1,
      keyframeSeconds: undefined,
    });
    expect(packets.frameRate).toBeCloseTo(25, 6);
  });

  it('tells a variable rate from the rounding of time stamps', () => {
    const at = (times: readonly number[]) =>
      read([], packetsOf(times.map((each) => ({ at: each, dts: each, isKeyframe: true, bytes: 1 })))).packets;
    const steady = at(Array.from({ length: 60 }, (_, index) => Math.round((index * 1000) / 30)));
    expect(steady.hasVariableRate).toBe(false);
    expect(steady.frameRate).toBeCloseTo(30, 1);
    let time = 0;
    const variable = at(Array.from({ length: 60 }, (_, index) => (time += index % 3 === 0 ? 100 : 33)));
    expect(variable.hasVariableRate).toBe(true);
    expect(variable.frameRate).toBeCloseTo(59 / variable.seconds, 6);
  });

  it('knows flags beside the keyframe, audio, and times that are missing', () => {
    const head = ['#tb 0: 1/10', '#media_type 0: video', '#tb 1: 1/10', '#media_type 1: audio'];
    const { packets } = read(
      [],
      [
        ...head,
        '0, 0, 0, 1, 10, 0x1, F=0x5, S=1, 10',
        '0, 1, N/A, 1, 10, 0x1, F=0x4',
        '1, 0, 0, 1, 10, 0x1',
        '7, 0, 0, 1, 10, 0x1',
      ],
    );
    expect(packets).toMatchObject({ videoPackets: 2, keyframes: 1, audioPackets: 1, seconds: 0.1 });
  });

  it('takes any lines without throwing, and says no number that is none', () => {
    const line = fc.oneof(
      fc.string(),
      fc.tuple(fc.nat(2), fc.string(), fc.string(), fc.integer(), fc.string()).map((cells) => cells.join(',')),
      fc.constantFrom(
        '#tb 0: 1/0',
        '#tb 0: 1/25',
        '#media_type 0: video',
        '0, 1, 1, 1, 5, 0x0',
        '0, N/A, N/A, 1, 5, 0x0',
      ),
    );
    fc.assert(
      fc.property(fc.array(line), fc.array(line), (log, lines) => {
        const { packets } = read([input, ...log], lines);
        for (const value of Object.values(packets)) {
          if (typeof value === 'number') expect(Number.isFinite(value)).toBe(true);
        }
      }),
    );
  });
});
