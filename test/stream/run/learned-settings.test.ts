import { type Logger, pino } from 'pino';
import { expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse.js';
import { SidepipeError } from '../../../src/errors.js';
import type { StreamAction, StreamEvents } from '../../../src/events/stream-events.js';
import { UNKNOWN_SOURCE } from '../../../src/frames/decode.js';
import type { Source } from '../../../src/ingest/source.js';
import { LearnedSettings } from '../../../src/stream/run/learned-settings.js';

function begin(source?: Source, log: Logger = pino({ level: 'silent' })) {
  const [config] = parseConfig({ streams: [{ name: 'cam', source: 'http://camera.example/a.ts' }] }).streams;
  const clock = { now: 1_800_000_000_000 };
  const dropped: unknown[] = [];
  const choices = new LearnedSettings({
    ...{ config: config!, source: source ?? { kind: 'http', url: config!.source }, now: () => clock.now },
    log,
    // Nothing is encoded.
    encoders: {} as never,
    events: { emit: (action: StreamAction) => dropped.push(action) } as unknown as StreamEvents,
  });
  return { choices, clock, dropped };
}

it('follows another size of the picture at once, unless it comes again and again', () => {
  const { choices, clock, dropped } = begin();
  const end = { kind: 'replanned', resized: true } as const;
  const resized = () => choices.learn(end, []);
  expect(resized()).toBe(end);
  clock.now += 10_000;
  expect(resized()).toBe(end);
  clock.now += 9000;
  expect(resized()).toMatchObject({
    kind: 'failed',
    error: { code: 'frame-invalid', fault: 'source', retryable: true },
  });
  clock.now += 10_000;
  expect(resized()).toBe(end);
  expect(dropped).toEqual(Array(4).fill({ type: 'frame-dropped', reason: 'frame-resized' }));
});

it('follows a jump of the timestamps at once, near the end of a playlist, unless they jump again and again', async () => {
  const { choices, clock } = begin();
  const end = { kind: 'replanned', jumped: true } as const;
  expect(await choices.next()).toMatchObject({ startsLate: false });
  // A channel with a discontinuity at each of its spots.
  for (let spot = 0; spot < 20; spot += 1) {
    clock.now += 10_000;
    expect(choices.learn(end, [])).toBe(end);
    expect(await choices.next()).toMatchObject({ startsLate: true });
  }
  clock.now += 1000;
  expect(choices.learn(end, [])).toMatchObject({
    kind: 'failed',
    error: { code: 'source-unsupported', retryable: true, message: expect.stringContaining('input.timestamps') },
  });
  choices.learn(lost, []);
  expect(await choices.next()).toMatchObject({ startsLate: false });
});

const lost = {
  kind: 'failed',
  error: new SidepipeError('over', { code: 'ffmpeg-failed', fault: 'source', retryable: true }),
} as const;

it('lets the first run decide what is decoded, and keeps that through an outage of the source', async () => {
  const { choices } = begin();
  expect(await choices.next()).toMatchObject({ decode: { mode: 'keyframes' }, isDecodeOpen: true });
  const decode = { mode: 'references', reason: 'no second keyframe within 12 s' } as const;
  choices.learn({ kind: 'replanned', decode }, []);
  choices.learn(lost, []);
  expect(await choices.next()).toMatchObject({ decode, isDecodeOpen: false });
});

it('goes by what the last run saw of the source, from the next run on', async () => {
  const { choices } = begin();
  const seen = { ...UNKNOWN_SOURCE, isLate: false, hasOtherFrames: true };
  choices.learn(lost, [], { ...seen, keyframeGapSeconds: 30 });
  expect(await choices.next()).toMatchObject({ decode: { mode: 'references' }, isDecodeOpen: false });
  choices.learn({ kind: 'replanned', restarted: true }, [], { ...seen, keyframeGapSeconds: 2 });
  expect(await choices.next()).toMatchObject({ decode: { mode: 'keyframes' }, isDecodeOpen: false });
  // A run that gave nothing has nothing to say.
  choices.learn(lost, []);
  expect(await choices.next()).toMatchObject({ decode: { mode: 'keyframes' }, isDecodeOpen: false });
  choices.forget();
  expect(await choices.next()).toMatchObject({ isDecodeOpen: true });
});

it('decodes for all files of a directory what one of them needs', async () => {
  const { choices } = begin({ kind: 'directory', url: '/clips' });
  const seen = { ...UNKNOWN_SOURCE, isLate: false, hasOtherFrames: true };
  choices.learn({ kind: 'continued' }, [], { ...seen, keyframeGapSeconds: 30 });
  choices.learn({ kind: 'continued' }, [], { ...seen, keyframeGapSeconds: 2 });
  expect(await choices.next()).toMatchObject({ decode: { mode: 'references' }, isDecodeOpen: false });
});

it('opens a source at once as what it was found to be, unless it is now this and now that', async () => {
  const { choices, clock } = begin();
  const error = new SidepipeError('not found', { code: 'ffmpeg-unusable', fault: 'node', retryable: true });
  const failed = { kind: 'failed', error } as const;
  const line = (text: string) => [{ level: 'error', module: '', text }] as const;
  const isList = line('URL http://camera.example/1 is not in allowed_segment_extensions');
  const isNone = line('Option extension_picky not found.');
  const kind = async () => (await choices.next()).source.kind;
  expect(choices.learn(failed, line('Connection refused'))).toBe(failed);
  expect(await kind()).toBe('http');
  expect(choices.learn(failed, isList)).toMatchObject({ kind: 'replanned' });
  expect(await kind()).toBe('hls');
  clock.now += 5000;
  expect(choices.learn(failed, isNone)).toBe(failed);
  expect(await kind()).toBe('http');
  clock.now += 60_000;
  expect(choices.learn(failed, isList)).toMatchObject({ kind: 'replanned' });
});

it('remembers a playlist that was opened, however much was logged since', async () => {
  const { choices } = begin();
  const error = new SidepipeError('The source ended.', { code: 'ffmpeg-failed', fault: 'source', retryable: true });
  await choices.next();
  choices.line({ level: 'info', module: '', text: "Input #0, hls,applehttp, from 'http://127.0.0.1/1':" });
  expect(choices.learn({ kind: 'failed', error }, [])).toMatchObject({ kind: 'replanned' });
  expect((await choices.next()).source.kind).toBe('hls');
});

it('logs a warning about copied video once, and again when it is back', () => {
  const lines: string[] = [];
  const { choices } = begin(undefined, pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) }));
  const size = { width: 320, height: 180 };
  const video = { codec: 'h264', profile: 'High', pixelFormat: 'yuv420p', ...size, isInterlaced: false, rotation: 90 };
  const lacksParameterSets = undefined;
  const warned = () => lines.splice(0).map((line) => (JSON.parse(line) as { warning: string }).warning);
  choices.opened({ video, lacksParameterSets });
  expect(warned()).toEqual(['rotated']);
  choices.opened({ video, lacksParameterSets });
  expect(warned()).toEqual([]);
  choices.opened({ video: { ...video, isInterlaced: true }, lacksParameterSets });
  expect(warned()).toEqual(['interlaced']);
  choices.opened({ video: { ...video, rotation: 0 }, lacksParameterSets });
  choices.opened({ video, lacksParameterSets });
  expect(warned()).toEqual(['rotated']);
});

