import { describe, expect, it } from 'vitest';
import { SidepipeError } from '../../src/errors.js';
import { needsOf, sameNeeds, type Wanted } from '../../src/stream/source-needs.js';

const copied: Wanted = { container: 'mpegts', audio: 'copy', isCopied: true };
const encoded: Wanted = { container: 'mpegts', audio: 'aac', isCopied: false };

function refusal(video: string | undefined, audio: string | undefined, wanted: Wanted): string {
  try {
    needsOf({ video, audio }, wanted);
  } catch (error) {
    if (error instanceof SidepipeError && error.code === 'source-unsupported') return error.message;
  }
  return '';
}

describe('needsOf', () => {
  it('needs nothing for what HLS carries', () => {
    const plain = { container: 'mpegts', videoTag: undefined, silence: false };
    for (const audio of ['aac', 'mp3', 'ac3', 'eac3', undefined]) {
      expect(needsOf({ video: 'h264', audio }, copied)).toEqual(plain);
    }
    expect(needsOf({ video: 'mpeg2video', audio: 'mp2' }, encoded)).toEqual(plain);
  });

  it.each([
    ['hevc', 'hvc1'],
    ['av1', undefined],
    ['vp9', undefined],
  ])('moves copied %s to fMP4', (video, videoTag) => {
    expect(needsOf({ video, audio: 'aac' }, copied)).toEqual({ container: 'fmp4', videoTag, silence: false });
    expect(needsOf({ video, audio: 'aac' }, encoded)).toMatchObject({ container: 'mpegts', videoTag: undefined });
  });

  it.each([
    ['mjpeg', 'input.format to mjpeg'],
    ['mpeg2video', 'renditions'],
    ['mpeg4', 'renditions'],
    ['vp8', 'renditions'],
    ['rawvideo', 'renditions'],
  ])('refuses to copy %s, and names the remedy', (video, setting) => {
    expect(refusal(video, undefined, copied)).toBe(
      `the source's video is ${video}, which HLS cannot carry: encode it by setting ${setting}`,
    );
  });

  it('refuses sound that cannot be carried, and names the remedy', () => {
    expect(refusal('h264', 'pcm_alaw', copied)).toBe(
      "the source's audio is pcm_alaw, which HLS in MPEG-TS cannot carry: set audio to aac or none",
    );
    expect(refusal('h264', 'opus', copied)).toContain('set audio to aac');
    expect(refusal('h264', 'opus', { ...copied, container: 'fmp4' })).toBe('');
    expect(refusal('h264', 'pcm_alaw', { ...copied, container: 'fmp4' })).toContain('which HLS cannot carry');
    for (const audio of ['aac', 'none'] as const) expect(refusal('h264', 'pcm_alaw', { ...copied, audio })).toBe('');
  });

  it('needs silence where sound is promised and there is none', () => {
    expect(needsOf({ video: 'h264', audio: undefined }, { ...copied, audio: 'aac' }).silence).toBe(true);
    expect(needsOf({ video: 'h264', audio: 'mp2' }, { ...copied, audio: 'aac' }).silence).toBe(false);
    expect(needsOf({ video: 'h264', audio: undefined }, { ...copied, audio: 'none' }).silence).toBe(false);
  });

  it('compares needs by all that is in them', () => {
    const one = needsOf({ video: 'h264', audio: 'aac' }, copied);
    expect(sameNeeds(one, { ...one })).toBe(true);
    const others = [{ container: 'fmp4' as const }, { videoTag: 'hvc1' }, { silence: true }];
    for (const other of others) expect(sameNeeds(one, { ...one, ...other })).toBe(false);
  });
});
