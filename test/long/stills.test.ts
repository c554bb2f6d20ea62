import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { StillsPage } from '../../src/stream/live-stream.js';
import { temporaryFolder } from '../support/clip.js';
import { startNode } from '../support/node.js';
import { until } from '../support/wait.js';

it('keeps a sequence of stills on the store, so many and no more, over a restart', async () => {
  const path = await temporaryFolder();
  const stills = join(path, 'demo/stills');
  await mkdir(stills, { recursive: true });
  await writeFile(join(stills, 'notes.txt'), 'mine');
  const config = {
    storage: { type: 'directory', directory: { path }, lease: { ttlSeconds: 3 } },
    streams: [
      {
        name: 'demo',
        source: 'test',
        thumbnail: { intervalSeconds: 0.5, width: 160, sequence: { mode: 'sequential', name: 'number', keepCount: 3 } },
      },
    ],
  } as const;
  let newest = '';
  for (let round = 0; round < 2; round += 1) {
    const { node, text } = await startNode(structuredClone(config) as unknown as Parameters<typeof startNode>[0]);
    const read = async () => JSON.parse((await text('/api/v1/streams/demo/stills')).body) as StillsPage;
    await until('three newer stills', async () => {
      const names = (await read()).stills.map(({ name }) => name);
      return names.length === 3 && names.every((name) => name > newest);
    });
    newest = (await read()).stills[0]?.name ?? '';
    await node.close();
    const files = await readdir(stills);
    expect(files).toContain('notes.txt');
    // Those whose removal was due are removed in the next run.
    expect(files.length).toBeLessThan(20);
    expect(await readdir(join(path, 'demo'))).not.toContain('thumbnail.jpg');
  }
});
