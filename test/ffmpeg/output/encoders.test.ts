import { describe, expect, it } from 'vitest';
import {
  candidates,
  chooseEncoder,
  deviceArguments,
  type Encoder,
  encoderArguments,
  encoderFailure,
  formatFilter,
  HARDWARE_ENCODERS,
  type TrialResult,
  trialArguments,
} from '../../../src/ffmpeg/output/encoders.js';

const fails = (reason: string): TrialResult => ({ works: false, reason });
const works: TrialResult = { works: true };
const encoding = {
  ...{ height: 720, bitrate: 2_000_000, fps: undefined, preset: 'veryfast', segmentSeconds: 2, reorder: true },
  options: { hasQsvForcedIdr: true },
};
const settingOf = (args: readonly string[], option: string) => args[args.indexOf(option) + 1];

describe('the choice of an encoder', () => {
  it.each([
    ['software', ['libx264']],
    ['libx264', ['libx264']],
    ['vaapi', ['h264_vaapi', 'libx264']],
    ['v4l2m2m', ['h264_v4l2m2m', 'libx264']],
    ['auto', [...HARDWARE_ENCODERS, 'libx264']],
  ] as const)('%s allows %j', (setting, allowed) => {
    expect(candidates(setting)).toEqual(allowed);
  });

  it('is libx264, as configured, where nothing else is asked for', () => {
    expect(chooseEncoder('software', [])).toEqual({ encoder: 'libx264', reason: 'as configured' });
  });

  it('is the first that works', () => {
    const tried = [
      ['h264_nvenc', fails('no card')],
      ['h264_qsv', works],
    ] as const;
    expect(chooseEncoder('auto', tried)).toEqual({ encoder: 'h264_qsv', reason: 'tested and working' });
  });

  it('is libx264 where none works, and says why each does not', () => {
    expect(chooseEncoder('vaapi', [['h264_vaapi', fails('No VA display found')]])).toEqual({
      encoder: 'libx264',
      reason: 'encoder vaapi does not work (h264_vaapi: No VA display found)',
    });
    const { encoder, reason } = chooseEncoder(
      'auto',
      HARDWARE_ENCODERS.map((each) => [each, fails(`no ${each} here`)] as const),
    );
    expect(encoder).toBe('libx264');
    for (const each of HARDWARE_ENCODERS) expect(reason).toContain(`${each}: no ${each} here`);
  });
});

describe('what an encoder is told', () => {
  it.each(['libx264', ...HARDWARE_ENCODERS] as const)(
    '%s: its rate, no keyframes but those that are forced',
    (encoder) => {
      const args = encoderArguments({ ...encoding, encoder });
      expect(settingOf(args, '-c:v')).toBe(encoder);
      expect(settingOf(args, '-b:v')).toBe('2000000');
      // V4L2 M2M cannot be told by older versions: there one comes as often as segments begin.
      expect(Number(settingOf(args, '-g'))).toBeGreaterThanOrEqual(encoder === 'h264_v4l2m2m' ? 50 : 1000);
      expect(args.length % 2).toBe(0);
    },
  );

  it('has a level by the height, and B-frames only where they are wanted', () => {
    const levels = [240, 480, 720, 1080, 1440, 2160].map((height) =>
      settingOf(encoderArguments({ ...encoding, encoder: 'libx264', height }), '-level:v'),
    );
    expect(levels).toEqual(['3.0', '3.1', '3.2', '4.2', '5.1', '5.2']);
    expect(encoderArguments({ ...encoding, encoder: 'libx264' })).not.toContain('-bf');
    expect(settingOf(encoderArguments({ ...encoding, encoder: 'libx264', preset: 'medium' }), '-rc-lookahead')).toBe(
      '6',
    );
    // To these it would be six pictures more, not fewer.
    for (const preset of ['ultrafast', 'superfast'])
      expect(encoderArguments({ ...encoding, encoder: 'libx264', preset })).not.toContain('-rc-lookahead');
    expect(settingOf(encoderArguments({ ...encoding, encoder: 'libx264', reorder: false }), '-bf')).toBe('0');
    expect(encoderArguments({ ...encoding, encoder: 'h264_v4l2m2m', fps: 10, segmentSeconds: 3 })).toContain('30');
  });

  it('uploads pictures to a device for VAAPI, which is opened once', () => {
    expect(deviceArguments(['libx264', 'h264_nvenc'])).toEqual([]);
    const device = deviceArguments(['h264_vaapi', 'h264_vaapi']);
    expect(device.filter((each) => each === '-init_hw_device')).toHaveLength(1);
    expect(formatFilter('h264_vaapi')).toBe('format=nv12,hwupload');
    expect(formatFilter('libx264')).toBe('format=yuv420p');
    expect(trialArguments('h264_vaapi', { hasQsvForcedIdr: false }).join(' ')).toMatch(
      /-init_hw_device .*-vf format=nv12,hwupload .*h264_vaapi/,
    );
  });
});

describe('encoderFailure', () => {
  const line = (level: string, module: string, text: string) => ({ level, module, text });
  it.each([
    [
      'its own error',
      [line('error', 'h264_nvenc', 'OpenEncodeSessionEx failed: out of memory (10)')],
      'OpenEncodeSessionEx',
    ],
    ['its device', [line('error', 'AVHWDeviceContext', 'No VA display found for device')], 'No VA display'],
    ['the frames', [line('fatal', '', 'Video encoding failed')], 'Video encoding failed'],
    [
      'its opening',
      [line('error', '', 'Error initializing output stream 0:0 -- Error while opening encoder')],
      'Error init',
    ],
  ])('knows %s', (_, lines, text) => {
    expect(encoderFailure(lines, ['libx264', 'h264_nvenc'])).toContain(text);
  });

  it('takes nothing for one that is none', () => {
    const failed = [line('error', '', 'Video encoding failed')];
    expect(encoderFailure(failed, ['libx264'])).toBeUndefined();
    const others: readonly Encoder[] = ['h264_vaapi'];
    expect(encoderFailure([line('warning', 'h264_vaapi', 'odd')], others)).toBeUndefined();
    expect(encoderFailure([line('error', 'rtsp', 'Connection refused')], others)).toBeUndefined();
  });
});
