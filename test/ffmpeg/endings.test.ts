import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ErrorCode, Fault } from '../../src/errors.js';
import { diagnose } from '../../src/ffmpeg/log/diagnosis.js';
import { parseLogLine } from '../../src/ffmpeg/log/log-line.js';

/**
 * The warnings and errors with which ffmpeg really ended, by cause and version (4.1: the embedded build, 5.1 and 7.1: Debian 12 and 13,
 * 9.0: a static build of 9.0.2), recorded with `-loglevel level+info`.
 */
const endings: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = JSON.parse(
  readFileSync(new URL('endings.json', import.meta.url), 'utf8'),
);

const unusable = (message: RegExp) => ['ffmpeg-unusable', 'node', message] as const;
const exhausted = (message: RegExp) => ['machine-exhausted', 'node', message] as const;
const source = (code: ErrorCode, message: RegExp) => [code, 'source', message] as const;

const expected: Readonly<Record<string, readonly [ErrorCode, Fault, RegExp]>> = {
  'unknown-option': unusable(/Unrecognized option 'no_such_option'.*ffmpeg\.path.*doctor/),
  'option-of-nothing': unusable(/Unrecognized option 'stimeout_x'/),
  'muxer-option': unusable(/Unrecognized option 'hls_no_such'/),
  'autoscale-value': unusable(/autoscale|output format for '0'/),
  vsync: unusable(/Unrecognized option 'vsync'/),
  streamid: unusable(/Option streamid .*cannot be applied to input/),
  'time-base': unusable(/Invalid time base: -1/),
  'time-base-name': unusable(/Invalid time base: nonsense/),
  'unknown-filter': unusable(/No such filter: 'no_such_filter'/),
  'filter-option': unusable(/'nosuch'/),
  'unknown-encoder': unusable(/Unknown encoder 'no_such_encoder'/),
  'unknown-muxer': unusable(/Requested output format 'no_such_muxer'/),
  'unknown-bsf': unusable(/no_such_bsf/),
  'encoder-open': unusable(/while opening encoder/),
  'encoder-profile': unusable(/profile|while opening encoder/),
  'disk-full': exhausted(/run out of disk space/),
  'open-files': exhausted(/run out of open files.*LimitNOFILE/),
  'open-files-net': exhausted(/run out of open files/),
  processes: exhausted(/run out of processes/),
  memory: exhausted(/run out of/),
  'missing-file': source('source-unavailable', /does not exist/),
  'status-401': source('source-refused', /401/),
  'status-403': source('source-refused', /403/),
  'status-404': source('source-unavailable', /404/),
  'status-500': source('source-unavailable', /5xx/),
  refused: source('source-unavailable', /connection refused/),
  timeout: source('source-unavailable', /timed out/),
  unresolved: source('source-unavailable', /host name/),
  'still-picture': source('source-not-media', /still image/),
  text: source('source-not-media', /not video/),
  truncated: source('source-not-media', /not video.*index \(moov atom\)/),
  empty: source('source-not-media', /not video/),
  invalid: source('source-not-media', /not video/),
  'no-video': source('source-without-video', /no video/),
  'no-video-to-decode': source('source-without-video', /no video/),
  'codec-container': source('source-unsupported', /cannot be carried/),
  'audio-container': source('source-unsupported', /cannot be carried/),
  'audio-rate': source('source-unsupported', /announces audio but sends none/),
  'audio-queue': source('source-unsupported', /announces audio but sends none/),
};

describe.each(Object.entries(endings))('ffmpeg that ends for %s', (cause, versions) => {
  it.each(Object.entries(versions))('is diagnosed in the words of %s', (_, lines) => {
    const [code, fault, message] = expected[cause]!;
    const diagnosis = diagnose(lines.map(parseLogLine));
    expect({ ...diagnosis, lines }).toMatchObject({ code, fault, message: expect.stringMatching(message) });
    expect(diagnosis?.message).not.toMatch(fault === 'node' ? /\bsource\b/ : /ffmpeg\.path/);
  });
});

it('has an ending for each row of the table, and each cause of many in all versions', () => {
  expect(Object.keys(endings).sort()).toEqual(Object.keys(expected).sort());
  const whole = Object.values(endings).filter((versions) => Object.keys(versions).length === 4);
  expect(whole.length).toBeGreaterThanOrEqual(24);
});

it('blames the build for an option even where a fault of the source was logged before', () => {
  const lines = ['[http @ 0x1] [warning] HTTP error 404 Not Found', "[error] Unrecognized option 'vsync'."];
  expect(diagnose(lines.map(parseLogLine))?.code).toBe('ffmpeg-unusable');
});

it('takes a busy video device for one, and not for a machine without processes', () => {
  const line = '[video4linux2 @ 0x1] [error] ioctl(VIDIOC_DQBUF): Resource temporarily unavailable';
  expect(diagnose([parseLogLine(line)])?.code).toBe('source-unavailable');
});
