import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/clip.js';
import { providedFfmpeg } from '../support/ffmpeg.js';
import { startNode, type TestNode } from '../support/node.js';
import { until } from '../support/wait.js';

/**
 * Programs that are not this project's play its low-latency HLS. gohlslib asks for each part that the playlist announces; it knows no
 * discontinuities and waits for the old timestamps behind one. ffmpeg plays segments, over a new start of the node's ffmpeg too.
 */

const run = promisify(execFile);
/** Eight seconds of pictures. */
const GO_FRAMES = 200;
/** More than there are when ffmpeg is started again: six seconds in the playlist, and four since. */
const FFMPEG_FRAMES = 400;
const PATIENCE_SECONDS = 90;
const streams = [
  { name: 'mpegts', source: 'test', hls: { container: 'mpegts' } },
  { name: 'fmp4', source: 'test', hls: { container: 'fmp4' } },
] as const;
const steady = 'steady';

const folder = await temporaryFolder();
const goClient = join(folder, 'go-client');

beforeAll(async () => {
  const cwd = fileURLToPath(new URL('../support/go-client', import.meta.url));
  await run('go', ['build', '-o', goClient, '.'], { cwd });
}, 600_000);

interface Played {
  readonly counts: { readonly video?: number; readonly audio?: number };
  /** How often a timestamp went back. */
  readonly back: number;
  readonly error: string;
}

/** What gohlslib's client gets until it has enough. */
async function playWithGo(url: string): Promise<Played> {
  const { stdout } = await run(goClient, [url, String(GO_FRAMES), String(PATIENCE_SECONDS)]);
  return JSON.parse(stdout) as Played;
}

/** The video packets that an ffmpeg gets until it has enough, and what it complains of. */
async function playWithFfmpeg(path: string, url: string): Promise<{ packets: number; words: string }> {
  const child = spawn(path, [
    '-v',
    'error',
    '-nostdin',
    '-i',
    url,
    '-map',
    '0:v',
    '-c',
    'copy',
    '-frames:v',
    String(FFMPEG_FRAMES),
    '-f',
    'framecrc',
    '-',
  ]);
  let lines = '';
  let words = '';
  child.stdout.on('data', (data: Buffer) => {
    lines += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    words += data.toString();
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  await Promise.race([delay(PATIENCE_SECONDS * 1000, undefined, { ref: false }), ended]);
  child.kill('SIGKILL');
  await ended;
  return { packets: lines.split('\n').filter((line) => line.startsWith('0,')).length, words };
}

/** Starts ffmpeg again while clients play. */
async function restartMeanwhile(node: TestNode, name: string): Promise<void> {
  await delay(4000);
  expect((await node.api('POST', `streams/${name}/restart`)).status).toBeLessThan(300);
}

describe.each(streams)('as $name', (stream) => {
  it('gohlslib plays part by part, and each ffmpeg plays on over a new start of ffmpeg', async () => {
    const node = await startNode({ streams: [stream, { ...stream, name: steady }] });
    const urlOf = (name: string) => `${node.url}/live/${name}/index.m3u8`;
    await until(
      'three segments',
      async () =>
        Math.min(
          ...(await Promise.all([stream.name, steady].map((name) => node.segments(name)))).map((files) => files.length),
        ) >= 3,
      {
        timeoutMs: 120_000,
        intervalMs: 100,
      },
    );
    const versions = ['4.1-x64', '5.1', '9.0.2'];
    const [go, restarted, ...players] = await Promise.all([
      playWithGo(urlOf(steady)),
      restartMeanwhile(node, stream.name),
      ...versions.map((version) => playWithFfmpeg(providedFfmpeg(version), urlOf(stream.name))),
    ]);
    expect(restarted).toBeUndefined();
    expect(go.error).toBe('');
    expect(go.counts.video).toBeGreaterThanOrEqual(GO_FRAMES);
    expect(go.counts.audio).toBeGreaterThan(GO_FRAMES / 2);
    expect(go.back).toBe(0);
    for (const [index, { packets, words }] of players.entries()) {
      expect([versions[index], packets >= FFMPEG_FRAMES, words]).toEqual([versions[index], true, words]);
    }
  });
});
