import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { runFfmpeg, temporaryFolder } from '../support/clip.js';
import { startHttpSource } from '../support/http-source.js';
import { startNode, type TestNode } from '../support/node.js';
import { createPlaylistChecker } from '../support/playlist-check.js';
import { mediaMessage } from '../support/rtmp-bytes.js';
import { createRtmpClient } from '../support/rtmp-client.js';
import { type FlvTag, parseFlv } from '../support/rtmp-flv.js';
import { scriptStream } from '../support/scripted-stream.js';
import { until } from '../support/wait.js';

const CLIP_MS = 2000;
const VIDEO = 9;
const small = { hls: { segmentSeconds: 1 }, thumbnail: { intervalSeconds: 1, width: 160 } };
let folder: string;
let tags: FlvTag[];

beforeAll(async () => {
  folder = await temporaryFolder();
  const path = join(folder, 'clip.flv');
  await runFfmpeg([
    ...['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=20', '-f', 'lavfi', '-i', 'sine=sample_rate=48000'],
    ...['-t', String(CLIP_MS / 1000), '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '10'],
    ...['-pix_fmt', 'yuv420p', '-c:a', 'aac', '-f', 'flv', path],
  ]);
  tags = parseFlv(await readFile(path)).filter(({ type }) => type === 8 || type === VIDEO);
});

interface Twist {
  /** What the timestamps begin with, in milliseconds. */
  readonly from: number;
  readonly without?: 'audio' | 'video';
}

/** An encoder in real time, whose timestamps and tracks are as told; the next twist after each `turn`. */
async function startPublisher(node: TestNode, twists: readonly Twist[]): Promise<() => void> {
  const client = await createRtmpClient({ port: node.node.rtmpAddresses.rtmp!.port });
  onTestFinished(() => client.close());
  expect(await client.publish('first-key-1')).toBe('NetStream.Publish.Start');
  let twist = 0;
  let stopped = false;
  onTestFinished(() => {
    stopped = true;
  });
  const run = async () => {
    const begun = Date.now();
    let [round, current, rounds] = [0, 0, 0];
    while (!stopped) {
      if (current !== twist) [current, rounds] = [twist, 0];
      const { from, without } = twists[current]!;
      for (const { type, timestamp, payload } of tags) {
        const isHeader = timestamp === 0 && payload[1] === 0;
        const name = type === VIDEO ? 'video' : 'audio';
        if (name === without || (isHeader && round > 0)) continue;
        const dueMs = begun + round * CLIP_MS + timestamp - Date.now();
        if (dueMs > 0) await delay(dueMs);
        if (stopped) return;
        await client.send(mediaMessage(name, (from + rounds * CLIP_MS + timestamp) % 2 ** 32, payload));
      }
      round += 1;
      rounds += 1;
      const restMs = begun + round * CLIP_MS - Date.now();
      if (restMs > 0) await delay(restMs);
    }
  };
  void run();
  return () => {
    twist += 1;
  };
}

async function startStage(): Promise<TestNode> {
  return startNode({
    rtmp: { host: '127.0.0.1', port: 0 },
    ffmpeg: { stallTimeoutSeconds: 3, startTimeoutSeconds: 20 },
    streams: [{ name: 'cam', source: 'push', keys: ['first-key-1'], ...small }],
  });
}

/** Looks on until so many more segments are listed, each playlist right after the one before. */
function watcher(node: TestNode) {
  const checker = createPlaylistChecker();
  const newest = async () => {
    const { status, body } = await node.text('/live/cam/source/index.m3u8');
    return status === 200 ? checker.check(body).entries.at(-1)! : undefined;
  };
  return async (segments: number) => {
    let first: number | undefined;
    await until(
      `${segments} segments`,
      async () => {
        const entry = await newest();
        first ??= entry?.sequence;
        return entry !== undefined && entry.sequence >= first! + segments;
      },
      { timeoutMs: 60_000, intervalMs: 50 },
    );
    return node.stream('cam');
  };
}

it('a publisher whose clock jumps, wraps and loses its sound costs nothing', async () => {
  const node = await startStage();
  const more = watcher(node);
  const turn = await startPublisher(node, [
    { from: 5_000_000 },
    { from: 20_000_000 },
    { from: 0 },
    { from: 2 ** 32 - 2000 },
    { from: 1000, without: 'audio' },
    { from: 60_000 },
  ]);
  for (let twist = 0; twist < 6; twist += 1) {
    const { state, thumbnail, ffmpeg } = await more(5);
    expect([twist, state, thumbnail.state, ffmpeg.restarts]).toEqual([twist, 'live', 'fresh', 0]);
    turn();
    if (twist === 5) break;
  }
});

it('a publisher whose picture vanishes is told of, and comes back', async () => {
  const node = await startStage();
  const more = watcher(node);
  const turn = await startPublisher(node, [{ from: 0 }, { from: 30_000, without: 'video' }, { from: 60_000 }]);
  await more(4);
  turn();
  const lost = await until('a reason', async () => (await node.stream('cam')).reason ?? undefined, {
    timeoutMs: 30_000,
  });
  expect(lost.message).toMatch(/The video stalled for [34] s while the audio continued/);
  turn();
  const { state, thumbnail } = await more(4);
  expect([state, thumbnail.state]).toEqual(['live', 'fresh']);
});

it('a file whose timestamps jump hours forward and back is played over and over', async () => {
  const { parts } = await scriptStream(folder, 'file', [
    { seconds: 3 },
    { seconds: 3, at: 20_000 },
    { seconds: 3, at: 5 },
  ]);
  const path = join(folder, 'jumps.ts');
  await writeFile(path, Buffer.concat(parts));
  const node = await startNode({ streams: [{ name: 'cam', source: path, ...small }] });
  const { state, thumbnail, ffmpeg } = await watcher(node)(14);
  expect([state, thumbnail.state, ffmpeg.restarts]).toEqual(['live', 'fresh', 0]);
});

it('keyframes further apart than the node is patient are waited for in fMP4', async () => {
  const script = await scriptStream(folder, 'far', [{ seconds: 60, keyframes: 12 }]);
  const source = await startHttpSource({ routes: { '/far.ts': script.route } });
  const node = await startNode({
    ffmpeg: { stallTimeoutSeconds: 2, startTimeoutSeconds: 4 },
    streams: [
      {
        name: 'cam',
        source: `${source.url}/far.ts`,
        hls: { segmentSeconds: 1, container: 'fmp4' },
        thumbnail: { intervalSeconds: 15, width: 160 },
      },
    ],
  });
  const { ffmpeg, state } = await watcher(node)(1);
  expect([state, ffmpeg.restarts]).toEqual(['live', 0]);
});
