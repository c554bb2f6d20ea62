import { expect, it } from 'vitest';
import { setStreamGauges } from '../../src/control/stream-gauges.js';
import type { Stream } from '../../src/stream/stream.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { gateStates, imageStates, publicationStates, streamStates } from '../../src/terms.js';

function measured(facts: Record<string, unknown>): Stream {
  return {
    ...{ state: 'idle', audience: { viewers: 0 }, images: { status: { state: 'offline' } } },
    takeCpuSeconds: async () => 0,
    ...facts,
  } as unknown as Stream;
}

async function render(...streams: Stream[]): Promise<string[]> {
  const metrics = createMetrics();
  metrics.onCollect((gauges) => setStreamGauges(streams, gauges, metrics));
  return (await metrics.render()).body.split('\n');
}

const seriesOf = (lines: string[], metric: string) => lines.filter((line) => line.startsWith(`${metric}{`));

it('has a series for every state, of which the current one is 1', async () => {
  const lines = await render(
    measured({
      ...{ name: 'a', state: 'live', publicationState: 'losing' },
      images: { status: { state: 'stale', ageSeconds: 12.5, gate: { state: 'frozen' } } },
    }),
  );
  const states = (metric: string, all: readonly string[], current: string) => {
    const expected = all.map((state) => `${metric}{stream="a",state="${state}"} ${state === current ? 1 : 0}`);
    expect(seriesOf(lines, metric)).toEqual(expected);
  };
  states('sidepipe_thumbnail_state', imageStates, 'stale');
  states('sidepipe_thumbnail_gate', gateStates, 'frozen');
  states('sidepipe_publication_state', publicationStates, 'losing');
  expect(lines).toContain('sidepipe_thumbnail_age_seconds{stream="a"} 12.5');
});

it('counts the streams in each state', async () => {
  const names = { a: 'live', b: 'failed', c: 'live' };
  const lines = await render(...Object.entries(names).map(([name, state]) => measured({ name, state })));
  const counts: Record<string, number> = { live: 2, failed: 1 };
  expect(seriesOf(lines, 'sidepipe_streams')).toEqual(
    streamStates.map((state) => `sidepipe_streams{state="${state}"} ${counts[state] ?? 0}`),
  );
});

it('leaves out what a stream does not have: a first frame, a store, a monitor', async () => {
  const lines = await render(measured({ name: 'a' }));
  for (const metric of ['thumbnail_age_seconds', 'thumbnail_gate', 'publication_state', 'remote_playlist_lag_seconds'])
    expect(seriesOf(lines, `sidepipe_${metric}`)).toEqual([]);
  expect(seriesOf(lines, 'sidepipe_monitor_viewers')).toEqual([]);
});

it('reports viewers, the lag of the store, and the CPU time since the last scrape', async () => {
  let unread = 1.5;
  const metrics = createMetrics();
  const stream = measured({
    ...{ name: 'a', audience: { viewers: 3 }, playlistLagSeconds: 4, monitor: { status: { viewers: 2 } } },
    takeCpuSeconds: async () => {
      const taken = unread;
      unread = 0.25;
      return taken;
    },
  });
  metrics.onCollect((gauges) => setStreamGauges([stream], gauges, metrics));
  await metrics.render();
  const lines = (await metrics.render()).body.split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      'sidepipe_viewers{stream="a"} 3',
      'sidepipe_remote_playlist_lag_seconds{stream="a"} 4',
      'sidepipe_monitor_viewers{stream="a"} 2',
      'sidepipe_ffmpeg_cpu_seconds_total{stream="a"} 1.75',
    ]),
  );
});
