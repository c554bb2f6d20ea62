import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';

/** Rules of the house that no type can tell: docs/ARCHITECTURE.md says why. */

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

it('refuses imports against the arrows', async () => {
  const forbidden: readonly (readonly [string, string])[] = [
    ['hls/any.ts', '../storage/store.js'],
    ['storage/any.ts', '../hls/window.js'],
    ['frames/any.ts', '../hls/window.js'],
    ['monitor/any.ts', '../stream/stream.js'],
    ['hls/other.ts', '../monitor/monitor.js'],
    ['http/other.ts', '../monitor/monitor.js'],
    ['images/deep/any.ts', '../../frames/slot.js'],
    ['ffmpeg/any.ts', '../ingest/source.js'],
    ['ingest/any.ts', '../ffmpeg/child.js'],
    ['config/any.ts', '../telemetry/logger.js'],
    ['stream/any.ts', '../http/app.js'],
    ['http/any.ts', '../storage/store.js'],
    ['web/any.ts', '../stream/stream.js'],
    ['telemetry/any.ts', '../node.js'],
    ['alerts/any.ts', '../stream/events.js'],
  ];
  const folder = await mkdtemp(join(tmpdir(), 'sidepipe-lint-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await cp(join(root, 'biome.json'), join(folder, 'biome.json'));
  for (const [path, target] of forbidden) {
    await mkdir(dirname(join(folder, 'src', path)), { recursive: true });
    await writeFile(join(folder, 'src', path), `export * from '${target}';\n`);
  }
  const said = await lint(folder, '--vcs-enabled=false', '--max-diagnostics=none', `--config-path=${folder}`);
  const refused = [...said.matchAll(/src\/(\S+\.ts):\d+:\d+ lint\/style\/noRestrictedImports/g)].map(
    (match) => match[1],
  );
  expect(refused.sort()).toEqual(forbidden.map(([path]) => path).sort());
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
