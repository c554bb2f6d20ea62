import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { makeClip, temporaryFolder } from '../support/clip.js';
import { startNode } from '../support/node.js';
import { createPlaylistChecker } from '../support/playlist-check.js';
import { createRtmpClient } from '../support/rtmp-client.js';
import { type FlvTag, parseFlv } from '../support/rtmp-flv.js';
import { until } from '../support/wait.js';

// How soon is told by what a publisher has sent by then: it falls silent, and what needs more does not come. So the machine's speed
// is of no importance.

const SEGMENT_SECONDS = 2;
const key = 'a-key-of-the-stage';

const kinds = [
  { name: 'in order, with sound', bFrames: 0, audio: true },
  { name: 'in order, without sound', bFrames: 0, audio: false },
  { name: 'with B-frames and sound', bFrames: 3, audio: true },
  { name: 'with B-frames, without sound', bFrames: 3, audio: false },
];
const clips = new Map<string, FlvTag[]>();

beforeAll(async () => {
  const folder = await temporaryFolder();
  for (const [index, { name, bFrames, audio }] of kinds.entries()) {
    const path = await makeClip({ path: join(folder, `${index}.flv`), seconds: 6, fps: 25, bFrames, audio });
    clips.set(name, parseFlv(await readFile(path)));
  }
});

interface Sent {
  readonly seconds: number;
  readonly paceMs?: number;
  readonly renditions?: { readonly name: string; readonly height: number; readonly bitrate: number }[];
}

/** A stream whose publisher has sent the first so many seconds of its media, and is still there. */
async function publish(name: string, { seconds, paceMs = 0, renditions = [] }: Sent) {
  const node = await startNode({
    streams: [
      {
        name: 'stage',
        source: 'push',
        keys: [key],
        hls: { segmentSeconds: SEGMENT_SECONDS },
        thumbnail: { intervalSeconds: 2, width: 320 },
        ...(renditions.length > 0 ? { renditions } : {}),
      },
    ],
  });
  const client = await createRtmpClient({ port: node.node.rtmpAddresses.rtmp!.port });
  onTestFinished(() => client.close());
  expect(await client.publish(`stage?key=${key}`)).toBe('NetStream.Publish.Start');
  for (const { type, timestamp, payload } of clips.get(name)!) {
    if (timestamp >= seconds * 1000) continue;
    await client.send({ chunkStreamId: type === 9 ? 6 : 4, type, streamId: 1, timestamp, payload });
    if (type === 9) await delay(paceMs);
  }
  const stream = node.node.streams.get('stage')!;
  /** Asks until it is so, by the one ffmpeg that got what was sent. */
  const sees = (what: string, ask: () => Promise<boolean>) =>
    until(
      what,
      async () => {
        const { ffmpeg, state } = stream.describe();
        if (ffmpeg.restarts > 0 || state === 'recovering') throw new Error(`too late: ${state}`);
        return ask();
      },
      { timeoutMs: 60_000, intervalMs: 50 },
    );
  return { node, stream, sees };
}

it.each(kinds)(
  '$name: the playlist plays half a second behind the first segment’s end',
  async ({ name }) => {
    const { node, sees } = await publish(name, { seconds: SEGMENT_SECONDS + 0.5 });
    await sees('a playlist that plays', async () => (await node.text('/live/stage/index.m3u8')).status === 200);
    const { status, body } = await node.text('/live/stage/source/index.m3u8');
    expect(status).toBe(200);
    const { entries } = createPlaylistChecker().check(body);
    expect(entries.map(({ durationSeconds }) => Math.round(durationSeconds * 10) / 10)).toEqual([SEGMENT_SECONDS]);
    const [segment] = await node.segments('stage');
    const first = await node.bytes(segment!);
    expect([first.status, first.body[0]]).toEqual([200, 0x47]);
  },
  60_000,
);

// x264 holds back a picture for each of its threads, one and a half a processor. A segment is complete with the first part of the
// next one. Of this small clip, the 4 kB that are read at a time are a tenth of a second.
it.skipIf(availableParallelism() > 4)(
  'encoded: the playlist plays less than a second behind the first segment’s end',
  async () => {
    const renditions = [{ name: 'small', height: 90, bitrate: 200_000 }];
    const { node, sees } = await publish(kinds[0]!.name, { seconds: SEGMENT_SECONDS + 0.8, renditions });
    await sees('a playlist that plays', async () => (await node.text('/live/stage/index.m3u8')).status === 200);
    expect(await node.segments('stage', 'small')).toHaveLength(1);
  },
  60_000,
);

it.each(kinds)(
  '$name: there is a fresh thumbnail half a second behind the first keyframe',
  async ({ name }) => {
    // Pictures are dated once packets come one by one, no faster than they are taken: here at half the pace.
    const { node, stream, sees } = await publish(name, { seconds: 0.5, paceMs: 80 });
    await sees('a thumbnail', async () => stream.describe().thumbnail.captured > 0);
    const { status, headers } = await node.bytes('/live/stage/thumbnail.jpg');
    expect([status, headers.get('sidepipe-image-state')]).toEqual([200, 'fresh']);
  },
  60_000,
);
