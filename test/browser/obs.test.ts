import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import type { ConfigInput } from '../../src/config/schema/schema.js';
import { blocksOf, readPage, wordsOf } from '../docs/page.js';
import { startFfmpeg } from '../support/background-ffmpeg.js';
import { makeClip, temporaryFolder } from '../support/clip.js';
import { freeUdpPort } from '../support/free-port.js';
import { startNode } from '../support/node.js';

// Needs Debian's ffmpeg, which has libsrt.

it('publishes over SRT by the command of docs/obs.md', { timeout: 60_000 }, async () => {
  const text = readPage('docs/obs.md');
  const [example] = blocksOf(text, 'yaml').filter((each) => each.includes('srt:'));
  const [command] = blocksOf(text, 'sh').filter((each) => each.includes("'srt://"));
  const port = await freeUdpPort();
  const film = await makeClip({ path: join(await temporaryFolder(), 'film.mp4'), seconds: 20, size: '320x180' });
  const node = await startNode(parse(example!.replace('0.0.0.0:9000', `127.0.0.1:${port}`)) as ConfigInput);
  const [, ...words] = wordsOf(command!).map((word) =>
    word.replace('node.example.org:9000', `127.0.0.1:${port}`).replace('film.mp4', film),
  );
  // Whoever calls before the listener is there is refused, and calls again: by hand, as people do.
  const call = () => startFfmpeg(words, undefined, '/usr/bin/ffmpeg');
  let caller = call();
  await vi.waitFor(
    async () => {
      if (!caller.running()) caller = call();
      expect((await node.stream('stage')).state).toBe('live');
    },
    { timeout: 40_000, interval: 500 },
  );
});
