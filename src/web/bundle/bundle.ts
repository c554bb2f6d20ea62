import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';
import { oldestBrowsers } from './browsers.js';
import { licencesOf } from './licences.js';
import { strictShadowStyles } from './shadow-styles.js';

/**
 * Bundles the pages' scripts, with a list of each script's imports and the licences of all packages, into the folder given on the
 * command line or `dist/web/assets`.
 */

const entries = ['home', 'watch', 'embed', 'status', 'publish', 'monitor-worker'];
/** Imported dynamically, but by every player, so these are preloaded too. */
const soon = ['hls.light-', 'player-elements-'];
const root = new URL('../../../', import.meta.url);
const client = new URL('src/web/client/', root);
const outdir = process.argv[2] ?? fileURLToPath(new URL('dist/web/assets', root));

const fresh = `${outdir}.new`;
await rm(fresh, { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: entries.map((name) => fileURLToPath(new URL(`${name}.ts`, client))),
  outdir: fresh,
  bundle: true,
  splitting: true,
  format: 'esm',
  minify: true,
  metafile: true,
  target: [...oldestBrowsers],
  chunkNames: '[name]-[hash]',
  // Minification removes the licence notices.
  footer: { js: '/*! Licences: licences.txt, beside this file */' },
  plugins: [strictShadowStyles(fileURLToPath(new URL('shadow-styles.ts', client)))],
  logLevel: 'warning',
});
const imports = Object.fromEntries(entries.map((name) => [`${name}.js`, importsOf(metafile, `${name}.js`)]));
await writeFile(`${fresh}/imports.json`, `${JSON.stringify(imports, null, 2)}\n`);
await writeFile(`${fresh}/licences.txt`, `${await licencesOf(Object.keys(metafile.inputs))}\n`);
await replaceFiles(fresh, outdir);

/** Replaces file by file: a node that starts in between finds all files, old or new. */
async function replaceFiles(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  const wanted = new Set(await readdir(from));
  for (const file of wanted) await rename(join(from, file), join(to, file));
  for (const file of await readdir(to)) if (!wanted.has(file)) await rm(join(to, file), { recursive: true });
  await rm(from, { recursive: true });
}

/** The files that a script imports, and their imports in turn. */
function importsOf({ outputs }: Metafile, entry: string): string[] {
  const byName = new Map(Object.entries(outputs).map(([path, output]) => [basename(path), output]));
  const found = new Set<string>();
  const follow = (name: string): void => {
    for (const { path, kind } of byName.get(name)?.imports ?? []) {
      const file = basename(path);
      const isSoon = kind === 'import-statement' || soon.some((start) => file.startsWith(start));
      if (!isSoon || found.has(file)) continue;
      found.add(file);
      follow(file);
    }
  };
  follow(entry);
  return [...found].sort();
}
