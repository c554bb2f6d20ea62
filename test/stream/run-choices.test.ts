import { pino } from 'pino';
import { expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { RunChoices } from '../../src/stream/run-choices.js';

it('follows another size of the picture at once, unless it comes again and again', () => {
  const [config] = parseConfig({ streams: [{ name: 'cam', source: 'http://camera.example/a.ts' }] }).streams;
  const clock = { now: 1_800_000_000_000 };
  const dropped: unknown[] = [];
  const choices = new RunChoices({
    ...{ config: config!, source: { kind: 'http', url: config!.source }, now: () => clock.now },
    log: pino({ level: 'silent' }),
    // Neither is looked at before there is a run.
    encoders: {} as never,
    capabilities: {} as never,
    metrics: { framesDropped: { inc: (labels: unknown) => dropped.push(labels) } } as never,
  });
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
