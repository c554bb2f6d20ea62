import { pino } from 'pino';
import { expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { SidepipeError } from '../../src/errors.js';
import { firstChoice } from '../../src/frames/decode.js';
import { RunChoices } from '../../src/stream/run-choices.js';

function begin() {
  const [config] = parseConfig({ streams: [{ name: 'cam', source: 'http://camera.example/a.ts' }] }).streams;
  const clock = { now: 1_800_000_000_000 };
  const dropped: unknown[] = [];
  const choices = new RunChoices({
    ...{ config: config!, source: { kind: 'http', url: config!.source }, now: () => clock.now },
    log: pino({ level: 'silent' }),
    // Nothing is encoded.
    encoders: {} as never,
    capabilities: {
      libavformat: 58,
      hasNarrowTimestamps: false,
      bitstreamFilters: new Set(['filter_units', 'h264_mp4toannexb']),
    } as never,
    metrics: { framesDropped: { inc: (labels: unknown) => dropped.push(labels) } } as never,
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
  expect(dropped).toEqual(Array(4).fill({ stream: 'cam', reason: 'frame-resized' }));
});

it('goes on choosing keyframes through an outage of the source, and no more where no picture came of one', async () => {
  const { choices } = begin();
  const decode = { ...firstChoice('auto', 5), mode: 'chosen', reason: 'cheaper' } as const;
  choices.learn({ kind: 'replanned', decode }, []);
  const failed = (fault: 'source' | 'node') => {
    const error = new SidepipeError('over', { code: 'ffmpeg-failed', fault, retryable: true });
    choices.learn({ kind: 'failed', error }, []);
    return choices.decode;
  };
  const first = (await choices.next()).shelf!;
  Object.assign(first, { hasOpened: true, hasAnswered: true });
  expect(failed('source')).toBe(decode);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await choices.next();
    expect(failed('source')).toBe(decode);
  }
  const opened = (await choices.next()).shelf!;
  opened.hasOpened = true;
  expect(failed('source')).toMatchObject({ mode: 'keyframes', isLeft: true });
  choices.learn({ kind: 'replanned', decode }, []);
  await choices.next();
  expect(failed('node')).toMatchObject({ mode: 'keyframes', isLeft: true });
});
