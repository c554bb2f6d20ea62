import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

/** Rules that no type can express: docs/ARCHITECTURE.md says why. */

const root = fileURLToPath(new URL('..', import.meta.url));

async function sources(): Promise<string[]> {
  const entries = await readdir(join(root, 'src'), { recursive: true });
  return entries.filter((entry) => entry.endsWith('.ts'));
}

const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');

/** What the linter says of a folder. */
function lint(folder: string, ...options: string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [biome, 'lint', ...options, folder], { cwd: root }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
}

it('lints every source file', async () => {
  const files = await sources();
  const said = await lint('src');
  const checked = Number(/Checked (\d+) files/.exec(said)?.[1]);
  expect(files.length).toBeGreaterThan(80);
  expect(checked).toBeGreaterThanOrEqual(files.length);
});

/**
 * The modules of `src/` and what each imports beside the ground, which every module may import.
 * One line for each; an entry that nothing uses fails as well.
 */
const ground = ['errors', 'clock', 'terms', 'version', 'backoff', 'deadline', 'io', 'net'];
const modules: Readonly<Record<string, readonly string[]>> = {
  // The ground.
  errors: [],
  clock: [],
  terms: [],
  version: [],
  backoff: [],
  deadline: [],
  io: [],
  net: ['errors'],
  // Pure cores and adapters; none knows another, and none knows a stream.
  config: [],
  telemetry: ['config', 'events'],
  alerts: ['config', 'telemetry'],
  ffmpeg: [],
  frames: [],
  hls: [],
  images: ['config'],
  ingest: ['config'],
  monitor: [],
  storage: ['config'],
  // A WHIP publisher is a publisher like those of `ingest`.
  webrtc: ['config', 'ingest', 'telemetry'],
  events: ['frames'],
  load: ['events', 'telemetry'],
  // What joins them.
  stream: [
    'config',
    'events',
    'ffmpeg',
    'frames',
    'hls',
    'images',
    'ingest',
    'load',
    'monitor',
    'storage',
    'telemetry',
    'webrtc',
  ],
  control: ['config', 'events', 'ffmpeg', 'ingest', 'load', 'storage', 'stream', 'telemetry'],
  web: ['stream'],
  http: ['config', 'control', 'events', 'load', 'stream', 'web', 'webrtc'],
  // The composition, and what a user starts.
  node: [
    ...[
      'alerts',
      'config',
      'control',
      'events',
      'ffmpeg',
      'http',
      'images',
      'ingest',
      'load',
      'storage',
      'stream',
      'telemetry',
      'webrtc',
    ],
  ],
  doctor: ['config', 'ffmpeg', 'ingest', 'storage', 'stream'],
  cli: ['config'],
  'cli.ts': ['cli', 'config', 'doctor', 'ingest', 'node', 'telemetry'],
  'index.ts': [
    ...['alerts', 'config', 'control', 'events', 'ffmpeg', 'frames', 'http'],
    ...['images', 'ingest', 'load', 'node', 'stream', 'telemetry'],
  ],
  'capture.ts': ['config', 'events', 'ffmpeg', 'frames', 'ingest', 'stream'],
};

/** Which module a file of `src/` belongs to. */
function moduleOf(file: string): string {
  const [top = '', ...deeper] = file.split('/');
  if (deeper.length > 0) return top;
  const name = top.replace(/\.ts$/, '');
  return ground.includes(name) ? name : top;
}

/** Each import of a file of this project: the importing and the imported file, both below `src/`. */
async function imports(): Promise<readonly (readonly [string, string])[]> {
  const files = await sources();
  const found = files.map(async (file) => {
    const text = await readFile(join(root, 'src', file), 'utf8');
    const targets = [...text.matchAll(/(?:from|import|import\() ?'(\.[^']+)\.js'/g)].map(
      ([, path]) => `${join(dirname(file), path!)}.ts`,
    );
    return targets.map((target) => [file, target] as const);
  });
  return (await Promise.all(found)).flat();
}

it('imports only what the table of modules allows, and everything that it allows', async () => {
  const found = (await imports())
    .map(([file, target]) => [moduleOf(file), moduleOf(target)] as const)
    .filter(([one, other]) => one !== other && !(ground.includes(other) && !ground.includes(one)));
  const names = [...new Set([...Object.keys(modules), ...found.map(([one]) => one)])];
  const targetsOf = (name: string) => found.filter(([one]) => one === name).map(([, other]) => other);
  const seen = Object.fromEntries(names.map((name) => [name, [...new Set(targetsOf(name))].sort()]));
  expect(seen).toEqual(Object.fromEntries(Object.entries(modules).map(([name, others]) => [name, [...others].sort()])));
});

it('shows pages nothing of a stream but its description', async () => {
  const targets = (await imports()).filter(([file, target]) => file.startsWith('web/') && target.startsWith('stream/'));
  expect([...new Set(targets.map(([, target]) => target))]).toEqual(['stream/description.ts']);
});

