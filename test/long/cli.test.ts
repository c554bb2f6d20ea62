import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { version } from '../../src/version.js';
import { builtProgram, configFile, emptyFolder, runChild, startChild } from '../support/child-node.js';
import { until } from '../support/wait.js';

let program: string;

beforeAll(async () => {
  program = await builtProgram();
});

const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) => runChild({ program, args, env });

it.each([['--help'], ['-h'], ['help']])('explains itself: %s', async (word) => {
  const { code, stdout, stderr } = await run([word]);
  expect([code, stderr]).toEqual([0, '']);
  for (const part of ['Usage:', 'serve', 'doctor', '--config FILE', '--source URL', '--demo', 'SIDEPIPE_HTTP_PORT']) {
    expect(stdout).toContain(part);
  }
});

it('tells its version', async () => {
  expect(await run(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

it('tells of every problem of an unusable configuration at once, each with its path', async () => {
  const file = await configFile({
    http: { port: 99_999 },
    strems: [],
    storage: {
      type: 's3',
      s3: { bucket: 'b', accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'very-secret-key', regoin: 'x' },
    },
    streams: [
      { name: 'Front Door', source: 'rtsp://admin:hunter22@camera/1' },
      { name: 'b', source: 'test', thumbnail: { intervalSeconds: 30, staleAfterSeconds: 20 } },
    ],
  });
  const { code, stdout, stderr } = await run(['serve', '--config', file], { SIDEPIPE_LOG_LEVEL: 'loud' });
  expect([code, stdout]).toEqual([2, '']);
  for (const part of [
    'problems',
    'http.port',
    'strems',
    'did you mean',
    'storage.s3.regoin',
    'streams[0].name',
    'streams[1].thumbnail.staleAfterSeconds',
    'SIDEPIPE_LOG_LEVEL',
  ]) {
    expect(stderr).toContain(part);
  }
  expect(stderr).not.toMatch(/hunter22|very-secret-key|\n\s+at /);
});

it.each([
  [['--colour'], /--colour: .*unknown/],
  [['sreve'], /sreve: unknown command.*serve/],
  [['--source', 'test'], /--stream/],
  [['--config', '/nowhere/sidepipe.yaml'], /\/nowhere\/sidepipe\.yaml/],
  [['doctor', '--demo'], /--demo/],
  [['--source', 'rtsp://u:hunter22@camera/1', '--stream', 'No Name'], /No Name|stream/],
] as const)('refuses %j with exit code 2', async (args, words) => {
  const { code, stdout, stderr } = await run(args);
  expect([code, stdout], stderr).toEqual([2, '']);
  expect(stderr).toMatch(words);
  expect(stderr).not.toMatch(/hunter22|\n\s+at /);
});

it('check takes a valid configuration, and opens neither source nor store nor ffmpeg', async () => {
  const file = await configFile({
    ffmpeg: { path: '/no/such/ffmpeg' },
    storage: { type: 's3', s3: { endpoint: 'http://127.0.0.1:1', bucket: 'b' } },
    streams: [
      { name: 'file', source: '/no/such/file.mp4' },
      { name: 'camera', source: 'rtsp://admin:hunter22@127.0.0.1:1/cam' },
    ],
  });
  expect(await run(['check', '-c', file])).toMatchObject({
    code: 0,
    stdout: 'The configuration is valid: 2 streams, storage s3.\n',
    stderr: '',
  });
});

it('check lists every error with file and line, and exits with code 2', async () => {
  const file = join(await emptyFolder(), 'cameras.yaml');
  const yaml = [
    'http: { port: eighty }',
    'streams:',
    '  - name: Front Door',
    '    source: test',
    '  - { name: b, source: test, thumbnail: { intervalSeconds: 30, staleAfterSeconds: 20 } }',
  ];
  await writeFile(file, yaml.join('\n'));
  const first = await run(['check', '-c', file]);
  expect([first.code, first.stdout]).toEqual([2, '']);
  for (const place of [':1:15 http.port', ':3:11 streams[0].name', 'streams[1].thumbnail.staleAfterSeconds'])
    expect(first.stderr).toContain(place);
  await writeFile(
    file,
    'streams:\n  - { name: a, source: test }\n  - name: b\n    source: gopher://hunter22@camera/1\n',
  );
  const second = await run(['check', '-c', file]);
  expect([second.code, second.stdout]).toEqual([2, '']);
  expect(second.stderr).toMatch(/cameras\.yaml:4:13 streams\[1\]\.source: gopher/);
  expect(second.stderr).not.toContain('hunter22');
});

it('says which port is taken, with exit code 1 and nothing left running', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const child = await startChild({
    program,
    args: ['--demo'],
    env: { SIDEPIPE_HTTP_HOST: '127.0.0.1', SIDEPIPE_HTTP_PORT: String(port) },
  });
  expect(await child.exited).toEqual({ code: 1, signal: null });
  expect(child.stderr()).toContain(String(port));
  expect(child.stderr()).not.toMatch(/\n\s+at /);
  expect(await child.processes()).toEqual([]);
});

it('runs on when nobody reads what it prints any more', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const child = await startChild({
    program,
    wrapper: ['sh', '-c', '{ "$@" & echo $! >&2; wait $!; echo "ended with $?" >&2; } | :', 'sh'],
    args: ['--source', 'test', '--stream', 'cam'],
    env: { SIDEPIPE_HTTP_HOST: '127.0.0.1', SIDEPIPE_HTTP_PORT: String(port) },
  });
  const description = async () => {
    child.mustRun();
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/streams/cam`).catch(() => undefined);
    return (await response?.text()) ?? '';
  };
  // Long after it has announced itself.
  await until('the stream', async () => (await description()).includes('"live"'), { timeoutMs: 60_000 });
  const pid = Number.parseInt(child.stderr(), 10);
  process.kill(pid, 'SIGTERM');
  await child.exited;
  // What people read goes there too.
  expect(child.stderr()).toMatch(new RegExp(`^${pid}\n\nsidepipe [^]* is running: [^]*\n\nended with 0\n$`));
});

it('says which ffmpeg cannot be used, with exit code 1', async () => {
  const { code, stderr } = await run(['--demo'], { SIDEPIPE_FFMPEG_PATH: '/nowhere/ffmpeg', SIDEPIPE_HTTP_PORT: '0' });
  expect(code).toBe(1);
  expect(stderr).toMatch(/\/nowhere\/ffmpeg.*ffmpeg\.path/);
});

it('runs without a command, announces itself, and keeps the secrets of its environment', async () => {
  const folder = await emptyFolder();
  const [password, key, token] = ['hunter22 & co', 'very-secret-key/+', 'an-admin-token-for-this'];
  await writeFile(
    join(folder, 'sidepipe.yaml'),
    `log: { level: trace }\nstreams:\n  - name: door\n    source: rtsp://admin:${encodeURIComponent(password)}@127.0.0.1:1/cam\n`,
  );
  const child = await startChild({
    program,
    cwd: folder,
    args: ['--source', 'test', '--stream', 'cam'],
    env: {
      SIDEPIPE_HTTP_HOST: '127.0.0.1',
      SIDEPIPE_HTTP_PORT: '0',
      SIDEPIPE_ADMIN_TOKEN: token!,
      SIDEPIPE_STORAGE_TYPE: 's3',
      SIDEPIPE_S3_ENDPOINT: 'http://127.0.0.1:1',
      SIDEPIPE_S3_BUCKET: 'b',
      SIDEPIPE_S3_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      SIDEPIPE_S3_SECRET_ACCESS_KEY: key!,
    },
  });
  const url = await child.url();
  await until('the announcement', () => child.stderr().includes(`/watch/cam`), { timeoutMs: 60_000 });
  const stream = async (name: string) => (await fetch(`${url}/api/v1/streams/${name}`)).text();
  await until('the camera to fail', async () => (await stream('door')).includes('"failed"'), { timeoutMs: 60_000 });
  await until('the test stream', async () => (await stream('cam')).includes('"live"'), { timeoutMs: 60_000 });
  const pages = await Promise.all(
    ['/', '/watch/door', '/api/v1/streams', '/metrics', '/readyz?streams=all'].map(async (path) =>
      (await fetch(url + path)).text(),
    ),
  );
  child.kill('SIGTERM');
  expect((await child.exited).code).toBe(0);
  const said = [child.stdout(), child.stderr(), ...pages].join('\n');
  expect(said).toContain('127.0.0.1:1');
  for (const secret of [password!, encodeURIComponent(password!), key!, encodeURIComponent(key!), token!]) {
    expect(said.split(secret)).toHaveLength(1);
  }
});

it('prints notices and no generated secret to standard error where that is no terminal', async () => {
  const child = await startChild({
    program,
    args: ['--demo'],
    env: { SIDEPIPE_HTTP_HOST: '127.0.0.1', SIDEPIPE_HTTP_PORT: '0', SIDEPIPE_RTMP_PORT: '0' },
  });
  await until('the notices', () => child.stderr().includes('SIDEPIPE_ADMIN_TOKEN'), { timeoutMs: 60_000 });
  child.kill('SIGTERM');
  expect((await child.exited).code).toBe(0);
  expect(child.stderr()).toMatch(/is running: http:/);
  expect(child.stderr()).not.toMatch(
    /Admin token for this run|Stream key of live:|\b(?=[\w-]*[a-z])(?=[\w-]*[A-Z])[\w-]{16}\b/,
  );
  // The log, and nothing else.
  expect(
    child
      .stdout()
      .trimEnd()
      .split('\n')
      .map((line) => line[0]),
  ).toEqual(child.log().map(() => '{'));
});
