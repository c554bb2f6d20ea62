import { describe, expect, it } from 'vitest';
import { SidepipeError } from '../../../src/errors.js';
import { codecsOf, firstNeeds, needsOf, suits, type Wanted } from '../../../src/stream/outputs/source-needs.js';

const known = { isInterlaced: false, isAudioSilent: false };
const copied: Wanted = { container: 'mpegts', audio: 'copy', isCopied: true, isLooped: false };
const encoded: Wanted = { container: 'mpegts', audio: 'aac', isCopied: false, isLooped: false };

function refusal(video: string | undefined, wanted: Wanted): string {
  try {
    needsOf({ video, audio: undefined }, wanted);
  } catch (error) {
    if (error instanceof SidepipeError && error.code === 'source-unsupported') return error.message;
  }
  return '';
}

describe('needsOf', () => {
  it('needs nothing for what HLS carries', () => {
    const plain = { ...known, container: 'mpegts', videoTag: undefined };
    expect(needsOf({ video: 'h264', audio: 'aac' }, copied)).toEqual({ ...plain, audio: 'copy' });
    expect(needsOf({ video: 'h264', audio: undefined }, copied)).toEqual({ ...plain, audio: 'none' });
    expect(needsOf({ video: 'mpeg2video', audio: 'mp2' }, encoded)).toEqual({ ...plain, audio: 'aac' });
  });

  it.each([
    ['hevc', 'hvc1'],
    ['av1', undefined],
    ['vp9', undefined],
  ])('moves copied %s to fMP4', (video, videoTag) => {
    expect(needsOf({ video, audio: 'aac' }, copied)).toMatchObject({ container: 'fmp4', videoTag, audio: 'copy-aac' });
    expect(needsOf({ video, audio: 'aac' }, encoded)).toMatchObject({ container: 'mpegts', videoTag: undefined });
  });

  it.each([
    ['mjpeg', 'input.format to mjpeg'],
    ['mpeg2video', 'renditions'],
    ['mpeg4', 'renditions'],
    ['vp8', 'renditions'],
    ['rawvideo', 'renditions'],
  ])('rejects a copy of %s, and names the remedy', (video, setting) => {
    expect(refusal(video, copied)).toBe(
      `The source's video is ${video}, which HLS cannot carry. Encode it by setting ${setting}.`,
    );
  });

  it('rejects audio that cannot be copied', () => {
    expect(() => needsOf({ video: 'h264', audio: 'pcm_alaw' }, copied)).toThrow(/pcm_alaw/);
  });

  it('passes on whether the source is a looped file, and its container', () => {
    const wanted = { ...copied, container: 'fmp4', isLooped: true } as const;
    const audio = (format: string) => needsOf({ video: 'h264', audio: 'aac', format }, wanted).audio;
    expect([audio('mov,mp4,m4a'), audio('mpegts')]).toEqual(['copy', 'aac']);
  });

  it('passes on that announced audio does not come', () => {
    const needs = needsOf({ video: 'h264', audio: 'aac', isAudioSilent: true }, copied);
    expect(needs).toMatchObject({ audio: 'none', isAudioSilent: true });
  });

  it('deinterlaces interlaced video', () => {
    const needs = (isInterlaced?: boolean) => needsOf({ video: 'h264', audio: undefined, isInterlaced }, copied);
    expect([needs(true).isInterlaced, needs(false).isInterlaced, needs().isInterlaced]).toEqual([true, false, false]);
  });
});

describe('firstNeeds', () => {
  it('assumes progressive video and AAC in the configured container', () => {
    const config = { hls: { container: 'fmp4' }, audio: 'auto', loop: false } as Parameters<typeof firstNeeds>[0];
    expect(firstNeeds(config, { kind: 'rtsp' })).toEqual({
      ...known,
      container: 'fmp4',
      videoTag: undefined,
      audio: 'copy-aac',
    });
  });
});

describe('suits', () => {
  it('requires that all properties match', () => {
    const one = needsOf({ video: 'h264', audio: 'aac' }, copied);
    expect(suits(one, { ...one })).toBe(true);
    const others = [
      { container: 'fmp4' as const },
      { videoTag: 'hvc1' },
      { audio: 'aac' as const },
      { isInterlaced: true },
    ];
    for (const other of others) expect(suits(one, { ...one, ...other })).toBe(false);
  });

  it('accepts a source without audio, unless the plan adds silence', () => {
    const none = needsOf({ video: 'h264', audio: undefined }, copied);
    for (const audio of ['copy', 'copy-aac', 'aac', 'none'] as const)
      expect(suits({ ...none, audio }, none)).toBe(true);
    expect(suits({ ...none, audio: 'silence' }, none)).toBe(false);
    expect(suits(none, { ...none, audio: 'copy' })).toBe(false);
  });

  it('distinguishes announced audio that does not come from no audio, because it is waited for', () => {
    const none = needsOf({ video: 'h264', audio: undefined }, copied);
    const silent = needsOf({ video: 'h264', audio: 'aac', isAudioSilent: true }, copied);
    expect([suits(none, silent), suits(silent, none), suits(silent, silent)]).toEqual([false, false, true]);
  });
});

describe('codecsOf', () => {
  const facts = (sampleRate: number | undefined) => ({
    ...{ format: undefined, video: undefined },
    audio: { codec: 'aac', sampleRate, channels: undefined },
  });

  it('recognises announced audio that does not come by the missing sampling rate', () => {
    expect(codecsOf(facts(undefined))).toMatchObject({ audio: 'aac', isAudioSilent: true });
    expect(codecsOf(facts(48_000))).toMatchObject({ audio: 'aac', isAudioSilent: false });
    expect(codecsOf({ format: undefined, video: undefined, audio: undefined })).toMatchObject({ isAudioSilent: false });
  });
});
