import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { describeMedia, findingsOf } from '../../src/doctor/source-advice.js';
import type { PacketFacts, SourceMedia } from '../../src/doctor/source-media.js';
import type { AudioFacts, VideoFacts } from '../../src/ffmpeg/log/source-facts.js';
import { readSource } from '../../src/ingest/source.js';

const video: VideoFacts = {
  codec: 'h264',
  profile: 'High',
  pixelFormat: 'yuv420p',
  width: 1920,
  height: 1080,
  isInterlaced: false,
  rotation: 0,
};
const aac: AudioFacts = { codec: 'aac', sampleRate: 48_000, channels: 'stereo' };
const packets: PacketFacts = {
  videoPackets: 150,
  audioPackets: 200,
  seconds: 6,
  bitsPerSecond: 4_500_000,
  frameRate: 25,
  hasVariableRate: false,
  keyframes: 4,
  keyframeSeconds: 2,
  hasBFrames: false,
};

type Change = {
  readonly video?: Partial<VideoFacts>;
  readonly audio?: Partial<AudioFacts> | null;
  readonly packets?: Partial<PacketFacts>;
  readonly lacksParameterSets?: boolean;
};

function mediaOf(change: Change = {}): SourceMedia {
  return {
    format: 'mpegts',
    lacksParameterSets: change.lacksParameterSets ?? false,
    video: { ...video, ...change.video },
    audio: change.audio === null ? undefined : { ...aac, ...change.audio },
    packets: { ...packets, ...change.packets },
  };
}

/** What is found beside the description itself. */
function adviceOf(change: Change, stream: Record<string, unknown> = {}) {
  const config = parseConfig({ streams: [{ name: 'cam', source: 'rtsp://camera/1', ...stream }] }).streams[0]!;
  const source = readSource(config.source, (path) => path, config.input.format);
  const [first, ...rest] = findingsOf(mediaOf(change), { config, source });
  expect(first).toMatchObject({ ok: true });
  for (const { ok, remedy } of rest) if (ok !== true) expect(remedy).toMatch(/^[A-Z].*\.$/);
  return rest.map(({ ok, detail }) => [ok, detail]);
}

it.each([
  [
    {},
    'h264 High, yuv420p, 1920×1080, 25 fps, keyframes every 2 s, no B-frames, 4.5 Mbit/s; audio aac, 48000 Hz, stereo',
  ],
  [
    { audio: null, packets: { hasBFrames: true, frameRate: 29.97, hasVariableRate: true } },
    'h264 High, yuv420p, 1920×1080, 29.97 fps (variable), keyframes every 2 s, B-frames, 4.5 Mbit/s; no audio',
  ],
  [
    {
      video: { profile: undefined, pixelFormat: undefined, width: undefined },
      packets: { keyframeSeconds: undefined, keyframes: 1, seconds: 12 },
    },
    'h264, size unknown, 25 fps, one keyframe in 12 s, no B-frames, 4.5 Mbit/s; audio aac, 48000 Hz, stereo',
  ],
])('a source is described in one line: %j', (change, text) => {
  expect(describeMedia(mediaOf(change))).toBe(text);
});

describe('advice', () => {
  it.each<[string, Change, Record<string, unknown>, (readonly [unknown, unknown])[]]>([
    ['nothing for a good camera', {}, {}, []],
    ['nothing for one without audio', { audio: null }, {}, []],
    [
      'G.711 that is to be copied stops the stream',
      { audio: { codec: 'pcm_alaw' } },
      { audio: 'copy' },
      [[false, expect.stringMatching(/audio is pcm_alaw.*Set audio to auto/)]],
    ],
    ['G.711 that is encoded', { audio: { codec: 'pcm_mulaw' } }, {}, [[true, 'G.711 audio is encoded to AAC']]],
    [
      'other audio that is encoded',
      { audio: { codec: 'opus' } },
      { audio: 'aac' },
      [[true, 'opus audio is encoded to AAC']],
    ],
    ['audio that is not wanted', { audio: { codec: 'pcm_alaw' } }, { audio: 'none' }, []],
    [
      'audio that is announced and silent',
      { packets: { audioPackets: 0 } },
      {},
      [['warning', expect.stringMatching(/^audio \(aac\) is announced but never arrives/)]],
    ],
    ['silent audio that is not wanted', { packets: { audioPackets: 0 } }, { audio: 'none' }, []],
    [
      'keyframes far apart',
      { packets: { keyframeSeconds: 10 } },
      {},
      [['warning', expect.stringMatching(/^keyframes every 10 s make segments 10 s long/)]],
    ],
    [
      'keyframes as far apart as segments are long',
      { packets: { keyframeSeconds: 10 } },
      { hls: { segmentSeconds: 10 } },
      [],
    ],
    ['keyframes a little late', { packets: { keyframeSeconds: 2.9 } }, {}, []],
    [
      'keyframes of which only one came',
      { packets: { keyframeSeconds: undefined, keyframes: 1, seconds: 12 } },
      {},
      [['warning', expect.stringMatching(/^only one keyframe in 12 s: segments are longer/)]],
    ],
    ['keyframes of video that is encoded', { packets: { keyframeSeconds: 10 } }, { renditions: [{}] }, []],
    [
      'keyframes of video that is encoded and copied',
      { packets: { keyframeSeconds: 10 } },
      { renditions: [{}], video: 'copy' },
      [['warning', expect.any(String)]],
    ],
    [
      'HEVC',
      { video: { codec: 'hevc', profile: 'Main' } },
      {},
      [['warning', expect.stringMatching(/^HEVC plays in Safari/)]],
    ],
    [
      'HEVC of 10 bit is not H.264',
      { video: { codec: 'hevc', pixelFormat: 'yuv420p10le' } },
      {},
      [['warning', expect.stringMatching(/^HEVC/)]],
    ],
    ['AV1', { video: { codec: 'av1' } }, {}, [['warning', expect.stringMatching(/^AV1/)]]],
    ['HEVC that is encoded', { video: { codec: 'hevc' } }, { renditions: [{}] }, []],
    [
      '4:2:2',
      { video: { profile: 'High 4:2:2', pixelFormat: 'yuv422p10le' } },
      {},
      [['warning', '4:2:2 video cannot be played by browsers']],
    ],
    ['4:4:4', { video: { pixelFormat: 'yuv444p' } }, {}, [['warning', '4:4:4 video cannot be played by browsers']]],
    [
      '10-bit H.264',
      { video: { profile: 'High 10', pixelFormat: 'yuv420p10le' } },
      {},
      [['warning', expect.stringMatching(/^10-bit/)]],
    ],
    [
      'interlaced video',
      { video: { isInterlaced: true } },
      {},
      [['warning', expect.stringMatching(/interlaced.*combing/)]],
    ],
    [
      'rotated video',
      { video: { rotation: 90 } },
      {},
      [['warning', expect.stringMatching(/rotation of 90°.*sideways/)]],
    ],
    [
      'missing parameter sets',
      { video: { width: undefined }, lacksParameterSets: true },
      {},
      [['warning', expect.stringMatching(/SPS, PPS/)]],
    ],
    ['nothing for a camera that was joined between two keyframes', { video: { width: undefined } }, {}, []],
    [
      'video that HLS cannot carry stops the stream',
      { video: { codec: 'mpeg4' } },
      {},
      [[false, expect.stringMatching(/video is mpeg4, which HLS cannot carry/)]],
    ],
    ['and does not where it is encoded', { video: { codec: 'mpeg4' } }, { renditions: [{}] }, []],
  ])('%s', (_, change, stream, expected) => {
    expect(adviceOf(change, stream)).toEqual(expected);
  });
});
