import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * What the licences of bundled packages ask for: each package's name, version, author and licence, with the licence's own text.
 * `inputs`: the paths of what was bundled. Throws where a package names no licence.
 */
export async function licencesOf(inputs: readonly string[]): Promise<string> {
  const folders = new Set(inputs.map((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0]));
  folders.delete(undefined);
  const notices = await Promise.all([...folders].sort().map((folder) => noticeOf(folder!)));
  return ['What the scripts of these pages are made of, beside sidepipe itself (MIT).', ...notices].join(RULE);
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
  if (license === undefined) throw new Error(`${folder} names no licence, so it cannot be bundled`);
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
  const terms = file === undefined ? [] : ['', (await readFile(join(folder, file), 'utf8')).trim()];
  const by = typeof author === 'object' ? author.name : author;
  const from = typeof repository === 'object' ? repository.url : repository;
  const facts = [`${name} ${version}`, license, by, from].filter((fact) => fact !== undefined);
  return [facts.join(', '), ...terms].join('\n');
}
