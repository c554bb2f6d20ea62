import { expect, it } from 'vitest';
import { parseMediaPlaylist } from '../../src/hls/parse.js';
import { startNode } from '../support/node.js';
import { until } from '../support/wait.js';

const HOUR = 3_600_000;

it('plays on with fresh pictures and new dates when the system clock is set an hour on, and two back', async () => {
  const time = { offsetMs: 0 };
  const { node, text, bytes, stream, log } = await startNode(
    {
      streams: [
        {
          name: 'cam',
          source: 'test',
          // All that is listed stays listed, and pictures are stale only where an hour is counted that never was.
          hls: { segmentSeconds: 1, windowSegments: 60 },
          thumbnail: { intervalSeconds: 1, staleAfterSeconds: 600, offlineAfterSeconds: 1200, width: 160 },
        },
      ],
    },
    { timeOfDay: () => Date.now() + time.offsetMs },
  );
  const events = node.events.subscribe();
  const entries = async () => parseMediaPlaylist((await text('/live/cam/source/index.m3u8')).body)?.entries ?? [];
  const capturedAt = async () => {
    const { headers } = await bytes('/live/cam/thumbnail.jpg');
    expect(headers.get('sidepipe-image-state')).toBe('fresh');
    return Date.parse(headers.get('sidepipe-captured-at')!);
  };
  const isFresh = async () => (await stream('cam')).thumbnail.state === 'fresh';
  await until('a picture and segments', async () => (await isFresh()) && (await entries()).length >= 2);

  for (const [place, offsetMs] of [HOUR, -HOUR].entries()) {
    const stepMs = offsetMs - time.offsetMs;
    const before = await entries();
    const shownBefore = await capturedAt();
    time.offsetMs = offsetMs;
    // What is shown already has the new date at once, and is as old as it was.
    expect(Math.abs((await capturedAt()) - shownBefore - stepMs)).toBeLessThan(HOUR / 2);
    const after = await until('a segment with the new date', async () => {
      const listed = await entries();
      return (
        listed.some(({ programDateTime }) => Math.abs(programDateTime! - Date.now() - offsetMs) < HOUR / 2) && listed
      );
    });
    expect(after.slice(0, before.length)).toEqual(before);
    const jumps = after.filter(
      ({ programDateTime }, at) => at > 0 && Math.abs(programDateTime! - after[at - 1]!.programDateTime!) > HOUR / 2,
    );
    expect(jumps.length).toBe(place + 1);
    expect(jumps.every(({ discontinuity }) => discontinuity)).toBe(true);
    const { state, since, ffmpeg } = await stream('cam');
    expect({ state, restarts: ffmpeg.restarts }).toEqual({ state: 'live', restarts: 0 });
    expect(Math.abs(Date.parse(since) - Date.now() - offsetMs)).toBeLessThan(HOUR / 2);
    await until('the step to be logged', () => log.filter(({ msg }) => msg === 'system clock stepped')[place]);
  }

  const steps = log.filter(({ msg }) => msg === 'system clock stepped');
  expect(steps.map(({ stepSeconds }) => Math.round(Number(stepSeconds) / 60))).toEqual([60, -120]);
  expect(steps[0]).toMatchObject({
    level: 'warn',
    before: expect.stringMatching(/Z$/),
    after: expect.stringMatching(/Z$/),
  });
  await node.close();
  const types: string[] = [];
  for await (const { type } of events) types.push(type);
  expect(types).not.toEqual(expect.arrayContaining(['stale']));
  expect(types.filter((type) => ['stale', 'recovering', 'failed'].includes(type))).toEqual([]);
}, 120_000);
