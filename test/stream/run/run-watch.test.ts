import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse.js';
import type { Progress } from '../../../src/ffmpeg/log/progress.js';
import { parseSource } from '../../../src/ingest/source.js';
import { RunWatch } from '../../../src/stream/run/run-watch.js';

const START = Date.UTC(2027, 2, 3);

/** What a run shows at a second of its life; answers whether a piece of a segment comes then. */
type Shown = (second: number, watch: RunWatch) => boolean;

/** A watch on a clock that goes on by each of its waits. */
async function watchFor(seconds: number, shown: Shown, input = {}) {
  const config = parseConfig({ streams: [{ name: 'cam', source: 'rtsp://camera/1', input }] }).streams[0]!;
  const source = parseSource(config.source, (path) => path);
  const ending = new AbortController();
  let now = START;
  let segmentAt: number | undefined;
  const watch = new RunWatch({
    config,
    source,
    makesMedia: true,
    limits: { startTimeoutMs: 20_000, stallTimeoutMs: 10_000 },
    system: {
      now: () => now,
      delay: async (ms) => {
        now += ms;
        const elapsed = (now - START) / 1000;
        if (shown(elapsed, watch)) segmentAt = now;
        if (elapsed >= seconds) ending.abort();
      },
    },
  });
  const stall = await watch.stall(() => segmentAt, ending.signal);
  return { stall, watch, ms: now - START };
}

const report = (outSeconds: number) => ({ outSeconds }) as Progress;

describe('RunWatch', () => {
  it('says nothing of a run that ends before anything is missed', async () => {
    expect((await watchFor(10, () => false)).stall).toBeUndefined();
  });

  it('waits for the first sign of life from when the source was opened', async () => {
    const { stall, ms } = await watchFor(60, (second, watch) => {
      if (second === 5) watch.opened();
      return false;
    });
    expect({ stall, ms }).toEqual({ stall: 'The source sent no media for 21 s.', ms: 25_500 });
  });

  it('finds a source that stands still, after the time that the stream itself may set', async () => {
    const shown: Shown = (second, watch) => {
      if (second === 3 || second === 4) watch.progress(report(second));
      return true;
    };
    const { stall, watch, ms } = await watchFor(60, shown);
    expect(watch.progressAt).toBe(START + 4000);
    expect({ stall, ms }).toEqual({ stall: 'The source stalled for 11 s.', ms: 14_500 });
    expect((await watchFor(60, shown, { readTimeoutSeconds: 3 })).ms).toBe(7500);
  });

  it('misses pictures once segments have gone by without one', async () => {
    const { stall, ms } = await watchFor(60, (second, watch) => {
      watch.progress(report(second));
      if (second <= 5) watch.picture();
      else if (Number.isInteger(second)) watch.segment();
      return true;
    });
    expect({ stall, ms }).toEqual({ stall: 'No frame for thumbnails arrived for 16 s.', ms: 20_500 });
  });

  it('misses segments while pictures go on', async () => {
    const { stall } = await watchFor(90, (second, watch) => {
      watch.progress(report(second));
      watch.picture();
      return second < 5;
    });
    expect(stall).toMatch(/^No segment was produced for/);
  });
});
