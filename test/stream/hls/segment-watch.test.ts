import { expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse.js';
import { Feed } from '../../../src/events/feed.js';
import { StreamSeries } from '../../../src/events/stream-series.js';
import { SourceClock } from '../../../src/frames/clock.js';
import { SegmentWatch, type SegmentWatchOptions } from '../../../src/stream/hls/segment-watch.js';
import { createLogger } from '../../../src/telemetry/logger.js';
import { createMetrics } from '../../../src/telemetry/metrics.js';

const START = Date.UTC(2027, 2, 3);

it('tells everyone of a segment that is listed, traces before the upload begins', async () => {
  const heard: string[] = [];
  const metrics = createMetrics();
  const outlets = new StreamSeriesTopics();
  const read = outlets.segments();
  const feed = new Feed({ run: 'test', now: () => START });
  const reader = feed.read({ types: ['segment'] })!;
  const watch = new SegmentWatch({
    env: {
      config: parseConfig({ streams: [{ name: 'door', source: 'test' }] }).streams[0]!,
      log: createLogger({ level: 'silent', secrets: [] }),
      ...{ feed, metrics, now: () => START, dateOf: (at) => at, randomId: () => '00000000' },
      publisher: {} as NonNullable<SegmentWatchOptions['env']['publisher']>,
      traces: {
        segment: ({ file, uploads }: { file: string; uploads: boolean }) => heard.push(`trace ${file} ${uploads}`),
      } as unknown as SegmentWatchOptions['env']['traces'],
    },
    uploads: () => ({ segment: ({ file }) => heard.push(`upload ${file}`), multivariant: () => {} }),
    outlets,
  });
  const clock = new SourceClock();
  clock.observe(0, START);
  watch.hls.begin('mpegts');
  const bytes = new Uint8Array(188);
  const times = { completedAtMs: START, durationSeconds: 2, startSeconds: 0, partTargetSeconds: 2 };
  const part = {
    sequence: 0,
    startsSegment: true,
    endsSegment: false,
    isIndependent: true,
    isDiscontinuity: false,
    hasAudio: true,
    init: undefined,
  };
  watch.hls.add('source', { ...part, ...times, bytes, frames: 50, units: [], keyframeSeconds: [0] }, clock);
  expect(heard).toEqual([]);
  watch.hls.closeSegments();

  const { value: segment } = await read.next();
  expect(segment).toMatchObject({ rendition: 'source', body: bytes });
  expect(heard).toEqual([`trace ${segment?.file} true`, `upload ${segment?.file}`]);
  const event = { type: 'segment', stream: 'door', bytes: 188, durationSeconds: 2, file: segment?.file };
  expect(await reader.take(0)).toMatchObject([{ event }]);
  const { values } = await metrics.segmentBytes.get();
  expect(values).toMatchObject([{ labels: { stream: 'door', rendition: 'source' }, value: 188 }]);
});
