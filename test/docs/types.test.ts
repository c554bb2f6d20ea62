import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { type Declarations, emitDeclarations } from '../support/declarations.js';
import { blocksOf, readPage } from './page.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
let declarations: Declarations;

beforeAll(async () => {
  declarations = await emitDeclarations();
});
afterAll(() => declarations.remove());

/** What the pages' sentences say is there already. */
const given = `import type { SidepipeNode } from 'sidepipe';
declare const node: SidepipeNode;
declare const signal: AbortSignal;
declare const secret: string;
`;

/** What the compiler says of programs that import the library. */
async function compile(programs: readonly string[]): Promise<string> {
  const dist = declarations.folder;
  const folder = await mkdtemp(join(tmpdir(), 'sidepipe-types-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const files = programs.map((_, index) => `program-${index}.mts`);
  for (const [index, program] of programs.entries()) await writeFile(join(folder, files[index]!), given + program);
  const compilerOptions = {
    paths: {
      sidepipe: [join(dist, 'index.d.ts')],
      'sidepipe/frames': [join(dist, 'capture.d.ts')],
      pino: [join(root, 'node_modules/pino/pino.d.ts')],
    },
    typeRoots: [join(root, 'node_modules/@types')],
  };
  const project = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions,
    files,
    include: [join(root, 'src/**/*.d.ts')],
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(project));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const { stdout } = await run(process.execPath, [compiler, '-p', folder]).catch((error: { stdout: string }) => error);
  return stdout;
}

it('programs in the pages have the types of the library', async () => {
  const programs = ['docs/pictures.md', 'docs/security.md'].flatMap((page) => blocksOf(readPage(page), 'ts'));
  expect(programs).toHaveLength(2);
  const said = await compile([...programs, 'node.streems;']);
  expect(said.trim().split('\n')).toEqual([expect.stringMatching(/program-2\.mts\(5,6\): .*'streems' does not exist/)]);
});

it('settings and options that there are not are errors of the compiler', async () => {
  const wrong = [
    'createNode({ strems: [] });',
    'createNode({ http: { prot: 80 } });',
    'createNode({ http: { rateLimit: { perMinute: 1 } } });',
    "createNode({ storage: { type: 's3', s3: { bucket: 'live', reguon: 'x' } } });",
    "createNode({ storage: { type: 's3', s3: { bucket: 'live' }, fallback: { type: 's3', s3: { bucket: 'a', b: 1 } } } });",
    "createNode({ alerts: { webhooks: [{ url: 'https://a.example.org', secert: 'x' }] } });",
    "createNode({ streams: [{ name: 'a', source: 'test', colour: 'red' }] });",
    "createNode({ streams: [{ name: 'a', source: 'test', thumbnail: { intervalSecond: 1 } }] });",
    "createNode({ streams: [{ name: 'a', source: 'test', thumbnail: { gate: { blue: true } } }] });",
    "createNode({ streams: [{ name: 'a', source: 'test', renditions: [{ hieght: 480 }] }] });",
    "createNode({ streams: [{ name: 'a' }] });",
    "createNode({ streams: [{ name: 'a', source: 'test', audio: 'loud' }] });",
    'createNode({}, { lissten: false });',
    "node.streams.create({ name: 'a', source: 'test', colour: 'red' });",
    "node.streams.update('a', { thumbnail: { widht: 320 } });",
    "node.streams.update('a', { name: 'b' });",
    'node.reload({ strems: [] });',
    "captureFrames({ source: 'test', colour: 'red' });",
  ];
  const right = [
    "createNode({ streams: [{ name: 'a', source: 'test', thumbnail: { intervalSeconds: 1 } }] }, { listen: false });",
    "createNode({}, { logger: { debug() {}, info() {}, warn(facts, message) { facts['stream']; message.length; }, error() {} } });",
    'createNode({}, { logger: pino() });',
    "node.streams.update('a', { thumbnail: { width: null, height: 360 }, renditions: [{ height: 480 }], keys: null });",
    "node.stream('a').thumbnails({ limit: 1 }).next().then(({ value }) => value?.body);",
    'node.reload(node.config);',
  ];
  const imports = `import { createNode } from 'sidepipe';
import { captureFrames } from 'sidepipe/frames';
import { pino } from 'pino';
`;
  const body = [...wrong.flatMap((line) => ['// @ts-expect-error', line]), ...right].join('\n');
  expect(await compile([imports + body])).toBe('');
});