it('logs missing parameter sets once, when a keyframe has come without them', () => {
  const lines: string[] = [];
  const { choices } = begin(undefined, pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) }));
  const size = { width: undefined, height: undefined };
  const video = {
    codec: 'h264',
    profile: undefined,
    pixelFormat: undefined,
    ...size,
    isInterlaced: false,
    rotation: 0,
  };
  const warned = () => lines.splice(0).map((line) => (JSON.parse(line) as { warning: string }).warning);
  choices.opened({ video, lacksParameterSets: undefined });
  expect(warned()).toEqual([]);
  choices.opened({ video, lacksParameterSets: true });
  expect(warned()).toEqual(['size-unknown']);
  // The next run of the same source.
  choices.opened({ video, lacksParameterSets: undefined });
  choices.opened({ video, lacksParameterSets: true });
  expect(warned()).toEqual([]);
});

const audioNeeds = { container: 'mpegts', videoTag: undefined, isInterlaced: false } as const;
const codecs = { video: 'h264', audio: 'pcm_alaw' } as const;
const silent = {
  kind: 'replanned',
  audio: 'silent',
  codecs,
  needs: { ...audioNeeds, audio: 'none', isAudioSilent: true },
} as const;
const heard = {
  kind: 'replanned',
  audio: 'heard',
  codecs,
  needs: { ...audioNeeds, audio: 'aac', isAudioSilent: false },
} as const;

it('adds audio that comes late at once, and audio that comes and goes ever more rarely', async () => {
  const { choices, clock } = begin();
  const waitMs = async () => (await choices.next()).addsAudioFrom - clock.now;
  expect(choices.learn(silent, [])).toBe(silent);
  expect(await choices.next()).toMatchObject({ needs: { audio: 'none', isAudioSilent: true } });
  expect(await waitMs()).toBe(Number.NEGATIVE_INFINITY);
  const waits: number[] = [];
  for (let round = 0; round < 6; round += 1) {
    choices.learn(heard, []);
    expect(await choices.next()).toMatchObject({ needs: { audio: 'aac', isAudioSilent: false } });
    choices.learn(silent, []);
    waits.push(await waitMs());
  }
  expect(waits).toEqual([60_000, 120_000, 240_000, 480_000, 600_000, 600_000]);
});

it.each([
  ['the next publisher', (choices: LearnedSettings) => choices.forget()],
  ['the next file of a directory', (choices: LearnedSettings) => choices.learn({ kind: 'continued' }, [])],
  ['a restart', (choices: LearnedSettings) => choices.learn({ kind: 'replanned', restarted: true }, [])],
])('expects audio of %s, whatever the one before it sent', async (_, begins) => {
  const { choices } = begin();
  choices.learn(silent, []);
  choices.learn(lost, []);
  expect((await choices.next()).needs).toMatchObject({ audio: 'none', isAudioSilent: true });
  begins(choices);
  expect((await choices.next()).needs).toMatchObject({ audio: 'copy', isAudioSilent: false });
});
