import { describe, expect, it } from 'vitest';
import { SidepipeError } from '../../../src/errors.js';
import {
  audioOf,
  codecsOf,
  firstNeeds,
  needsOf,
  suits,
  type Wanted,
} from '../../../src/stream/outputs/source-needs.js';

const known = { isInterlaced: false, isAudioSilent: false };
const copied: Wanted = { container: 'mpegts', audio: 'copy', isCopied: true, isLooped: false };
const encoded: Wanted = { container: 'mpegts', audio: 'aac', isCopied: false, isLooped: false };

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
    const plain = { ...known, container: 'mpegts', videoTag: undefined };
    for (const audio of ['aac', 'mp3', 'ac3', 'eac3']) {
      expect(needsOf({ video: 'h264', audio }, copied)).toEqual({ ...plain, audio: 'copy' });
    }
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
  ])('refuses to copy %s, and names the remedy', (video, setting) => {
    expect(refusal(video, undefined, copied)).toBe(
      `The source's video is ${video}, which HLS cannot carry. Encode it by setting ${setting}.`,
    );
  });

  it('refuses audio that cannot be copied, and names the remedy', () => {
    expect(refusal('h264', 'pcm_alaw', copied)).toBe(
      "The source's audio is pcm_alaw, which HLS in MPEG-TS cannot carry. Set audio to auto, aac or none.",
    );
    expect(refusal('h264', 'opus', copied)).toContain('Set audio to auto');
    expect(refusal('h264', 'opus', { ...copied, container: 'fmp4' })).toBe('');
    expect(refusal('h264', 'pcm_alaw', { ...copied, container: 'fmp4' })).toContain('which HLS cannot carry');
    for (const audio of ['auto', 'aac', 'none'] as const)
      expect(refusal('h264', 'pcm_alaw', { ...copied, audio })).toBe('');
  });

  it('needs silence where audio is promised and there is none', () => {
    const audioPlan = (audio: string | undefined, wanted: Wanted['audio']) =>
      needsOf({ video: 'h264', audio }, { ...copied, audio: wanted }).audio;
    expect(audioPlan(undefined, 'aac')).toBe('silence');
    expect(audioPlan('mp2', 'aac')).toBe('aac');
    expect(audioPlan(undefined, 'none')).toBe('none');
  });
});

describe('audio: auto', () => {
  const plan = (audio: string | undefined, container: 'mpegts' | 'fmp4') =>
    needsOf({ video: 'h264', audio }, { container, audio: 'auto', isCopied: true, isLooped: false }).audio;

  it('copies AAC and MP3, and AAC into fMP4 without its headers', () => {
    expect([plan('aac', 'mpegts'), plan('aac', 'fmp4')]).toEqual(['copy', 'copy-aac']);
    expect([plan('mp3', 'mpegts'), plan('mp3', 'fmp4')]).toEqual(['copy', 'copy']);
  });

  it.each([
    'pcm_alaw',
    'pcm_mulaw',
    'pcm_s16le',
    'mp2',
    'opus',
    'ac3',
    'eac3',
    'flac',
    'aac_latm',
    'adpcm_g726',
    'speex',
  ])('encodes %s in both containers', (codec) => {
    expect([plan(codec, 'mpegts'), plan(codec, 'fmp4')]).toEqual(['aac', 'aac']);
  });

  it('leaves a source without audio as it is', () => {
    expect([plan(undefined, 'mpegts'), plan(undefined, 'fmp4')]).toEqual(['none', 'none']);
  });

  it('encodes the test source', () => {
    expect(audioOf({ audio: 'auto' }, { kind: 'test' })).toBe('aac');
    expect(audioOf({ audio: 'none' }, { kind: 'test' })).toBe('none');
    expect(audioOf({ audio: 'auto' }, { kind: 'rtsp' })).toBe('auto');
  });
});

