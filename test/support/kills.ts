import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { makeClip, temporaryFolder } from './clip.js';
import { startNode } from './node.js';
import { createPlaylistChecker } from './playlist-check.js';
import { until } from './wait.js';

/** Kills a stream's ffmpeg so many times: each time it comes back, with right sequence numbers and a thumbnail at every moment. */
export async function killAgainAndAgain(kills: number): Promise<void> {
  const keyframes = [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5];
  const source = await makeClip({ path: join(await temporaryFolder(), 'clip.mp4'), seconds: 4, keyframes });
  const node = await startNode({
    streams: [{ name: 'cam', source, hls: { segmentSeconds: 0.5 }, thumbnail: { intervalSeconds: 0.5, width: 160 } }],
  });
  const statuses = new Map<number, number>();
  const polling = new AbortController();
  const polls = (async () => {
    while (!polling.signal.aborted) {
      const { status } = await node.bytes('/live/cam/thumbnail.jpg');
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      await delay(20);
    }
  })();
  const checker = createPlaylistChecker();
  const newestEntry = async () => {
    const { status, body } = await node.text('/live/cam/source/index.m3u8');
    return status === 200 ? checker.check(body).entries.at(-1) : undefined;
  };
  const sessions = new Set<string>();
  let first: number | undefined;
  for (let kill = 0; kill <= kills; kill += 1) {
    await until(`a segment after kill ${kill}`, async () => {
      const newest = await newestEntry();
      const session = newest?.uri.split('-')[0];
      if (newest === undefined || session === undefined || sessions.has(session)) return false;
      first ??= newest.discontinuityNumber;
      sessions.add(session);
      return true;
    });
    const { pid } = (await node.stream('cam')).ffmpeg;
    if (kill < kills) process.kill(pid!, 'SIGKILL');
  }
  const last = (await newestEntry())!;
  const { ffmpeg, state } = await node.stream('cam');
  polling.abort();
  await polls;
  expect(sessions.size).toBe(kills + 1);
  expect(ffmpeg.restarts).toBe(kills);
  expect(state).toBe('live');
  // Each run but the first starts with a discontinuity, and the newest entry's number counts them all.
  expect(last.discontinuityNumber - first!).toBe(kills);
  expect([...statuses.keys()]).toEqual([200]);
}
