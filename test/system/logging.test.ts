import { execFile } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { builtProgram, type ChildNode, emptyFolder, startChild } from '../support/child-node.js';
import { isRunning, until } from '../support/wait.js';

/** A node whose log cannot be written goes on: streams stay live, memory stays bounded, what was dropped is counted. */

const run = promisify(execFile);
let program: string;

beforeAll(async () => {
  program = await builtProgram();
});

const patience = { timeoutMs: 90_000, intervalMs: 200 };

/** Logs 1,000 numbered lines a second, in the way of a dependency that prints, from when the program has set itself up. */
const NOISE = `
let count = 0;
setInterval(() => {
  if (process.listenerCount('uncaughtException') === 0) return;
  for (let each = 0; each < 10; each++) console.log(JSON.stringify({ noise: count++, msg: 'x'.repeat(120) }));
}, 10).unref();
`;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface NoisyNode {
  readonly child: ChildNode;
  /** Of the node itself, not of the shell that started it. */
  pid(): Promise<number>;
  text(path: string): Promise<string>;
  metric(name: string): Promise<number>;
  ffmpeg(): Promise<number | undefined>;
  isFresh(): Promise<boolean>;
  sequence(): Promise<number>;
}

/** A node whose standard output is the file, which the shell opens. */
async function startNoisy(stdout: string, env: Readonly<Record<string, string>> = {}): Promise<NoisyNode> {
  const port = await freePort();
  const noise = join(await emptyFolder(), 'noise.mjs');
  await writeFile(noise, NOISE);
  const child = await startChild({
    program,
    wrapper: ['sh', '-c', 'exec "$@" >> "$STDOUT"', 'sh'],
    script: ['--import', noise, join(program, 'cli.js'), '--source', 'test', '--stream', 'cam'],
    env: {
      STDOUT: stdout,
      SIDEPIPE_HTTP_HOST: '127.0.0.1',
      SIDEPIPE_HTTP_PORT: String(port),
      SIDEPIPE_ADMIN_TOKEN: 'an-admin-token-for-this',
      ...env,
    },
  });
  const text = async (path: string) => {
    child.mustRun();
    const headers = { authorization: 'Bearer an-admin-token-for-this' };
    return (await fetch(`http://127.0.0.1:${port}${path}`, { headers, signal: AbortSignal.timeout(20_000) })).text();
  };
  const description = async () => JSON.parse(await text('/api/v1/streams/cam'));
  await until(
    'the stream and its picture',
    async () => {
      const { state, thumbnail } = await description().catch(() => ({}));
      return state === 'live' && thumbnail.state === 'fresh';
    },
    patience,
  );
  return {
    child,
    text,
    pid: async () => child.pid,
    metric: async (name) => Number(new RegExp(`^${name} (\\S+)`, 'm').exec(await text('/metrics'))?.[1]),
    ffmpeg: async () => (await description()).ffmpeg.pid ?? undefined,
    isFresh: async () => (await description()).thumbnail.state === 'fresh',
    sequence: async () => (await description()).hls.mediaSequence,
  };
}

