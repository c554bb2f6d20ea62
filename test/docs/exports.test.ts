import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import {
  isExpressionWithTypeArguments,
  isImportTypeNode,
  isTypeQueryNode,
  isTypeReferenceNode,
  type Node,
} from 'typescript/unstable/ast';
import { API, type Checker, type Project, SymbolFlags, type Symbol as TypeSymbol } from 'typescript/unstable/sync';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { type Declarations, emitDeclarations } from '../support/declarations.js';

/** What the package exports: every type that its signatures mention, each with a comment. */

let declarations: Declarations;

beforeAll(async () => {
  declarations = await emitDeclarations();
});
afterAll(() => declarations.remove());

/** The declarations in a folder, with what the compiler knows of them. */
async function openProject(folder: string, files: readonly string[]): Promise<Project> {
  const configFile = join(folder, 'tsconfig.json');
  const compilerOptions = { strict: true, module: 'nodenext', target: 'es2023', lib: ['es2023'], noEmit: true };
  await writeFile(configFile, JSON.stringify({ compilerOptions, files }));
  const compiler = new API();
  onTestFinished(() => compiler.close());
  const project = compiler.updateSnapshot({ openProjects: [configFile] }).getProject(configFile);
  if (project === undefined) throw new Error(`the compiler has not opened ${configFile}`);
  return project;
}

/** A type, class, function or constant, whatever names it was imported under. */
function declared(checker: Checker, symbol: TypeSymbol): TypeSymbol {
  return symbol.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

/** The names of types within a declaration. The types of constants (`typeof x`) are not followed: constants are no types. */
function typeNamesIn(node: Node): Node[] {
  if (isTypeQueryNode(node)) return [];
  const names: Node[] = [];
  if (isTypeReferenceNode(node)) names.push(node.typeName);
  if (isExpressionWithTypeArguments(node)) names.push(node.expression);
  if (isImportTypeNode(node) && node.qualifier !== undefined) names.push(node.qualifier);
  node.forEachChild((child) => void names.push(...typeNamesIn(child)));
  return names;
}

interface Exports {
  /** By their names. */
  readonly symbols: ReadonlyMap<string, TypeSymbol>;
  /** Types that signatures mention and nothing exports: `Name in file`. */
  readonly missing: readonly string[];
}

/** What an entry point exports, and what it should. */
function exportsOf({ program, checker }: Project, folder: string, file: string): Exports {
  const source = program.getSourceFile(join(folder, file));
  const module = source && checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error(`${file} is no module`);
  const exported = checker
    .getExportsOfModule(module)
    .map((symbol) => [symbol.name, declared(checker, symbol)] as const);
  const known = new Set(exported.map(([, symbol]) => symbol.id));
  const seen = new Set(known);
  const missing: string[] = [];
  const queue = exported.map(([, symbol]) => symbol);
  for (let symbol = queue.pop(); symbol !== undefined; symbol = queue.pop()) {
    const nodes = symbol.declarations.map((handle) => handle.resolve()).filter((node) => node !== undefined);
    for (const name of nodes.flatMap(typeNamesIn)) {
      const found = checker.getSymbolAtLocation(name);
      if (found === undefined) throw new Error(`${name.getText()} in ${symbol.name} means nothing`);
      const type = declared(checker, found);
      const path = type.declarations[0]?.path ?? '';
      const isOwn = path.startsWith(folder + sep) && !path.includes(`${sep}node_modules${sep}`);
      if (!isOwn || type.flags & SymbolFlags.TypeParameter || seen.has(type.id)) continue;
      seen.add(type.id);
      queue.push(type);
      missing.push(`${type.name} in ${path.slice(folder.length + 1)}`);
    }
  }
  return { symbols: new Map(exported), missing: missing.sort() };
}

it.each([
  ['sidepipe', 'index.d.ts', 60],
  ['sidepipe/frames', 'capture.d.ts', 8],
])('%s exports every type of its signatures by name, each with a comment', async (_, file, count) => {
  const { folder } = declarations;
  const project = await openProject(folder, [file]);
  const { symbols, missing } = exportsOf(project, folder, file);
  expect(symbols.size).toBeGreaterThan(count);
  expect(missing).toEqual([]);
  const bare = [...symbols].filter(
    ([, symbol]) => project.checker.getDocumentationCommentOfSymbol(symbol).trim() === '',
  );
  expect(bare.map(([name]) => name)).toEqual([]);
});

it('finds types that are mentioned and not exported, wherever they are', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sidepipe-exports-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const files = {
    'index.d.ts': `import type { Deep } from './deep.js';
      export { type Renamed as Shown } from './deep.js';
      interface Local<T> { readonly value: T }
      export type Known = 'a';
      export declare const call: (options: { readonly list: readonly Deep[]; known: Known }) => Promise<Local<Date>>;`,
    'deep.d.ts': `export interface Deep extends Base { other: import('./deep.js').ByImport }
      export interface Base {}
      export interface ByImport {}
      export type Renamed = Pick<Deep, 'other'>;
      export declare const value: { readonly inner: Unseen };
      export interface Unseen {}`,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const project = await openProject(folder, ['index.d.ts']);
  const { symbols, missing } = exportsOf(project, folder, 'index.d.ts');
  expect([...symbols.keys()].sort()).toEqual(['Known', 'Shown', 'call']);
  const names = ['Base in deep.d.ts', 'ByImport in deep.d.ts', 'Deep in deep.d.ts', 'Local in index.d.ts'];
  expect(missing).toEqual(names);
});
