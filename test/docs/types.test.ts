import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { blocksOf, readPage } from './page.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** What the pages' sentences say is there already. */
const given = `import type { SidepipeNode } from 'sidepipe';
declare const node: SidepipeNode;
declare const signal: AbortSignal;
declare const secret: string;
`;

/** What the compiler says of programs that import the library, as it was built. */
async function compile(programs: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sidepipe-types-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const files = programs.map((_, index) => `program-${index}.mts`);
  for (const [index, program] of programs.entries()) await writeFile(join(folder, files[index]!), given + program);
  const compilerOptions = {
    paths: { sidepipe: [join(root, 'dist/index.d.ts')] },
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
