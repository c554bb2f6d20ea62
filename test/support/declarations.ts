import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface Declarations {
  /** The folder with `index.d.ts`. Types of dependencies are found from there. */
  readonly folder: string;
  remove(): Promise<void>;
}

/** The declarations of the package, made of the sources as they are now. */
export async function emitDeclarations(): Promise<Declarations> {
  const place = await mkdtemp(join(tmpdir(), 'sidepipe-declarations-'));
  for (const shared of ['node_modules', 'package.json']) await symlink(join(root, shared), join(place, shared));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const folder = join(place, 'dist');
  const maps = ['--sourceMap', 'false', '--inlineSources', 'false'];
  const options = ['--noCheck', '--emitDeclarationOnly', ...maps, '--outDir', folder];
  await promisify(execFile)(process.execPath, [compiler, '-p', join(root, 'src'), ...options]);
  return { folder, remove: () => rm(place, { recursive: true, force: true }) };
}
