import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The notices that the licences of bundled packages require: name, version, author and licence of each package, with the licence's text.
 * `inputs`: the paths of the bundled files. Throws if a package names no licence.
 */
export async function licencesOf(inputs: readonly string[]): Promise<string> {
  const folders = new Set(inputs.map((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0]));
  folders.delete(undefined);
  const notices = await Promise.all([...folders].sort().map((folder) => noticeOf(folder!)));
  return ['Packages bundled in the scripts of these pages, in addition to sidepipe itself (MIT).', ...notices].join(
    RULE,
  );
}

const RULE = `\n\n${'-'.repeat(80)}\n\n`;

interface Package {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly author?: string | { readonly name: string };
  readonly repository?: string | { readonly url: string };
}

async function noticeOf(folder: string): Promise<string> {
  const text = await readFile(join(folder, 'package.json'), 'utf8');
  const { name, version, license, author, repository } = JSON.parse(text) as Package;
  if (license === undefined) throw new Error(`cannot bundle ${folder}: it names no licence`);
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
  const terms = file === undefined ? [] : ['', (await readFile(join(folder, file), 'utf8')).trim()];
  const by = typeof author === 'object' ? author.name : author;
  const from = typeof repository === 'object' ? repository.url : repository;
  const facts = [`${name} ${version}`, license, by, from].filter((fact) => fact !== undefined);
  return [facts.join(', '), ...terms].join('\n');
}
