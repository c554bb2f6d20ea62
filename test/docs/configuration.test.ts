import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { blocksOf, readPage } from './page.js';

const broken = `# two problems
http:
  port: eighty
streams:
  - name: a
    source: test
    sorce: test
`;

it('shows problems in the words that there are', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sidepipe-docs-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'sidepipe.yaml'), broken);
  const [example = ''] = blocksOf(readPage('docs/configuration.md'), '');
  const error: Error = await loadConfig({ env: {}, flags: {}, cwd: folder }).then(
    () => expect.fail('was accepted'),
    (thrown: Error) => thrown,
  );
  expect(error.message.trim()).toBe(example.trim());
});
