import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { builtProgram, type ChildNode, configFile, emptyFolder, startChild } from '../support/child-node.js';
import { embedded } from '../support/ffmpeg.js';
import { until } from '../support/wait.js';

/** What one client or source takes is not missing to the other streams. */

const run = promisify(execFile);
const token = 'an-admin-token-for-this';
const patience = { timeoutMs: 90_000, intervalMs: 200 };
let program: string;

beforeAll(async () => {
  program = await builtProgram();
}, 120_000);

async function describe(url: string, name: string) {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${url}/api/v1/streams/${name}`, { headers, signal: AbortSignal.timeout(20_000) });
  return answer.json() as Promise<{
    state: string;
    reason: { code: string; message: string } | null;
    thumbnail: { state: string };
    hls: { mediaSequence: number };
    ffmpeg: { restarts: number };
  }>;
}

async function fresh(url: string, name: string): Promise<boolean> {
  const { state, thumbnail } = await describe(url, name);
  return state === 'live' && thumbnail.state === 'fresh';
}

async function ffmpegPeakBytes(child: ChildNode): Promise<number[]> {
  const pids = await child.processes('ffmpeg');
  const texts = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')));
  return texts.map((text) => Number(/VmHWM:\s+(\d+) kB/.exec(text)?.[1] ?? 0) * 1024);
}

it('scarcity: with 1,024 descriptors and 1,000 idle connections streams stay fresh and another one starts', async () => {
  const child = await startChild({
    program,
    wrapper: ['sh', '-c', 'ulimit -n 1024; exec "$@"', 'sh'],
    args: ['--source', 'test', '--stream', 'cam'],
    env: { SIDEPIPE_HTTP_HOST: '127.0.0.1', SIDEPIPE_HTTP_PORT: '0', SIDEPIPE_ADMIN_TOKEN: token },
  });
  const url = await child.url();
  await until('a fresh stream', () => fresh(url, 'cam'), patience);
  const sockets: Socket[] = [];
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  for (let batch = 0; batch < 10; batch++) {
    const opened = Array.from({ length: 100 }, () => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      socket.on('error', () => {}).on('data', () => {});
      socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
      sockets.push(socket);
      return new Promise((resolve) => socket.once('data', resolve).once('close', resolve));
    });
    await Promise.all(opened);
  }
  const body = JSON.stringify({ name: 'another', source: 'test' });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const create = () => fetch(`${url}/api/v1/streams`, { method: 'POST', headers, body }).catch(() => undefined);
  expect((await until('room for a request', create, patience)).status).toBe(201);
  await until('the new stream', () => fresh(url, 'another').catch(() => false), patience);
  const { mediaSequence } = (await describe(url, 'cam')).hls;
  await until(
    'the old one to go on',
    async () => (await describe(url, 'cam')).hls.mediaSequence > mediaSequence,
    patience,
  );
  expect(await fresh(url, 'cam')).toBe(true);
  expect((await describe(url, 'cam')).ffmpeg.restarts).toBe(0);
  expect(child.log().filter(({ msg, reason }) => /Cannot start ffmpeg|EMFILE/.test(`${msg} ${reason}`))).toEqual([]);
}, 240_000);

it('scarcity: a source of 16000×16000 fails with a reason within 250 MB, and other streams do not notice', async () => {
  const big = join(await emptyFolder(), 'big.flv');
  const picture = ['-f', 'lavfi', '-i', 'color=s=16000x16000:r=1:d=2', '-pix_fmt', 'yuv420p'];
  const codec = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-threads', '1', '-g', '1'];
  await run(embedded.path, ['-v', 'error', ...picture, ...codec, big], { timeout: 120_000 });
  const config = await configFile({
    http: { host: '127.0.0.1', port: 0 },
    admin: { token },
    streams: [
      { name: 'cam', source: 'test' },
      { name: 'big', source: `file:${big}` },
    ],
  });
  const child = await startChild({ program, args: ['--config', config] });
  const url = await child.url();
  let peak = 0;
  await until(
    'the reason, twice: then it waits a minute',
    async () => {
      peak = Math.max(peak, ...(await ffmpegPeakBytes(child)));
      const { state, ffmpeg } = await describe(url, 'big');
      return state === 'failed' && ffmpeg.restarts >= 2;
    },
    { timeoutMs: 120_000, intervalMs: 10 },
  );
  expect((await describe(url, 'big')).reason).toMatchObject({ code: 'source-unsupported' });
  expect((await describe(url, 'big')).reason?.message).toMatch(/ffmpeg\.maxPixels/);
  expect(peak).toBeGreaterThan(0);
  expect(peak).toBeLessThan(250e6);
  await until('the other stream', () => fresh(url, 'cam'), patience);
  expect((await describe(url, 'cam')).ffmpeg.restarts).toBe(0);
  const [pid] = await child.processes('ffmpeg');
  const score = async (each: number | string) => Number(await readFile(`/proc/${each}/oom_score_adj`, 'utf8'));
  expect(await score(pid!)).toBeGreaterThan(await score(child.pid));
}, 300_000);
