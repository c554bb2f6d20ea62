import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startChild } from '../support/child-node.js';
import { makeClip } from '../support/clip.js';
import { until } from '../support/wait.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));

let project: string;
let tarball: string;
let clip: string;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'sidepipe-package-'));
  // Builds by itself: a package without its code would be installed without a word. In a copy, because other tests run what is built here.
  const source = join(project, 'source');
  const isSource = (path: string) => !/^(?:node_modules|\.git|dist)(?:\/|$)/.test(relative(root, path));
  await cp(root, source, { recursive: true, filter: isSource });
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', project], { cwd: source });
  tarball = join(project, stdout.trim().split('\n').at(-1)!);
  await writeFile(join(project, 'package.json'), '{ "private": true }');
  await run('npm', ['install', '--no-audit', '--no-fund', tarball], { cwd: project });
  clip = await makeClip({ path: join(project, 'clip.mp4'), seconds: 4 });
}, 300_000);

afterAll(() => rm(project, { recursive: true, force: true }));

it('has nothing in it that it does not need, and everything that it does', async () => {
  const files = await readdir(join(project, 'node_modules/sidepipe'), { recursive: true });
  for (const needed of [
    'dist/index.js',
    'dist/index.d.ts',
    'dist/capture.js',
    'dist/cli.js',
    'dist/web/assets/licences.txt',
    'LICENSE',
    'docs/library.md',
    'deploy/sidepipe.service',
  ])
    expect(files).toContain(needed);
  expect(files.filter((file) => /^(test|bench|\.ci)\b|\.test\.|tsbuildinfo/.test(file))).toEqual([]);
  // The sources are not in it.
  const map = JSON.parse(await readFile(join(project, 'node_modules/sidepipe/dist/index.js.map'), 'utf8')) as object;
  expect(map).toHaveProperty('sourcesContent', [await readFile(join(root, 'src/index.ts'), 'utf8')]);
});

it('is a package as the checkers of packages want it', async () => {
  const publint = await run('npx', ['--no-install', 'publint', '--strict', tarball], { cwd: root });
  expect(publint.stdout).toContain('All good!');
  // `require` of ESM is what Node.js itself does since 20.19; the checker would have a second build for it.
  const rules = ['--ignore-rules', 'cjs-resolves-to-esm', '--profile', 'node16'];
  const attw = await run('npx', ['--no-install', 'attw', tarball, ...rules, '--no-color', '--no-emoji'], { cwd: root });
  const rows = attw.stdout.split('\n').filter((line) => /node16|bundler/.test(line));
  expect(rows).toHaveLength(3);
  for (const row of rows) expect(row.match(/ OK/g)).toHaveLength(3);
});

it.each([
  ['import.mjs', "import { createNode } from 'sidepipe';\nimport { captureFrames } from 'sidepipe/frames';"],
  ['require.cjs', "const { createNode } = require('sidepipe');\nconst { captureFrames } = require('sidepipe/frames');"],
])('is loaded by %s', async (name, text) => {
  const check = "console.log(typeof createNode, typeof captureFrames, require('sidepipe/package.json').name);";
  const require = name.endsWith('.mjs')
    ? "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);\n"
    : '';
  await writeFile(join(project, name), `${text}\n${require}${check}\n`);
  const { stdout, stderr } = await run(process.execPath, [name], { cwd: project });
  expect([stdout.trim(), stderr]).toEqual(['function function sidepipe', '']);
});

it('gives its types to a strict program', async () => {
  const text = `import { createNode, type StreamDescription } from 'sidepipe';
import { captureFrames, type CapturedFrame } from 'sidepipe/frames';
const node = createNode({ streams: [{ name: 'a', source: 'test' }] }, { listen: false });
const described: StreamDescription | undefined = node.streams.get('a')?.describe();
export const frames: AsyncIterable<CapturedFrame> = captureFrames({ source: 'test', intervalSeconds: 1 });
// @ts-expect-error: no such option
captureFrames({ source: 'test', colour: 'red' });
export { described };
`;
  await writeFile(join(project, 'types.mts'), text);
  const options = [
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2023',
    '--skipLibCheck',
    '--types',
    'node',
  ];
  const types = ['--typeRoots', join(root, 'node_modules/@types')];
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const { stdout } = await run(process.execPath, [compiler, ...options, ...types, 'types.mts'], { cwd: project }).catch(
    (error: { stdout: string }) => error,
  );
  expect(stdout).toBe('');
});