async function memoryOf(pid: number): Promise<number> {
  return Number(/VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

/** What a reader got: the noise's numbers, and how many lines were reported as dropped, in how many reports. */
function received(text: string) {
  const events = text
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const reports = events.filter(({ msg }) => msg === 'log lines dropped');
  return {
    lines: events.length - reports.length,
    noise: events.flatMap(({ noise }) => (typeof noise === 'number' ? [noise] : [])),
    reports: reports.length,
    dropped: reports.reduce((sum, { dropped }) => sum + Number(dropped), 0),
  };
}

it('logging: a reader that stops for 60 s at 1,000 lines a second costs lines only, and SIGTERM still works', async () => {
  const fifo = join(await emptyFolder(), 'log');
  await run('mkfifo', [fifo]);
  const reader = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  onTestFinished(() => closeSync(reader));
  const node = await startNoisy(fifo);
  const before = { sequence: await node.sequence(), memory: await memoryOf(node.child.pid) };
  const endsAt = performance.now() + 60_000;
  while (performance.now() < endsAt) {
    expect(await node.isFresh()).toBe(true);
    await delay(2000);
  }
  const dropped = await node.metric('sidepipe_log_lines_dropped_total');
  expect(dropped).toBeGreaterThan(20_000);
  expect(await node.sequence()).toBeGreaterThan(before.sequence + 10);
  expect((await memoryOf(node.child.pid)) - before.memory).toBeLessThan(100e6);

  let text = '';
  const read = () => {
    const piece = Buffer.alloc(65_536);
    try {
      for (let bytes = 1; bytes > 0; ) {
        bytes = readSync(reader, piece);
        text += piece.toString('latin1', 0, bytes);
      }
    } catch {
      // Nothing more for now.
    }
  };
  await until('the report', () => {
    read();
    return text.includes('log lines dropped');
  });
  await until('lines behind it', () => {
    read();
    const { noise } = received(text);
    return noise.at(-1)! > noise.length + 20_000;
  });
  const got = received(text);
  expect(got.reports).toBe(1);
  // In order, whole, and with one hole of as many lines as reported: the node's own lines are among them.
  const holes = got.noise.filter((number, index) => index > 0 && number !== got.noise[index - 1]! + 1);
  expect(holes).toHaveLength(1);
  const missing = holes[0]! - got.noise[got.noise.indexOf(holes[0]!) - 1]! - 1;
  expect(got.dropped).toBe(await node.metric('sidepipe_log_lines_dropped_total'));
  expect(got.dropped - missing).toBeGreaterThanOrEqual(0);
  expect(got.dropped - missing).toBeLessThan(100);

  // Nobody reads any more.
  await until(
    'a full pipe',
    async () => (await node.metric('sidepipe_log_lines_dropped_total')) > got.dropped,
    patience,
  );
  node.child.kill('SIGTERM');
  expect(await node.child.exited).toEqual({ code: 0, signal: null });
}, 240_000);

it('logging: a node whose standard output is /dev/full starts, streams and ends in order', async () => {
  const node = await startNoisy('/dev/full');
  await until('a fresh picture', () => node.isFresh(), patience);
  await until('dropped lines', async () => (await node.metric('sidepipe_log_lines_dropped_total')) > 1000, patience);
  node.child.kill('SIGTERM');
  expect(await node.child.exited).toEqual({ code: 0, signal: null });
});

it('logging: a full disk while ffmpeg is killed ten times ends nothing, and the count is right once there is room', async () => {
  const folder = await emptyFolder();
  await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]);
  onTestFinished(async () => {
    await run('umount', ['-l', folder]);
  });
  const [log, filler] = [join(folder, 'log'), join(folder, 'filler')];
  await writeFile(filler, Buffer.alloc(900_000));
  const node = await startNoisy(log, { SIDEPIPE_LOG_BUFFER_BYTES: '65536' });
  await until('a full disk', async () => (await node.metric('sidepipe_log_lines_dropped_total')) > 1000, patience);
  for (let round = 0; round < 10; round++) {
    const pid = await until('ffmpeg', () => node.ffmpeg(), patience);
    process.kill(pid, 'SIGKILL');
    await until('its end', async () => !(await isRunning(pid)), patience);
    await until('another', async () => (await node.ffmpeg()) !== pid && (await node.ffmpeg()) !== undefined, patience);
    await until('a live stream', async () => (await node.text('/api/v1/streams/cam')).includes('"live"'), patience);
  }
  await until('a fresh picture', () => node.isFresh(), patience);
  expect(await memoryOf(node.child.pid)).toBeLessThan(400e6);
  await rm(filler);
  const report = async () => received(await readFile(log, 'utf8'));
  await until('the report', async () => (await report()).reports > 0, patience);
  node.child.kill('SIGTERM');
  expect(await node.child.exited).toEqual({ code: 0, signal: null });
  const got = await report();
  const holes = got.noise.filter((number, index) => index > 0 && number !== got.noise[index - 1]! + 1);
  expect(holes.length).toBeGreaterThan(0);
  const missing = got.noise.at(-1)! + 1 - got.noise.length;
  expect(got.dropped).toBeGreaterThanOrEqual(missing);
}, 400_000);

it('logging: shows the generated token on a terminal', async () => {
  const command = [process.execPath, join(program, 'cli.js'), '--source', 'test', '--stream', 'cam'].join(' ');
  const child = await startChild({
    program,
    wrapper: ['sh', '-c', 'exec script -qfec "$0" /dev/null', command],
    env: { SIDEPIPE_HTTP_HOST: '127.0.0.1', SIDEPIPE_HTTP_PORT: '0' },
  });
  await until('the token', () => /Admin token for this run: [\w-]{32}/.test(child.stdout()), patience);
});
