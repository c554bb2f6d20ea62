import { describe, expect, it } from 'vitest';
import { SidepipeError } from '../../../src/errors.js';
import type { OfferedFormat, OfferedMedia } from '../../../src/webrtc/sdp.js';
import { planWhepAnswer } from '../../../src/webrtc/whep/offer.js';
import type { LiveTracks, LiveVideo } from '../../../src/webrtc/whep/tracks.js';

const format = (payloadType: number, codec: string, clockRate: number, parameters = ''): OfferedFormat => {
  return { payloadType, codec, clockRate, channels: undefined, parameters, feedback: [] };
};
const h264 = (payloadType: number, profile: string, mode = 1) =>
  format(
    payloadType,
    'h264',
    90_000,
    `level-asymmetry-allowed=1;packetization-mode=${mode};profile-level-id=${profile}`,
  );
const media = (
  kind: OfferedMedia['kind'],
  mid: string,
  formats: OfferedFormat[],
  direction: OfferedMedia['direction'] = 'recvonly',
) => {
  return { mid, kind, direction, formats, extensions: new Map() };
};

const video: LiveVideo = { codec: 'h264', profile: 77, chromaFormat: 1, bitDepth: 8, isReordered: false };
const tracks: LiveTracks = { video, audio: 'opus' };
const chrome = [
  media('audio', '0', [format(111, 'opus', 48_000), format(0, 'pcmu', 8000), format(8, 'pcma', 8000)]),
  media('video', '1', [
    format(96, 'vp8', 90_000),
    h264(103, '42001f'),
    h264(104, '42001f', 0),
    h264(105, '4d001f'),
    h264(106, '64001f'),
    format(49, 'h265', 90_000, 'profile-id=1;tx-mode=SRST'),
  ]),
];

const chosen = (offered: OfferedMedia[], sent: LiveTracks = tracks) => {
  try {
    const { video: shown, audio, unused } = planWhepAnswer({ media: offered }, sent);
    return [shown.format.payloadType, audio?.format.payloadType, unused.map(({ mid }) => mid)];
  } catch (error) {
    return error instanceof SidepipeError ? [error.code, error.message] : error;
  }
};
const sending = (more: Partial<LiveVideo>) => ({ video: { ...video, ...more }, audio: undefined });

describe('the answer to a viewer', () => {
  it('has the format with the nearest profile, in the mode that splits frames', () => {
    expect(chosen(chrome)).toEqual([105, 111, []]);
    expect(chosen(chrome, sending({ profile: 100 }))).toEqual([106, undefined, ['0']]);
    expect(chosen(chrome, sending({ profile: 66 }))).toEqual([103, undefined, ['0']]);
    // Firefox.
    expect(
      chosen([media('video', '1', [h264(126, '42e01f'), h264(97, '42e01f', 0)])], sending({ profile: 100 })),
    ).toEqual([126, undefined, []]);
    expect(chosen(chrome, sending({ codec: 'hevc' }))).toEqual([49, undefined, ['0']]);
  });

  it('has the stream’s audio codec, or none', () => {
    expect(chosen(chrome, { video, audio: 'pcma' })).toEqual([105, 8, []]);
    expect(chosen([chrome[1]!, media('audio', '0', [format(0, 'pcmu', 8000)])])).toEqual([105, undefined, ['0']]);
    expect(chosen([chrome[1]!])).toEqual([105, undefined, []]);
  });

  it('is refused with the reason', () => {
    const refused = (offered: OfferedMedia[], more: Partial<LiveVideo>, words: RegExp) =>
      expect(chosen(offered, sending(more))).toEqual(['webrtc-offer-unacceptable', expect.stringMatching(words)]);
    refused(chrome, { isReordered: true }, /B-frames/);
    refused(chrome, { chromaFormat: 2 }, /4:2:0/);
    refused(chrome, { bitDepth: 10 }, /10-bit/);
    refused([media('video', '1', [format(96, 'vp8', 90_000)])], {}, /H\.264/);
    refused([media('video', '1', [h264(104, '42001f', 0)])], {}, /H\.264/);
    refused([media('video', '1', [h264(104, '42001f')], 'sendonly')], {}, /does not receive video/);
    refused([chrome[0]!], {}, /does not receive video/);
    refused([...chrome, media('application', '2', [])], {}, /data channel/);
  });
});
