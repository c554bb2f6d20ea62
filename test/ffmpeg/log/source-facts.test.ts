import { describe, expect, it } from 'vitest';
import { SourceFactsReader } from '../../../src/ffmpeg/log/source-facts.js';
import { codecsOf } from '../../../src/stream/outputs/source-needs.js';

function read(lines: string): ReturnType<SourceFactsReader['line']>[] {
  const reader = new SourceFactsReader();
  return lines
    .split('\n')
    .map((line) => reader.line(line))
    .filter((facts) => facts !== undefined);
}

describe('SourceFactsReader', () => {
  it.each([
    [
      'a file, as version 4.1 tells of it',
      `Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:a.mp4':
  Duration: 00:00:02.00, start: 0.000000, bitrate: 900 kb/s
    Stream #0:0(und): Video: hevc (Main 10) (hev1 / 0x31766568), yuv420p10le(tv), 320x180, 25 fps
    Stream #0:1(und): Audio: aac (LC) (mp4a / 0x6134706D), 48000 Hz, mono, fltp, 69 kb/s (default)
Stream mapping:
  Stream #0:0 -> #0:0 (copy)
Output #0, hls, to 'x':
    Stream #0:0(und): Video: h264, yuv420p`,
      { format: 'mov,mp4,m4a,3gp,3g2,mj2', video: 'hevc', audio: 'aac', isInterlaced: false, hasSize: true },
    ],
    [
      'a transport stream, as newer versions do',
      `Input #0, mpegts, from 'a.ts':
  Program 1
  Stream #0:0[0x100]: Video: h264 (High) ([27][0][0][0] / 0x001B), yuv420p
  Stream #0:1[0x101](eng): Audio: pcm_alaw, 8000 Hz, mono, s16, 64 kb/s
Stream mapping:`,
      { format: 'mpegts', video: 'h264', audio: 'pcm_alaw', isInterlaced: false, hasSize: false },
    ],
    [
      'a silent track as a second input',
      `Input #0, flv, from 'pipe:6':
  Stream #0:0: Video: h264 (High), yuv420p
Input #1, lavfi, from 'anullsrc':
  Stream #1:0: Audio: pcm_u8, 48000 Hz, stereo, u8
Stream mapping:`,
      { format: 'flv', video: 'h264', audio: undefined, isInterlaced: false, hasSize: false },
    ],
    [
      'audio with a cover picture',
      `Input #0, mp3, from 'a.mp3':
  Stream #0:0: Audio: mp3, 44100 Hz, stereo
  Stream #0:1: Video: mjpeg, yuvj420p(pc), 300x300, 90k tbr (attached pic)
Press [q] to stop, [?] for help`,
      { format: 'mp3', video: undefined, audio: 'mp3', hasSize: false },
    ],
  ])('reads %s', (_, lines, facts) => {
    expect(read(lines).map((each) => each && codecsOf(each))).toEqual([
      { isInterlaced: undefined, isAudioSilent: false, ...facts },
    ]);
  });

  it('says nothing before the source is open', () => {
    expect(read("[tcp] connecting\nStream mapping:\nOutput #0, hls, to 'x':\n  Stream #0:0: Video: h264")).toEqual([]);
  });
});