describe('the programs in docs/library.md', () => {
  async function program(name: string): Promise<string> {
    const text = await readFile(join(root, 'docs/library.md'), 'utf8');
    const code = new RegExp(`^\`\`\`js ${name}\n(.*?)^\`\`\``, 'ms').exec(text)?.[1];
    await writeFile(join(project, name), code!);
    return name;
  }

  it('takes stills', async () => {
    const { stdout } = await run(process.execPath, [await program('stills.mjs'), clip, '3'], { cwd: project });
    expect(stdout.match(/^still-\d\.jpg \d{4}-/gm)).toHaveLength(3);
    for (const index of [0, 1, 2])
      expect((await readFile(join(project, `still-${index}.jpg`))).subarray(0, 2)).toEqual(Buffer.from([0xff, 0xd8]));
  });

  it('gives frames to a sink', async () => {
    const { stdout } = await run(process.execPath, [await program('sink.mjs'), clip, '3'], { cwd: project });
    // Nothing else: the node itself is silent.
    expect(stdout).toMatch(/^(?:\d+x\d+ red: \d+\n){3}$/);
  });

  it('creates, changes and removes a stream of a running node', async () => {
    const { stdout } = await run(process.execPath, [await program('streams.mjs')], { cwd: project });
    expect(stdout).toMatch(/^\d+x\d+ image\/jpeg$/m);
  });

  it('logs to a logger of the program', async () => {
    const { stdout } = await run(process.execPath, [await program('logging.mjs')], { cwd: project });
    expect(stdout.split('\n')).toEqual(
      expect.arrayContaining([expect.stringMatching(/^info listening for HTTP \{"host":/)]),
    );
  });

  it('mounts a node into an app', async () => {
    const port = String(20_000 + (process.pid % 20_000));
    const script = [join(project, await program('app.mjs')), clip, port];
    const child = await startChild({ program: project, script, cwd: project });
    const get = async (path: string) => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
      return answer?.ok === true && (await answer.text());
    };
    const patience = { timeoutMs: 60_000, intervalMs: 200 };
    expect(await until('the app', () => get('/'), patience)).toContain('The door');
    expect(await until('the playlist', () => get('/cameras/live/door/index.m3u8'), patience)).toContain('#EXTM3U');
    expect(await get('/cameras/watch/door')).toContain('door');
    const described = JSON.parse(String(await get('/cameras/api/v1/streams/door'))) as { playback: { hls: string } };
    expect(described.playback.hls).toBe(`http://localhost:${port}/cameras/live/door/index.m3u8`);
    child.kill('SIGTERM');
    expect(await child.exited, child.stderr()).toEqual({ code: 0, signal: null });
  });
});

/** The last test: it takes packages out of the project. */
it('runs without the packages of OpenTelemetry, and says so where traces are configured', async () => {
  for (const name of ['exporter-trace-otlp-http', 'resources', 'sdk-trace-base']) {
    await rm(join(project, 'node_modules/@opentelemetry', name), { recursive: true });
  }
  const start = (config: string) => `
    import { createNode } from 'sidepipe';
    const node = createNode(${config}, { listen: false });
    await node.start().then(() => console.log('started'), (error) => console.log(error.code, error.message));
    await node.close();
  `;
  await writeFile(join(project, 'plain.mjs'), start('{}'));
  await writeFile(join(project, 'traces.mjs'), start("{ telemetry: { otlp: { endpoint: 'http://127.0.0.1:9' } } }"));
  const said = async (name: string) => (await run(process.execPath, [name], { cwd: project })).stdout;
  expect(await said('plain.mjs')).toBe('started\n');
  expect(await said('traces.mjs')).toMatch(
    /^config-invalid .*telemetry\.otlp\.endpoint: requires the optional package @opentelemetry\//s,
  );
});
