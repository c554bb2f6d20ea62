import { expect, it } from 'vitest';
import { checkConfig, parseConfig } from '../../src/config/parse.js';

const stream = { name: 'cam', source: 'rtsp://camera/1' };

it('fills in what is not told, for every stream', () => {
  const { streams, storage } = parseConfig({ profile: 'edge', streams: [stream, { ...stream, name: 'other' }] });
  for (const { hls, thumbnail, preview, renditions } of streams) {
    expect(hls).toMatchObject({ segmentSeconds: 2, windowSegments: 4 });
    expect(thumbnail).toMatchObject({ intervalSeconds: 10, width: 640, staleAfterSeconds: 30, quality: 80 });
    expect(preview).toMatchObject({ frames: 4, width: 320 });
    expect(renditions).toBeUndefined();
  }
  expect(storage).toMatchObject({ type: 'memory', backlogBytes: 16 * 1024 ** 2 });
  expect(storage.s3).toBeUndefined();
});

it('edge: disables low latency unless the stream enables it', () => {
  const lowLatency = (input: object) => parseConfig({ streams: [stream], ...input }).streams[0]!.hls.lowLatency;
  expect(lowLatency({ profile: 'edge' })).toBe(false);
  expect(lowLatency({ profile: 'edge', streams: [{ ...stream, hls: { lowLatency: true } }] })).toBe(true);
  expect(lowLatency({})).toBe(true);
});

it('never replaces what is told', () => {
  const { streams, storage } = parseConfig({
    profile: 'edge',
    storage: { type: 's3', s3: { bucket: 'live' }, backlogBytes: '1MiB' },
    streams: [{ ...stream, thumbnail: { width: 1920 }, renditions: [{ height: 1080 }] }],
  });
  expect(streams[0]!.thumbnail).toMatchObject({ width: 1920, intervalSeconds: 10 });
  expect(streams[0]!.renditions![0]).toMatchObject({ height: 1080, preset: 'ultrafast' });
  expect(storage.backlogBytes).toBe(1024 ** 2);
  expect(storage.s3).toMatchObject({ bucket: 'live', concurrency: 4 });
});

it('leaves wrong values for the schema to tell of, and an unknown profile too', () => {
  const paths = (input: unknown) => checkConfig(input).findings.map(({ path }) => path.join('.'));
  expect(paths({ profile: 'edge', streams: [{ ...stream, thumbnail: 7 }, 'x'] })).toEqual(
    expect.arrayContaining(['streams.0.thumbnail', 'streams.1']),
  );
  expect(paths({ profile: 'toString', streams: [stream] })).toEqual(['profile']);
  expect(paths({ profile: 5 })).toEqual(['profile']);
  expect(parseConfig({ streams: [stream] }).streams[0]!.hls.windowSegments).toBe(6);
});

it('stays the same when it is read again', () => {
  const once = parseConfig({ profile: 'edge', streams: [stream] });
  expect(parseConfig(once)).toEqual(once);
});
