import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { transformSync } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseArguments } from '../../src/cli/arguments.js';
import { parseConfig } from '../../src/config/parse.js';
import { blocksOf, readPage, wordsOf } from './page.js';

/** What every page has to keep, whatever else its own test looks at. */

const docs = readdirSync(new URL('../../docs', import.meta.url)).filter((name) => name.endsWith('.md'));
const pages = ['README.md', ...docs.map((name) => `docs/${name}`)];

const { scripts } = JSON.parse(readPage('package.json')) as { scripts: Record<string, string> };

/** What a page can show. Python is run by system/docs.test.ts; what nginx and the console are shown, nothing runs. */
const languages = ['', 'yaml', 'json', 'sh', 'console', 'js', 'ts', 'nginx', 'python'];

describe.each(pages)('%s', (page) => {
  const text = readPage(page);

  it('shows nothing that no test knows how to read', () => {
    const fences = [...text.matchAll(/^ *```(\S*)/gm)].filter((_, index) => index % 2 === 0);
    expect(fences.map(([, language]) => language!).filter((language) => !languages.includes(language))).toEqual([]);
  });

  it('shows JSON and programs that can be read', () => {
    for (const example of blocksOf(text, 'json')) expect(() => JSON.parse(example), example).not.toThrow();
    for (const loader of ['js', 'ts'] as const) {
      for (const example of blocksOf(text, `${loader}(?: [^\\n]*)?`)) transformSync(example, { loader, format: 'esm' });
    }
  });

  it('shows commands that a shell can read, and scripts that there are', () => {
    for (const example of blocksOf(text, 'sh')) execFileSync('sh', ['-n'], { input: example });
    const named = [...text.matchAll(/\bnpm run ([a-z]+)/g)].map(([, name]) => name!);
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });

  it('shows configurations that can be used', () => {
    for (const example of blocksOf(text, 'yaml')) {
      const value: unknown = parse(example);
      // What Prometheus is told.
      if (example.includes('scrape_configs:')) continue;
      expect(() => parseConfig(value), example).not.toThrow();
    }
  });

  it('shows command lines that can be used', () => {
    const commands = [
      ...blocksOf(text, 'sh').flatMap((block) => block.match(/^(?:node dist\/cli\.js|sidepipe) .+$/gm) ?? []),
      ...[...text.matchAll(/`((?:node dist\/cli\.js|sidepipe) [^`\n]+)`/g)].map(([, command]) => command!),
    ];
    for (const command of commands) {
      const words = wordsOf(command);
      expect(() => parseArguments(words.slice(words[0] === 'node' ? 2 : 1)), command).not.toThrow();
    }
  });
});
