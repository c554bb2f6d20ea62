import { readdirSync, readFileSync } from 'node:fs';
import { transformSync } from 'esbuild';
import { expect, it } from 'vitest';
import { oldestBrowsers } from '../../src/web/bundle/browsers.js';

const sheets = new URL('../../src/web/static/', import.meta.url);

/** What esbuild makes of a style sheet so that these browsers understand it. */
function madeFor(sheet: string, target: readonly string[]): string {
  const { code, warnings } = transformSync(sheet, { loader: 'css', target: [...target] });
  expect(warnings.map(({ text }) => text)).toEqual([]);
  return code;
}

/** Style sheets are served as they stand in the repository: nothing that a build would have to rewrite may be in them. */
it.each(readdirSync(sheets).filter((name) => name.endsWith('.css')))('%s is understood by all browsers', (name) => {
  const sheet = readFileSync(new URL(name, sheets), 'utf8');
  expect(madeFor(sheet, oldestBrowsers)).toBe(madeFor(sheet, ['esnext']));
});

it('tells what older browsers need otherwise', () => {
  const newer = '.a { user-select: none; .b & { inset: 0 } }';
  expect(madeFor(newer, oldestBrowsers)).not.toBe(madeFor(newer, ['esnext']));
});