describe('a plan', () => {
  it('starts as most sources need it', () => {
    const first = (container: 'mpegts' | 'fmp4', audio: Wanted['audio'], kind: 'rtsp' | 'test' = 'rtsp') =>
      firstNeeds({ hls: { container }, audio } as Parameters<typeof firstNeeds>[0], { kind }).audio;
    expect([first('mpegts', 'auto'), first('fmp4', 'auto'), first('fmp4', 'copy')]).toEqual([
      'copy',
      'copy-aac',
      'copy-aac',
    ]);
    expect([first('fmp4', 'aac'), first('fmp4', 'none'), first('fmp4', 'auto', 'test')]).toEqual([
      'aac',
      'none',
      'aac',
    ]);
  });

  it('takes AAC into fMP4 without a filter where a file begins again, and encodes what has headers', () => {
    const wanted = { container: 'fmp4', audio: 'auto', isCopied: true } as const;
    const plan = (format: string | undefined, isLooped: boolean) =>
      needsOf({ video: 'h264', audio: 'aac', format }, { ...wanted, isLooped }).audio;
    expect([plan('mov,mp4,m4a', true), plan('mpegts', true), plan(undefined, true)]).toEqual(['copy', 'aac', 'copy']);
    expect([plan('mov,mp4,m4a', false), plan('mpegts', false)]).toEqual(['copy-aac', 'copy-aac']);
    const config = { hls: { container: 'fmp4' }, audio: 'auto', loop: true } as Parameters<typeof firstNeeds>[0];
    expect([firstNeeds(config, { kind: 'file' }).audio, firstNeeds(config, { kind: 'rtsp' }).audio]).toEqual([
      'copy',
      'copy-aac',
    ]);
  });

  it('deinterlaces what is interlaced', () => {
    const needs = (isInterlaced?: boolean) => needsOf({ video: 'h264', audio: undefined, isInterlaced }, copied);
    expect([needs(true).isInterlaced, needs(false).isInterlaced, needs().isInterlaced]).toEqual([true, false, false]);
  });

  it('suits a source only where all of it does', () => {
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

  it('suits a source without audio, unless it adds silence', () => {
    const none = needsOf({ video: 'h264', audio: undefined }, copied);
    for (const audio of ['copy', 'copy-aac', 'aac', 'none'] as const)
      expect(suits({ ...none, audio }, none)).toBe(true);
    expect(suits({ ...none, audio: 'silence' }, none)).toBe(false);
    expect(suits(none, { ...none, audio: 'copy' })).toBe(false);
  });
});

describe('announced audio that does not come', () => {
  const facts = (sampleRate: number | undefined) => ({
    ...{ format: undefined, video: undefined },
    audio: { codec: 'aac', sampleRate, channels: undefined },
  });

  it('is told by a rate that ffmpeg does not know', () => {
    expect(codecsOf(facts(undefined))).toMatchObject({ audio: 'aac', isAudioSilent: true });
    expect(codecsOf(facts(48_000))).toMatchObject({ audio: 'aac', isAudioSilent: false });
    expect(codecsOf({ format: undefined, video: undefined, audio: undefined })).toMatchObject({ isAudioSilent: false });
  });

  it.each(['mpegts', 'fmp4'] as const)('is left out of %s', (container) => {
    const plan = (audio: Wanted['audio']) => {
      const needs = needsOf({ video: 'h264', audio: 'aac', isAudioSilent: true }, { ...copied, container, audio });
      return [needs.audio, needs.isAudioSilent];
    };
    expect([plan('auto'), plan('copy'), plan('aac')]).toEqual(Array(3).fill(['none', true]));
    expect(plan('none')).toEqual(['none', false]);
  });

  it('is of another plan than no audio, because it is waited for', () => {
    const none = needsOf({ video: 'h264', audio: undefined }, copied);
    const silent = needsOf({ video: 'h264', audio: 'aac', isAudioSilent: true }, copied);
    expect([suits(none, silent), suits(silent, none), suits(silent, silent)]).toEqual([false, false, true]);
  });

  it('is refused like audio that comes where it could not be copied', () => {
    const wanted = { ...copied, audio: 'copy' } as const;
    expect(() => needsOf({ video: 'h264', audio: 'pcm_alaw', isAudioSilent: true }, wanted)).toThrow(/pcm_alaw/);
  });
});
