import { describe, expect, it } from 'vitest';
import type { SidepipeError } from '../../../src/errors.js';
import { audioNeeds, audioOf, firstAudioNeeds } from '../../../src/stream/outputs/audio-plan.js';

type Mode = Parameters<typeof audioNeeds>[2];
type Path = Parameters<typeof audioNeeds>[1];

const mpegts: Path = { container: 'mpegts', isLooped: false };
const fmp4: Path = { container: 'fmp4', isLooped: false };

const plan = (codec: string | undefined, path: Path, mode: Mode) => audioNeeds(codec, path, mode, false).audio;

function refusal(codec: string, path: Path, mode: Mode, isSilent = false): string {
  try {
    audioNeeds(codec, path, mode, isSilent);
  } catch (error) {
    const { code, message } = error as SidepipeError;
    if (code === 'source-unsupported') return message;
  }
  return '';
}

describe('audio: copy', () => {
  it.each(['aac', 'mp3', 'ac3', 'eac3'])('copies %s into MPEG-TS', (codec) => {
    expect(plan(codec, mpegts, 'copy')).toBe('copy');
  });

  it('adds no track to a source without audio', () => {
    expect(plan(undefined, mpegts, 'copy')).toBe('none');
  });

  it('rejects audio that HLS cannot carry, and names the remedy', () => {
    expect(refusal('pcm_alaw', mpegts, 'copy')).toBe(
      "The source's audio is pcm_alaw, which HLS in MPEG-TS cannot carry. Set audio to auto, aac or none.",
    );
    expect(refusal('opus', mpegts, 'copy')).toContain('Set audio to auto');
    expect(refusal('opus', fmp4, 'copy')).toBe('');
    expect(refusal('pcm_alaw', fmp4, 'copy')).toContain('which HLS cannot carry');
    for (const mode of ['auto', 'aac', 'none'] as const) expect(refusal('pcm_alaw', mpegts, mode)).toBe('');
  });
});

describe('audio: aac and none', () => {
  it('aac encodes, and adds silence to a source without audio', () => {
    expect(plan('mp2', mpegts, 'aac')).toBe('aac');
    expect(plan(undefined, mpegts, 'aac')).toBe('silence');
  });

  it('none leaves audio out', () => {
    expect([plan('aac', mpegts, 'none'), plan(undefined, mpegts, 'none')]).toEqual(['none', 'none']);
  });
});

describe('audio: auto', () => {
  const both = (codec: string | undefined) => [plan(codec, mpegts, 'auto'), plan(codec, fmp4, 'auto')];

  it('copies AAC and MP3, and AAC into fMP4 without its headers', () => {
    expect(both('aac')).toEqual(['copy', 'copy-aac']);
    expect(both('mp3')).toEqual(['copy', 'copy']);
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
    expect(both(codec)).toEqual(['aac', 'aac']);
  });

  it('adds no track to a source without audio', () => {
    expect(both(undefined)).toEqual(['none', 'none']);
  });

  it('encodes the test source', () => {
    expect(audioOf({ audio: 'auto' }, { kind: 'test' })).toBe('aac');
    expect(audioOf({ audio: 'none' }, { kind: 'test' })).toBe('none');
    expect(audioOf({ audio: 'auto' }, { kind: 'rtsp' })).toBe('auto');
  });
});

describe('the first plan', () => {
  it('assumes AAC, as most sources have', () => {
    const first = (container: 'mpegts' | 'fmp4', audio: Mode, kind: 'rtsp' | 'test' = 'rtsp') =>
      firstAudioNeeds({ audio, loop: false }, { kind }, container);
    expect(first('mpegts', 'auto')).toEqual({ audio: 'copy', isAudioSilent: false });
    expect([first('fmp4', 'auto').audio, first('fmp4', 'copy').audio]).toEqual(['copy-aac', 'copy-aac']);
    expect([first('fmp4', 'aac').audio, first('fmp4', 'none').audio]).toEqual(['aac', 'none']);
    expect(first('fmp4', 'auto', 'test').audio).toBe('aac');
  });

  it('copies the AAC of a looped file without a filter', () => {
    const config = { audio: 'auto', loop: true } as const;
    expect(firstAudioNeeds(config, { kind: 'file' }, 'fmp4').audio).toBe('copy');
    expect(firstAudioNeeds(config, { kind: 'rtsp' }, 'fmp4').audio).toBe('copy-aac');
  });
});

describe('a looped file', () => {
  it('has its AAC copied into fMP4 without a filter, and encoded if it has ADTS headers', () => {
    const looped = (format?: string) => plan('aac', { ...fmp4, isLooped: true, format }, 'auto');
    expect([looped('mov,mp4,m4a'), looped('mpegts'), looped()]).toEqual(['copy', 'aac', 'copy']);
    const once = (format: string) => plan('aac', { ...fmp4, format }, 'auto');
    expect([once('mov,mp4,m4a'), once('mpegts')]).toEqual(['copy-aac', 'copy-aac']);
  });
});

describe('announced audio that does not come', () => {
  it.each([mpegts, fmp4])('is left out of $container', (path) => {
    for (const mode of ['auto', 'copy', 'aac'] as const)
      expect(audioNeeds('aac', path, mode, true)).toEqual({ audio: 'none', isAudioSilent: true });
    expect(audioNeeds('aac', path, 'none', true)).toEqual({ audio: 'none', isAudioSilent: false });
  });

  it('is rejected if it could not be copied', () => {
    expect(refusal('pcm_alaw', mpegts, 'copy', true)).toContain('pcm_alaw');
  });
});
