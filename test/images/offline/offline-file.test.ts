import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse.js';
import { readOfflineFiles } from '../../../src/images/offline/offline-file.js';
import { emptyFolder } from '../../support/child-node.js';

const reading = (offline: string) =>
  readOfflineFiles(parseConfig({ streams: [{ name: 'a', source: 'test', thumbnail: { offline } }] }).streams);

it('names the setting of a picture that cannot be used, and waits for nothing without an end', async () => {
  const folder = await emptyFolder();
  const text = join(folder, 'text.png');
  await writeFile(text, 'no picture');
  for (const path of [folder, text, '/dev/zero', join(folder, 'missing.png')]) {
    await expect(reading(path)).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringMatching(/^thumbnail\.offline: .*cannot be used: /),
    });
  }
});
