import { expect, it } from 'vitest';
import { conditionChangeOf } from '../../src/events/condition-changes.js';
import { feedEventOf } from '../../src/events/feed-events.js';
import { feedEventSchema } from '../../src/events/feed-schema.js';
import { NodeEvents, type StreamAction, type StreamEvent, StreamEvents } from '../../src/events/stream-events.js';
import { StreamTopics } from '../../src/events/stream-series.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { countStreamEvents } from '../../src/telemetry/stream-metrics.js';

const START = Date.UTC(2027, 2, 3);

const segment: StreamAction = {
  ...{ type: 'segment', rendition: 'source', file: 'a-0.ts', body: new Uint8Array(188), durationSeconds: 2 },
  ...{ mediaSequence: 7, discontinuitySequence: 1, startedAt: START, completedAt: START, listedAt: START },
};
const thumbnail: StreamAction = {
  ...{ type: 'thumbnail', format: 'jpg', size: undefined, isFirst: true, unchanged: false, gate: 'good' },
  image: {
    ...{ body: new Uint8Array(10), bytes: 10, contentType: 'image/jpeg', etag: '"x"' },
    ...{ width: 16, height: 9, encodeSeconds: 0.01 },
  },
  ...{ capturedAt: START, date: START, passed: undefined },
};
const state: StreamAction = {
  ...{ type: 'state', state: 'recovering', before: 'live' },
  reason: { code: 'source-unreachable', message: 'The camera does not answer.' },
};
const gate: StreamAction = {
  ...{ type: 'gate', state: 'black', change: 'black', since: START - 10, rejected: 3, brightness: 2, contrast: 0 },
};
const restart: StreamAction = { type: 'restart', restarts: 1, code: 'source-unreachable', message: 'gone', stderr: [] };
const freshness: StreamAction = { type: 'freshness', state: 'stale', before: 'fresh', ageSeconds: 20 };
const publication: StreamAction = { type: 'publication', condition: 'lagging', details: { seconds: 9 } };

function start() {
  const node = new NodeEvents(() => START);
  return { node, door: new StreamEvents(node, 'door'), gate: new StreamEvents(node, 'gate') };
}

it('listeners of the node hear of each stream before those of the stream, in the order of their subscriptions', () => {
  const { node, door, gate: other } = start();
  const heard: string[] = [];
  const note = (name: string) => (event: StreamEvent) => void heard.push(`${name} ${event.stream} ${event.type}`);
  door.subscribe(note('uploads'));
  const end = door.subscribe(note('series'));
  node.subscribe(note('metrics'));
  door.emit({ type: 'decoder-error' });
  expect(heard).toEqual(['metrics door decoder-error', 'uploads door decoder-error', 'series door decoder-error']);
  end();
  other.emit({ type: 'decoder-error' });
  door.emit({ type: 'decoder-error' });
  expect(heard.slice(3)).toEqual([
    'metrics gate decoder-error',
    'metrics door decoder-error',
    'uploads door decoder-error',
  ]);
});

it.each([segment, thumbnail, state, gate, restart])('the feed reports $type by the schema of the API', (action) => {
  const told = feedEventOf({ ...action, stream: 'door', at: START });
  expect(feedEventSchema.parse(told)).toEqual(told);
  expect(told).toMatchObject({ type: action.type, stream: 'door', at: '2027-03-03T00:00:00.000Z' });
});

it.each<StreamAction>([
  freshness,
  publication,
  { type: 'decoder-error' },
  { ...thumbnail, isFirst: false } as StreamAction,
])('the feed leaves out $type that the API does not know', (action) => {
  expect(feedEventOf({ ...action, stream: 'door', at: START })).toBeUndefined();
});

it('conditions of alerts are made of states, freshness, the gate and the copy on the store', () => {
  const changeOf = (action: StreamAction) => conditionChangeOf({ ...action, stream: 'door', at: START });
  const base = { stream: 'door', at: START };
  expect(changeOf(state)).toEqual({
    ...base,
    type: 'recovering',
    details: { code: 'source-unreachable', message: 'The camera does not answer.' },
  });
  expect(changeOf(freshness)).toEqual({ ...base, type: 'stale', details: { before: 'fresh', ageSeconds: 20 } });
  expect(changeOf(gate)).toEqual({ ...base, type: 'black', at: START - 10, details: { brightness: 2, contrast: 0 } });
  expect(changeOf(publication)).toEqual({ ...base, type: 'lagging', details: { seconds: 9 } });
  for (const resting of ['idle', 'starting'] as const)
    expect(changeOf({ ...state, state: resting } as StreamAction)).toBeUndefined();
  expect(changeOf(segment)).toBeUndefined();
});

it('series copy a lent frame, and only if somebody reads', async () => {
  const topics = new StreamTopics();
  const data = new Uint8Array(3).fill(1);
  const frame: StreamEvent = {
    ...{ type: 'frame', stream: 'door', at: START, capturedAt: START },
    picture: { data, width: 1, height: 1, ptsSeconds: 0 },
  };
  topics.take(frame);
  const frames = topics.frames();
  const segments = topics.segments();
  topics.take(frame);
  data.fill(9);
  topics.take({ ...segment, stream: 'door', at: START });
  topics.close();
  expect((await frames.next()).value).toMatchObject({
    sequence: 1,
    capturedAt: START,
    data: new Uint8Array(3).fill(1),
  });
  expect((await segments.next()).value).toMatchObject({ rendition: 'source', file: 'a-0.ts', mediaSequence: 7 });
});

it('metrics count segments, dropped frames and restarts by stream', async () => {
  const metrics = createMetrics();
  const { node, door } = start();
  node.subscribe(countStreamEvents(metrics));
  door.emit(segment);
  door.emit({ type: 'frame-dropped', reason: 'gate-black' });
  door.emit({ type: 'frame-dropped', reason: 'slowed' });
  door.emit(restart);
  const { body } = await metrics.render();
  expect(body).toContain('sidepipe_segment_bytes_total{stream="door",rendition="source"} 188');
  expect(body).toContain('sidepipe_frames_dropped_total{stream="door",reason="gate-black"} 1');
  expect(body).toContain('sidepipe_pictures_slowed_total 1');
  expect(body).not.toContain('reason="slowed"');
  expect(body).toContain('sidepipe_ffmpeg_restarts_total{stream="door",reason="source-unreachable"} 1');
});
