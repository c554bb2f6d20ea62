import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseArguments } from '../../src/arguments.js';
import { parseConfig } from '../../src/config/parse.js';
import { blocksOf, readPage, wordsOf } from './page.js';

/** What every page has to keep, whatever else its own test looks at. */

const docs = readdirSync(new URL('../../docs', import.meta.url)).filter((name) => name.endsWith('.md'));
const pages = ['README.md', ...docs.map((name) => `docs/${name}`)];

describe.each(pages)('%s', (page) => {
  const text = readPage(page);

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
