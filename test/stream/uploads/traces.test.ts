import { expect, it } from 'vitest';
import type { StreamEvent } from '../../../src/events/stream-events.js';
import { Traces } from '../../../src/stream/uploads/traces.js';
import type { Trace } from '../../../src/telemetry/tracer.js';

/** A thumbnail that is encoded in 10 ms, 20 ms after its capture. */
const thumbnail = (capturedAt: number): StreamEvent => ({
  ...{ type: 'thumbnail', stream: 'cam', at: capturedAt + 20, format: 'jpg', size: undefined, isFirst: true },
  image: {
    ...{ body: new Uint8Array(10), bytes: 10, contentType: 'image/jpeg', etag: '"x"' },
    ...{ width: 16, height: 9, encodeSeconds: 0.01 },
  },
  ...{ capturedAt, date: capturedAt, unchanged: false, gate: 'good' },
  passed: { arrivedAt: capturedAt + 5, judgedAt: capturedAt + 6 },
});
const segment = (number: number): StreamEvent => ({
  ...{ type: 'segment', stream: 'cam', at: 0, rendition: 'source', file: `a-${number}.ts`, body: new Uint8Array(100) },
  ...{ durationSeconds: 2, mediaSequence: number, discontinuitySequence: 0 },
  ...{ startedAt: number * 2000, completedAt: number * 2000 + 2000, listedAt: number * 2000 + 2010 },
});

function start(limit?: number) {
  const told: Trace[] = [];
  const clock = { now: 0 };
  const traces = new Traces({
    tracer: { record: (trace) => void told.push(trace), close: async () => undefined },
    now: () => clock.now,
    dateOf: (at) => at,
    ...(limit !== undefined && { limit }),
  });
  const uploaded = (key: string, seconds: number, result: 'stored' | 'failed' | 'given-up' = 'stored') =>
    traces.observe({ type: 'upload', kind: 'segment', stream: 'cam', result, seconds, bytes: 1, key });
  const follow = traces.follow({ segments: true, thumbnails: true });
  return { traces, told, clock, uploaded, follow };
}
const stepsOf = ({ steps }: Trace) => steps.map(({ name, from, to }) => `${name} ${from}-${to}`);

it('follows a segment until a playlist on the store lists it', () => {
  const { traces, told, clock, uploaded, follow } = start();
  clock.now = 2010;
  follow(segment(0));
  clock.now = 2300;
  uploaded('cam/source/a-0.ts', 0.2, 'failed');
  clock.now = 2500;
  uploaded('cam/source/a-0.ts', 0.1);
  expect(told).toEqual([]);
  clock.now = 2600;
  traces.observe({ type: 'listed', stream: 'cam', keys: ['cam/source/a-0.ts', 'cam/source/unknown.ts'] });
  expect(told.map(stepsOf)).toEqual([
    ['capture 0-2000', 'list 2000-2010', 'upload 2400-2500', 'remote playlist 2500-2600'],
  ]);
  expect(told[0]).not.toHaveProperty('failure');
});

it('tells at once of what goes nowhere, and of what was given up', () => {
  const { traces, told, uploaded, follow } = start();
  traces.follow({ segments: false, thumbnails: false })(segment(0));
  expect(told).toHaveLength(1);
  follow(segment(1));
  uploaded('cam/source/a-1.ts', 8, 'given-up');
  expect(told[1]?.failure).toBe('given up');
});

it('knows which of several pictures of one key was sent', () => {
  const { told, clock, uploaded, follow } = start();
  for (const at of [0, 1000, 2000]) {
    clock.now = at + 20;
    follow(thumbnail(at));
  }
  clock.now = 2100;
  // It began after the second came, and before the third.
  uploaded('cam/thumbnail.jpg', 0.5);
  expect(told.map(({ steps, failure }) => [steps[0]?.from, steps.at(-1)?.name, failure])).toEqual([
    [0, 'encode', 'replaced by a newer one'],
    [1000, 'upload', undefined],
  ]);
  clock.now = 3100;
  uploaded('cam/thumbnail.jpg', 0.1);
  expect(told.at(-1)?.steps[0]?.from).toBe(2000);
});

it('keeps no more than its limit, and nothing for ever', () => {
  const { traces, told, clock, follow } = start(3);
  for (let number = 0; number < 10; number += 1) follow(segment(number));
  expect(told).toHaveLength(7);
  expect(told.every(({ failure }) => failure === 'not uploaded')).toBe(true);
  clock.now = 400_000;
  follow(segment(11));
  expect(told).toHaveLength(10);
  traces.close();
  expect(told).toHaveLength(11);
});
