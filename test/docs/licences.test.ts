import { expect, it } from 'vitest';
import { readPage } from './page.js';

const page = readPage('docs/licences.md');
const { packages } = JSON.parse(readPage('package-lock.json')) as {
  packages: Readonly<Record<string, { readonly license?: string; readonly dev?: boolean }>>;
};
const shipped = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true);

/** Those that ask for no more than that the notice is kept. */
const permissive = ['MIT', 'ISC', 'BSD-3-Clause', '0BSD'];

it('names every licence of what is shipped', () => {
  const licences = new Set(shipped.flatMap(([, { license = 'none' }]) => license.split(' AND ')));
  expect(licences.size).toBeGreaterThan(8);
  // What the packages with ffmpeg's binary write in the place of a name.
  const unnamed = ['https://git.ffmpeg.org/gitweb/ffmpeg.git/blob_plain/HEAD:/LICENSE.md'];
  expect([...licences].filter((licence) => !unnamed.includes(licence) && !page.includes(licence))).toEqual([]);
});

it('names every package, or its family, that asks for more than its notice', () => {
  const asking = shipped.filter(([, { license = '' }]) => !permissive.includes(license));
  const names = asking.map(([path]) => path.split('node_modules/').at(-1)!);
  const families = new Set(names.map((name) => (name.startsWith('@') ? name.split('/')[0]! : name)));
  expect(families.size).toBeGreaterThan(8);
  expect([...families].filter((family) => !page.includes(`\`${family}`))).toEqual([]);
});
