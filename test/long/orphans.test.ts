import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import type { ConfigInput } from '../../src/config/schema/schema.js';
import { builtProgram, type ChildNode, configFile, emptyFolder, startChild } from '../support/child-node.js';
import { createPlaylistChecker } from '../support/playlist-check.js';
import { isRunning, until } from '../support/wait.js';

let program: string;

beforeAll(async () => {
  program = await builtProgram();
});

const patience = { timeoutMs: 60_000, intervalMs: 50 };
const short = { hls: { segmentSeconds: 1 }, thumbnail: { intervalSeconds: 1, width: 160 } };

function twoStreams(more: ConfigInput = {}): ConfigInput {
  return {
    http: { host: '127.0.0.1', port: 0 },
    streams: ['one', 'two'].map((name) => ({ name, source: 'test', ...short })),
    ...more,
  };
}

/** Waits until both streams are live, and gives their ffmpeg processes. */
async function bothLive(node: ChildNode): Promise<number[]> {
  await until(
    'two streams to be live',
    () => {
      node.mustRun();
      return live(node).length === 2;
    },
    patience,
  );
  return until('two ffmpeg processes', () => ffmpegs(node, 2), patience);
}

function live(node: ChildNode) {
  return node.log().filter(({ msg }) => msg === 'stream live');
}

/** The node's ffmpeg processes, once there are so many. */
async function ffmpegs(node: ChildNode, count: number): Promise<number[] | undefined> {
  const pids = await node.processes('ffmpeg');
  return pids.length === count ? pids : undefined;
}

/** The node as a library, on a board without setpriv. */
async function startWithoutSetpriv(): Promise<ChildNode> {
  const source = `
    import { createNode } from ${JSON.stringify(pathToFileURL(join(program, 'index.js')).href)};
    const log = { write: (line) => void process.stdout.write(line) };
    await createNode(${JSON.stringify(twoStreams())}, { setpriv: null, log }).start();
  `;
  return startChild({ program, script: ['--input-type=module', '-e', source] });
}

it.each([
  ['parent-death-signal', async () => startChild({ program, args: ['--config', await configFile(twoStreams())] })],
  ['reaper', startWithoutSetpriv],
] as const)(
  'leaves no ffmpeg when it is killed: %s',
  async (way, start) => {
    const node = await start();
    const pids = await bothLive(node);
    expect(node.log().find(({ guard }) => guard !== undefined)?.['guard']).toBe(way);
    expect((await node.processes()).length).toBe(way === 'reaper' ? 4 : 3);
    // Most often ffmpeg ends by itself when nobody takes its segments. One that stands still cannot.
    process.kill(pids[0]!, 'SIGSTOP');
    await until(
      'it to stand still',
      async () => /\) T /.test(await readFile(`/proc/${pids[0]}/stat`, 'utf8')),
      patience,
    );
    node.kill('SIGKILL');
    await until('no process of the node', async () => (await node.processes()).length === 0, { timeoutMs: 60_000 });
    expect((await node.exited).signal).toBe('SIGKILL');
    for (const pid of pids) await until('it to be gone', async () => !(await isRunning(pid)));
  },
  90_000,
);

it.each([
  ['with --end-streams playlists have an end on the store', ['--end-streams'], true],
  ['without it playlists have no end, as the next start goes on with them', [], false],
] as const)('ends in order on SIGTERM, with nothing left and exit code 0: %s', async (_, options, isEnded) => {
  const folder = await emptyFolder();
  const config = twoStreams({ storage: { type: 'directory', directory: { path: folder } } });
  const node = await startChild({ program, args: ['serve', '--config', await configFile(config), ...options] });
  await bothLive(node);
  const playlist = (name: string) => readFile(join(folder, name, 'source', 'index.m3u8'), 'utf8');
  for (const name of ['one', 'two']) {
    await until(`${name} on the store`, async () => (await playlist(name).catch(() => '')).includes('.ts'), patience);
    expect(await playlist(name)).not.toContain('ENDLIST');
  }
  node.kill('SIGTERM');
  expect(await node.exited, node.stderr()).toEqual({ code: 0, signal: null });
  expect(await node.processes()).toEqual([]);
  for (const name of ['one', 'two']) {
    const { ended, entries } = createPlaylistChecker().check(await playlist(name));
    expect(ended).toBe(isEnded);
    expect(entries.length).toBeGreaterThan(0);
    // What it lists is there, whole or not at all: no half-written file lies about.
    const files = await readdir(join(folder, name, 'source'));
    expect(files).toEqual(expect.arrayContaining(entries.map(({ uri }) => uri)));
    expect(files.filter((file) => !/\.(ts|m3u8)$/.test(file))).toEqual([]);
  }
  expect(node.log().at(-1)).toMatchObject({ msg: 'shut down' });
});

it('ends at once on a second signal, and still leaves no ffmpeg', async () => {
  const node = await startChild({ program, args: ['--config', await configFile(twoStreams())] });
  const [first] = await bothLive(node);
  // A stopped process answers to nothing but SIGKILL, so that the ordered end takes its time.
  process.kill(first!, 'SIGSTOP');
  node.kill('SIGINT');
  await until('the other ffmpeg to end', () => ffmpegs(node, 1), patience);
  node.kill('SIGINT');
  expect(await node.exited).toEqual({ code: 1, signal: null });
  expect(node.log().some(({ msg }) => msg === 'shut down')).toBe(false);
  await until('no process of the node', async () => (await node.processes()).length === 0, { timeoutMs: 60_000 });
});
