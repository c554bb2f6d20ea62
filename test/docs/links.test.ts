import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { anchorsOf, readPage, relativeLinksOf } from './page.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.md'),
);
const pages = ['README.md', ...docs.map((name) => `docs/${name}`)];

/** What is wrong with a link of a page; undefined where it leads somewhere. */
function problemOf(page: string, link: string): string | undefined {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : join(dirname(page), path);
  if (target.startsWith('..')) return `${link}: outside the project`;
  if (!existsSync(join(root, target))) return `${link}: there is no ${target}`;
  if (anchor === undefined) return undefined;
  return anchorsOf(readPage(target)).has(anchor) ? undefined : `${link}: ${target} has no such section`;
}

describe('documentation', () => {
  it.each(pages)('has no dead link in %s', (page) => {
    const problems = relativeLinksOf(readPage(page)).map((link) => problemOf(page, link));
    expect(problems.filter((problem) => problem !== undefined)).toEqual([]);
  });

  it('finds dead links', () => {
    expect(problemOf('README.md', 'docs/none.md')).toBe('docs/none.md: there is no docs/none.md');
    expect(problemOf('docs/api.md', 'sources.md#none')).toBe('sources.md#none: docs/sources.md has no such section');
    expect(problemOf('docs/api.md', '#streams-that-stay')).toBeUndefined();
    expect(problemOf('docs/api.md', '../../LICENSE')).toBe('../../LICENSE: outside the project');
    expect(relativeLinksOf('[a](b.md) `[c](d)` ![e](f.svg) [g](https://h)')).toEqual(['b.md', 'f.svg']);
    expect([...anchorsOf('# A `b.c`, d/e!\n## A\n## A\n')]).toEqual(['a-bc-de', 'a', 'a-1']);
  });

  it('has every page in the index of the README', () => {
    const linked = new Set(relativeLinksOf(readPage('README.md')).map((link) => link.split('#')[0]));
    expect(docs.map((name) => `docs/${name}`).filter((page) => !linked.has(page))).toEqual([]);
  });
});
