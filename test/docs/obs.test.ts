import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { parseConfig } from '../../src/config/parse.js';
import type { ConfigInput } from '../../src/config/schema/schema.js';
import { parsePublishTarget } from '../../src/ingest/rtmp/publish-target.js';
import { readSource } from '../../src/ingest/source.js';
import { startFfmpeg } from '../support/background-ffmpeg.js';
import { makeClip, temporaryFolder } from '../support/clip.js';
import { startNode } from '../support/node.js';
import { testCertificate } from '../support/rtmp-certificate.js';
import { blocksOf, readPage, wordsOf } from './page.js';

// SRT needs Debian's ffmpeg: test/browser/obs.test.ts runs its commands.

const text = readPage('docs/obs.md');
const examples = blocksOf(text, 'yaml');
const commands = blocksOf(text, 'sh');

/** What a publisher sends of an address: the application, its query, and the name behind it. */
function sent(server: string, streamKey: string) {
  const { pathname, search } = new URL(server);
  return { app: pathname.slice(1), query: search.slice(1), streamKey };
}

describe('docs/obs.md', () => {
  it('shows what can be used', () => {
    expect(examples.length).toBeGreaterThan(4);
    for (const example of examples) {
      for (const { source, input } of parseConfig(parse(example)).streams) {
        expect(readSource(source, (path) => path, input.format).kind).not.toBe('unknown');
      }
    }
  });

  it('has servers and stream keys that open the stream of its example', () => {
    const { name, keys } = parseConfig(parse(examples[0]!)).streams[0]!;
    const rows = [...text.matchAll(/^\| `(rtmp:\S+)` \| `(\S+)` \|$/gm)];
    expect(rows).toHaveLength(4);
    for (const [, server = '', streamKey = ''] of rows) {
      const target = parsePublishTarget(sent(server, streamKey));
      expect([name, undefined]).toContain(target?.stream);
      expect(keys).toContain(target?.key);
    }
  });

  it.each(['rtmp', 'rtmps'] as const)('has a command that publishes over %s', async (protocol) => {
    const [example] = examples.filter((each) => each.includes('rtmps:') === (protocol === 'rtmps'));
    const [command] = commands.filter((each) => each.includes(`'${protocol}://`));
    const folder = await temporaryFolder();
    const config = parse(example!) as ConfigInput;
    if (config.rtmps) {
      const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
      await writeFile(cert, testCertificate.cert);
      await writeFile(key, testCertificate.key);
      config.rtmps = { port: 0, cert, key };
    }
    const node = await startNode(config);
    const film = await makeClip({ path: join(folder, 'film.mp4'), seconds: 20, size: '320x180' });
    const [program, ...words] = wordsOf(command!);
    expect(program).toBe('ffmpeg');
    const { port } = node.node.rtmpAddresses[protocol]!;
    const host = /node\.example\.org(?::\d+)?/;
    startFfmpeg(words.map((word) => word.replace(host, `127.0.0.1:${port}`).replace('film.mp4', film)));
    await vi.waitFor(async () => expect((await node.stream('stage')).state).toBe('live'), {
      timeout: 40_000,
      interval: 100,
    });
  });

  it('names settings that there are', () => {
    const { streams } = parseConfig({ streams: [{ name: 'a', source: 'push', keys: ['12345678'] }] });
    expect(streams[0]).toMatchObject({ publish: { whenBusy: 'reject', graceSeconds: 30 }, input: {}, audio: 'auto' });
  });
});
