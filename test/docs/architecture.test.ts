import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { readPage } from './page.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const text = readPage('docs/ARCHITECTURE.md');

/** A section's text, without its head. */
function section(title: string): string {
  const [, body = ''] = text.split(`## ${title}\n`);
  return body.split('\n## ')[0]!;
}

const rowsOf = (body: string) => body.split('\n').filter((line) => line.startsWith('| ') && line.includes('`'));
const codeIn = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);

it('has a row for each module of src', () => {
  const named = rowsOf(section('Modules').split('Inside `stream/`')[0]!).flatMap((row) => codeIn(row.split('|')[1]!));
  const modules = readdirSync(join(root, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() || entry.name.endsWith('.ts'))
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
  expect(named.map((name) => name.replace(/^src\//, '')).sort()).toEqual(modules.sort());
});

it('lists the modules in rows, of which each imports only lower ones', () => {
  const [, block = ''] = section('Dependency rules').split('```\n');
  const rows = block
    .trim()
    .split('\n')
    .map((row) => row.split(/ +/));
  const rowOf = (path: string) => rows.findIndex((row) => row.includes(path.split('/')[0]!));
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  expect(files.filter((file) => rowOf(file) < 0)).toEqual([]);
  const imports = files.flatMap((file) =>
    [...readFileSync(join(root, 'src', file), 'utf8').matchAll(/(?:from|import|import\() ?'(\.[^']+)\.js'/g)].map(
      ([, path]) => [file, join(dirname(file), `${path}.ts`)] as const,
    ),
  );
  const moduleOf = (path: string) => path.split('/')[0];
  const others = imports.filter(([file, target]) => moduleOf(file) !== moduleOf(target));
  expect(others.length).toBeGreaterThan(500);
  expect(others.filter(([file, target]) => rowOf(file) >= rowOf(target))).toEqual([]);
});

it('names existing files', () => {
  const code = [...text.matchAll(/`((?:[a-z-]+\/)*[a-z0-9-]+\.ts|(?:[a-z-]+\/)+)`/g)].map(([, path]) => path!);
  const folders = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  const places = ['', 'src', ...folders.map(({ parentPath, name }) => relative(root, join(parentPath, name)))];
  expect(code.length).toBeGreaterThan(60);
  expect(code.filter((path) => !places.some((place) => existsSync(join(root, place, path))))).toEqual([]);
});

it('names existing tests for the invariants', () => {
  const rows = rowsOf(section('Invariants'));
  const tests = rows.flatMap((row) => codeIn(row.split('|')[3]!));
  expect(rows.length).toBeGreaterThan(15);
  const missing = tests.filter((test) => {
    return !existsSync(join(root, 'test', test.endsWith('/') ? test : `${test}.test.ts`));
  });
  expect(missing).toEqual([]);
});

it('has every file descriptor of the ffmpeg child', () => {
  const listed = [...section("ffmpeg's file descriptors").matchAll(/^\| (\d)(?: and up)? \|/gm)].map(
    ([, number]) => number,
  );
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.ts$/.test(name),
  );
  const used = files.flatMap((file) =>
    [...readFileSync(join(root, 'src', file), 'utf8').matchAll(/pipe:(\d)/g)].map(([, number]) => number),
  );
  expect(listed).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8']);
  expect(used.filter((number) => !listed.includes(number))).toEqual([]);
});