it('has at most 20 files in a folder', async () => {
  const folders = (await sources()).map((file) => dirname(file));
  const count = (folder: string) => folders.filter((other) => other === folder).length;
  expect([...new Set(folders)].filter((folder) => count(folder) > 20)).toEqual([]);
});

it('declares each exported type once', async () => {
  const files = await sources();
  const texts = await Promise.all(files.map((file) => readFile(join(root, 'src', file), 'utf8')));
  const names = texts.flatMap((text) =>
    [...text.matchAll(/^export (?:abstract )?(?:interface|type|class) (\w+)\b(?! *,|\s*\})/gm)].map(
      ([, name]) => name!,
    ),
  );
  expect(names.length).toBeGreaterThan(300);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

it('starts processes in one place only', async () => {
  const files = await sources();
  const texts = await Promise.all(files.map((file) => readFile(join(root, 'src', file), 'utf8')));
  expect(files.filter((_, index) => texts[index]!.includes("'node:child_process'"))).toEqual(['ffmpeg/child.ts']);
});

it('keeps files that call themselves pure without I/O, clock and logger', async () => {
  const files = (await sources()).filter((file) => !file.startsWith('web/client/'));
  const texts = await Promise.all(files.map((file) => readFile(join(root, 'src', file), 'utf8')));
  const pure = files
    .map((file, index) => ({ file, text: texts[index]! }))
    .filter(({ text }) => /\bPure[.:]/.test(text));
  const impure = pure.filter(({ text }) =>
    /from 'node:|Date\.now\(|performance\.now\(|telemetry\/logger|process\./.test(text),
  );
  expect(pure.length).toBeGreaterThan(15);
  expect(impure.map(({ file }) => file)).toEqual([]);
});

/** The text of a source file without its comments, whose braces and semicolons are no code. */
function withoutComments(text: string): string {
  const stringOrComment = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
  return text.replace(stringOrComment, (found) => (found.startsWith('/') ? '' : found));
}

/** The names of the members of the type whose opening brace is there. */
function membersFrom(text: string, open: number): string[] {
  const members: string[] = [];
  let depth = 0;
  let from = open + 1;
  for (let at = open; at < text.length; at += 1) {
    const letter = text[at]!;
    if ('{[('.includes(letter)) depth += 1;
    if ('}])'.includes(letter)) depth -= 1;
    if (depth > 0 && !(depth === 1 && letter === ';')) continue;
    members.push(text.slice(from, at).trim());
    from = at + 1;
    if (depth === 0) break;
  }
  return members.filter((member) => member !== '').map((member) => /^(?:readonly )?(\w+)/.exec(member)?.[1] ?? member);
}

interface DeclaredType {
  /** The names of its own members. */
  readonly own: readonly string[];
  /** What stands behind `extends`. */
  readonly bases: string;
}

function declaredTypes(text: string): (readonly [string, DeclaredType])[] {
  const heads =
    /\b(?:interface|type) (\w+)(?:<[^{=]*?>(?=\s*(?:extends|[={])))?\s*(?:extends ([^{]+))?(?:= (?:Readonly<)?)?\{/g;
  return [...text.matchAll(heads)].map((head) => {
    const [whole, name = '', bases = ''] = head;
    return [name, { own: membersFrom(text, head.index + whole.length - 1), bases }] as const;
  });
}

/** The names of all members of a type, inherited ones included. */
function membersOf(name: string, types: ReadonlyMap<string, DeclaredType>): ReadonlySet<string> {
  const { own = [], bases = '' } = types.get(name) ?? {};
  const inherited = [...bases.matchAll(/\b(?:(Pick|Omit)<(\w+),([^>]*)>|(?!Pick\b|Omit\b)(\w+))/g)].flatMap(
    ([, how, base = '', list = '', plain = '']) => {
      const listed = [...list.matchAll(/'(\w+)'/g)].map(([, member]) => member!);
      if (how === 'Pick') return listed;
      return [...membersOf(plain || base, types)].filter((member) => !listed.includes(member));
    },
  );
  return new Set([...own, ...inherited]);
}

it('passes at most 15 options at once', async () => {
  const files = await sources();
  const texts = await Promise.all(
    files.map(async (file) => withoutComments(await readFile(join(root, 'src', file), 'utf8'))),
  );
  const types = new Map(texts.flatMap(declaredTypes));
  const constructed = texts.flatMap((text) =>
    [...text.matchAll(/\bconstructor\([^)]*?: (?:Partial<|Omit<)?(\w+)[^()]*\) \{/g)].map(([, name]) => name!),
  );
  const isOptions = (name: string) =>
    /(?:Options|Environment|Services|Context|Settings|Parts|Dependencies|Limits)$/.test(name) ||
    constructed.includes(name);
  const counts = [...types.keys()].filter(isOptions).map((name) => ({ name, members: membersOf(name, types).size }));
  expect(counts.length).toBeGreaterThan(150);
  expect(counts.filter(({ members }) => members > 15)).toEqual([]);
});
