import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import type { StreamDescription } from '../../src/stream/description.js';
import { builtProgram, startChild } from '../support/child-node.js';
import { until } from '../support/wait.js';

/** The oldest Node.js that is supported and each later line with long-term support, as .ci/node-versions provides them. */
const cache = process.env['SIDEPIPE_NODE_CACHE'] ?? '/var/cache/sidepipe-node';

let program: string;
beforeAll(async () => {
  program = await builtProgram();
}, 120_000);

it.each(['20', '22', '24', '26'])(
  'the demo runs on Node.js %s: live, fresh thumbnail, API, clean stop',
  async (line) => {
    const path = join(cache, line);
    if (!existsSync(path)) throw new Error(`${path} is missing: run .ci/node-versions`);
    const token = 'an-admin-token-of-this-test';
    const node = await startChild({
      program,
      // In the place of the Node.js that runs this test.
      wrapper: ['/bin/sh', '-c', 'shift; exec "$0" "$@"', path],
      args: ['serve', '--demo'],
      env: {
        SIDEPIPE_HTTP_HOST: '127.0.0.1',
        SIDEPIPE_HTTP_PORT: '0',
        SIDEPIPE_RTMP_PORT: '0',
        SIDEPIPE_ADMIN_TOKEN: token,
      },
    });
    const url = await node.url();
    const describe = async () => {
      const headers = { authorization: `Bearer ${token}` };
      const response = await fetch(`${url}/api/v1/streams/demo`, { headers });
      return (await response.json()) as StreamDescription;
    };
    await until(
      'a live stream with a fresh thumbnail',
      async () => {
        node.mustRun();
        const { state, thumbnail } = await describe();
        const isPlayable = (await fetch(`${url}/live/demo/index.m3u8`)).ok;
        return state === 'live' && thumbnail.state === 'fresh' && isPlayable;
      },
      { timeoutMs: 90_000, intervalMs: 200 },
    );
    const picture = await fetch(`${url}/live/demo/thumbnail.jpg`);
    expect([picture.status, picture.headers.get('content-type')]).toEqual([200, 'image/jpeg']);
    const playlist = await (await fetch(`${url}/live/demo/index.m3u8`)).text();
    expect(playlist).toContain('#EXTM3U');
    node.kill('SIGTERM');
    expect(await node.exited).toEqual({ code: 0, signal: null });
    expect(await node.processes()).toEqual([]);
  },
  180_000,
);
