import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { builtProgram, type ChildNode, configFile, startChild } from '../support/child-node.js';
import { until } from '../support/wait.js';

/** What another user of the machine can read in /proc opens no source, no store and no port of the node. */

let program: string;

beforeAll(async () => {
  program = await builtProgram();
}, 120_000);

const patience = { timeoutMs: 60_000, intervalMs: 50 };

const secrets = {
  password: 'planted-password-1',
  token: 'planted-token-2',
  path: 'planted-path-3',
  admin: 'planted-admin-token-4',
  aws: 'planted-aws-key-5',
  store: 'planted-store-key-6',
};

/** Accepts connections and says nothing, so that ffmpeg waits. */
async function silentServer(): Promise<number> {
  const server = createServer((socket) => void socket.on('error', () => {})).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function readProc(pid: number, file: string): Promise<string> {
  return (await readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => '')).replaceAll('\0', '\n');
}

/** Everything of this node's processes that runs, as any user sees it, and the environment of ffmpeg. */
async function seen(child: ChildNode): Promise<{ commands: string[]; environments: string[] }> {
  const pids = await child.processes();
  const commands = await Promise.all(pids.map((pid) => readProc(pid, 'cmdline')));
  const ffmpeg = pids.filter((_, index) => /ffmpeg/.test(commands[index]!));
  return { commands, environments: await Promise.all(ffmpeg.map((pid) => readProc(pid, 'environ'))) };
}

it('local users: read no password, token or key of any HTTP, RTSP or RTMP source on a command line', async () => {
  const port = await silentServer();
  const at = `viewer:${secrets.password}@127.0.0.1:${port}/${secrets.path}`;
  const sources = {
    http: `http://${at}/v.ts?token=${secrets.token}`,
    https: `https://${at}/v.ts?token=${secrets.token}`,
    hls: `http://${at}/v.m3u8?token=${secrets.token}`,
    mjpeg: `http://${at}/mjpeg?token=${secrets.token}`,
    rtsp: `rtsp://${at}?token=${secrets.token}`,
    rtsps: `rtsps://${at}?token=${secrets.token}`,
    rtmp: `rtmp://${at}/${secrets.path}?token=${secrets.token}`,
    rtmps: `rtmps://${at}/${secrets.path}?token=${secrets.token}`,
    long: `http://${at}/v.ts?token=${secrets.token}&pad=${'x'.repeat(3000)}`,
  };
  const child = await startChild({
    program,
    args: [
      '--config',
      await configFile({
        http: { host: '127.0.0.1', port: 0 },
        api: { sources: { networks: { allow: ['127.0.0.0/8'] } } },
        storage: {
          type: 's3',
          s3: {
            endpoint: 'http://127.0.0.1:1',
            bucket: 'b',
            accessKeyId: 'AKIDEXAMPLE',
            secretAccessKey: secrets.store,
          },
        },
        streams: Object.entries(sources).map(([name, source]) => ({ name, source })),
      }),
    ],
    env: { SIDEPIPE_ADMIN_TOKEN: secrets.admin, AWS_SECRET_ACCESS_KEY: secrets.aws },
  });
  const url = await child.url();
  // Under the policy of the API the ways to the sources are others.
  for (const [name, source] of Object.entries(sources)) {
    const headers = { authorization: `Bearer ${secrets.admin}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ name: `api-${name}`, source });
    const answer = await fetch(`${url}/api/v1/streams`, { method: 'POST', headers, body });
    expect(answer.status, await answer.text()).toBe(201);
  }
  const all = { commands: new Set<string>(), environments: new Set<string>() };
  const kinds = /^(?:http|rtsp|rtmp):\/\/(?:node:node@)?[\d.]+:\d+\/[0-9a-f]{32}/m;
  await until(
    'an ffmpeg for each source',
    async () => {
      const now = await seen(child);
      for (const command of now.commands) all.commands.add(command);
      for (const environment of now.environments) all.environments.add(environment);
      return [...all.commands].filter((command) => kinds.test(command)).length >= 2 * Object.keys(sources).length;
    },
    patience,
  );
  for (const text of [...all.commands, ...all.environments]) {
    for (const secret of Object.values(secrets)) expect(text).not.toContain(secret);
  }
  const node = await readProc(child.pid, 'cmdline');
  for (const secret of Object.values(secrets)) expect(node).not.toContain(secret);
}, 120_000);

/** What the kernel gives to a user who is nobody. */
function asNobody(script: string): Promise<string> {
  const args = ['--reuid', '65534', '--regid', '65534', '--clear-groups', '--', process.execPath, '-e', script];
  return new Promise((resolve) => {
    execFile('setpriv', args, { timeout: 20_000 }, (_error, stdout, stderr) => resolve(stdout + stderr));
  });
}

it('local users: get no URL, and find nowhere to write media, with what they read on a command line', async () => {
  const port = await silentServer();
  const child = await startChild({
    program,
    args: ['--source', `rtsp://viewer:${secrets.password}@127.0.0.1:${port}/1`, '--stream', 'door', '--demo'],
    env: { SIDEPIPE_HTTP_HOST: '127.0.0.1', SIDEPIPE_HTTP_PORT: '0', SIDEPIPE_RTMP_PORT: '0' },
  });
  const commands = async () => (await seen(child)).commands;
  const camera = await until(
    'a camera',
    async () => /rtsp:\/\/127\S+/.exec((await commands()).join('\n'))?.[0],
    patience,
  );
  const demo = await until('the demo', async () => (await commands()).find((line) => line.includes('lavfi')), patience);
  // They do see the command line: the test would prove nothing otherwise.
  expect(await asNobody(`console.log(require('fs').readFileSync('/proc/${child.pid}/cmdline', 'utf8'))`)).toContain(
    'cli.js',
  );
  const { hostname, port: redirectPort } = new URL(camera);
  const redirect = `
    const socket = require('net').connect(${redirectPort}, '${hostname}');
    socket.on('data', (piece) => process.stdout.write(piece)).on('error', () => {}).on('close', () => console.log('closed'));
    socket.write('OPTIONS ${camera} RTSP/1.0\\r\\nCSeq: 1\\r\\n\\r\\n');`;
  expect(await asNobody(redirect)).toBe('closed\n');
  // Media comes over pipes, which have no address.
  expect(demo).toMatch(/\npipe:8\n/);
  expect(demo).not.toMatch(/:\/\//);
}, 180_000);
