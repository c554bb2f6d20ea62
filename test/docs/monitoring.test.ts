import { expect, it } from 'vitest';
import { startNode } from '../support/node.js';
import { blocksOf, readPage } from './page.js';

/** The names of all members, at every depth. */
function namesIn(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([name, each]) => namesIn(each, `${path}/${name}`));
}

it('shows of the node what it tells', async () => {
  const { api } = await startNode({});
  const [, example = ''] = blocksOf(readPage('docs/monitoring.md'), 'json');
  expect(namesIn(JSON.parse(example)).sort()).toEqual(namesIn(await (await api('GET', 'node')).json()).sort());
});
