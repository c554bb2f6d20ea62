import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import ffmpeg from '@ffmpeg-installer/ffmpeg';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import type { StreamDescription } from '../../src/stream/description.js';
import { observePlaylist, startBucket, type TestBucket } from '../support/bucket.js';
import { builtProgram, type ChildNode, configFile, startChild } from '../support/child-node.js';
import { makeClip, temporaryFolder } from '../support/clip.js';
import { until } from '../support/wait.js';

/** Two nodes of one stream that are restarted and killed in random order: the playlist on the store stays right, players go on. */

const patience = { timeoutMs: 120_000, intervalMs: 100 };
const ROUNDS = 10;

let program: string;
let clip: string;

beforeAll(async () => {
  program = await builtProgram();
  clip = await makeClip({
    path: join(await temporaryFolder(), 'clip.ts'),
    seconds: 20,
    size: '320x180',
    keyframes: Array.from({ length: 20 }, (_, second) => second),
  });
}, 180_000);

/** From a number, so that a failing order can be repeated with SEED. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Player {
  readonly child: ChildProcess;
  /** Pictures that it has got. */
  pictures: number;
  stderr: string;
}

/** ffmpeg as a viewer: it reads the playlist again and again until that has an end. */
function startPlayer(url: string): Player {
  const args = ['-hide_banner', '-nostdin', '-v', 'warning', '-nostats', '-progress', 'pipe:1'];
  const child = spawn(ffmpeg.path, [...args, '-i', url, '-map', '0:v', '-c', 'copy', '-f', 'null', '-'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const player: Player = { child, pictures: 0, stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    for (const [, frame] of text.matchAll(/^frame=\s*(\d+)$/gm)) player.pictures = Number(frame);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    player.stderr = (player.stderr + text).slice(-20_000);
  });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return player;
}

async function startProgram(bucket: TestBucket, container: 'mpegts' | 'fmp4'): Promise<ChildNode> {
  const config = {
    http: { host: '127.0.0.1', port: 0 },
    storage: { type: 's3', s3: bucket.s3, lease: { ttlSeconds: 5 } },
    streams: [
      {
        ...{ name: 'cam', source: clip, loop: true },
        hls: { segmentSeconds: 1, windowSegments: 6, container },
        thumbnail: { intervalSeconds: 2, width: 160 },
      },
    ],
  };
  return startChild({ program, args: ['serve', '--config', await configFile(config)] });
}

/** What the store's place of the stream is at this node; undefined before it answers. */
async function placeOf(node: ChildNode): Promise<string | undefined> {
  node.mustRun();
  const url = await node.url();
  const described = await fetch(`${url}/api/v1/streams/cam`).then(
    async (answer) => (await answer.json()) as StreamDescription,
    () => undefined,
  );
  return described?.state === 'live' ? (described.storage.state ?? undefined) : undefined;
}

async function stop(node: ChildNode, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  node.kill(signal);
  const { code } = await node.exited;
  if (signal === 'SIGTERM') expect(code, node.stderr()).toBe(0);
}

it.each(['mpegts', 'fmp4'] as const)(
  '%s: ten restarts and kills in random order',
  async (container) => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
    const random = randomFrom(seed);
    const bucket = await startBucket();
    const observed = observePlaylist(bucket, { neverEnds: true });
    const nodes = [await startProgram(bucket, container)];
    await until('the first to publish', async () => (await placeOf(nodes[0]!)) === 'publishing', patience);
    nodes.push(await startProgram(bucket, container));
    await until('the second to stand by', async () => (await placeOf(nodes[1]!)) === 'standby', patience);
    await until('a window', () => observed.playlists >= 6, patience);
    const player = startPlayer(`${bucket.s3.publicUrl}/cam/source/index.m3u8`);
    await until('the player to play', () => player.pictures > 20, patience);

    const order: string[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const victim = Math.floor(random() * 2);
      const signal = random() < 0.5 ? 'SIGTERM' : 'SIGKILL';
      // Now and then nobody is left for a moment.
      const isBoth = random() < 0.2;
      const wasPublisher = (await placeOf(nodes[victim]!)) === 'publishing';
      order.push(`${signal} ${victim}${wasPublisher ? ' (publishes)' : ''}${isBoth ? ', and the other' : ''}`);
      await stop(nodes[victim]!, signal);
      if (isBoth) await stop(nodes[1 - victim]!, random() < 0.5 ? 'SIGTERM' : 'SIGKILL');
      for (const index of isBoth ? [1 - victim, victim] : [victim]) {
        if (!isBoth) {
          const at = observed.playlists;
          const goesOn = async () =>
            (await placeOf(nodes[1 - victim]!)) === 'publishing' && observed.playlists > at + 2;
          await until(`the other to publish after ${order.join('; ')}`, goesOn, patience);
        }
        nodes[index] = await startProgram(bucket, container);
        await until(`a node to be back after ${order.join('; ')}`, async () => await placeOf(nodes[index]!), patience);
      }
      const [playlists, pictures] = [observed.playlists, player.pictures];
      await until(
        `the playlist to go on after ${order.join('; ')}`,
        () => observed.playlists > playlists + 3,
        patience,
      );
      const goesOn = () => player.child.exitCode !== null || player.pictures > pictures + 20;
      await until(`the player to go on after ${order.join('; ')}: ${player.stderr}`, goesOn, patience);
      expect(player.child.exitCode, `the player ended after ${order.join('; ')}: ${player.stderr}`).toBeNull();
      const story = `seed ${seed}: ${order.join('; ')}`;
      expect([...observed.problems, ...observed.short], story).toEqual([]);
    }
    expect(order).toHaveLength(ROUNDS);
    // The result that the suite is run for.
    // biome-ignore lint/suspicious/noConsole: it is printed
    console.log(
      `${container}, seed ${seed}: ${order.join('; ')}: ${observed.playlists} playlists of ${observed.sessions.length} sessions, ${observed.problems.length + observed.short.length} violations; the player got ${player.pictures} pictures.`,
    );
  },
  1_200_000,
);
