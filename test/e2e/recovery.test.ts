import { expect, it, vi } from 'vitest';
import { startNode } from '../support/node.js';
import { createPlaylistChecker } from '../support/playlist-check.js';

it('comes back from 20 kills of ffmpeg in a row, with right sequence numbers and a thumbnail at every moment', async () => {
  const node = await startNode({
    streams: [
      { name: 'cam', source: 'test', hls: { segmentSeconds: 0.5 }, thumbnail: { intervalSeconds: 0.5, width: 160 } },
    ],
  });
  const statuses = new Map<number, number>();
  const polling = new AbortController();
  const polls = (async () => {
    while (!polling.signal.aborted) {
      const { status } = await node.bytes('/live/cam/thumbnail.jpg');
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  })();
  const checker = createPlaylistChecker();
  const playlist = async () => checker.check((await node.text('/live/cam/source/index.m3u8')).body);
  const sessions = new Set<string>();
  let first: number | undefined;
  for (let kill = 0; kill <= 20; kill += 1) {
    await vi.waitFor(
      async () => {
        const newest = (await playlist()).entries.at(-1)!;
        first ??= newest.discontinuityNumber;
        const session = newest.uri.split('-')[0]!;
        expect(sessions.has(session)).toBe(false);
        sessions.add(session);
      },
      { timeout: 20_000, interval: 20 },
    );
    const { pid } = (await node.stream('cam')).ffmpeg;
    if (kill < 20) process.kill(pid!, 'SIGKILL');
  }
  const last = await playlist();
  const { ffmpeg, state } = await node.stream('cam');
  polling.abort();
  await polls;
  expect(sessions.size).toBe(21);
  expect(ffmpeg.restarts).toBe(20);
  expect(state).toBe('live');
  // Each run but the first begins with a discontinuity, and the newest entry's number counts them all.
  expect(last.entries.at(-1)!.discontinuityNumber - first!).toBe(20);
  expect([...statuses.keys()]).toEqual([200]);
}, 120_000);
