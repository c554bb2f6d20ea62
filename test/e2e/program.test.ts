import { beforeAll, expect, it } from 'vitest';
import { version } from '../../src/version.js';
import { builtProgram, configFile, runChild, startChild } from '../support/child-node.js';
import { until } from '../support/wait.js';

// test/long/cli.test.ts has every command and option.

let program: string;

beforeAll(async () => {
  program = await builtProgram();
});

it('the built program prints its version', async () => {
  expect(await runChild({ program, args: ['--version'] })).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

it('the built program rejects a configuration with exit code 2 and lists every problem', async () => {
  const file = await configFile({ http: { port: 99_999 }, strems: [] });
  const { code, stdout, stderr } = await runChild({ program, args: ['serve', '--config', file] });
  expect([code, stdout]).toEqual([2, '']);
  for (const part of ['http.port', 'strems', 'did you mean']) expect(stderr).toContain(part);
});

it('the built program serves a stream, and ends with exit code 0 and no process left on SIGTERM', async () => {
  const env = { SIDEPIPE_HTTP_HOST: '127.0.0.1', SIDEPIPE_HTTP_PORT: '0' };
  const child = await startChild({ program, args: ['--source', 'test', '--stream', 'cam'], env });
  const url = await child.url();
  await until('a segment and a fresh thumbnail', async () => {
    child.mustRun();
    const playlist = await fetch(`${url}/live/cam/source/index.m3u8`);
    const thumbnail = await fetch(`${url}/live/cam/thumbnail.jpg`);
    await thumbnail.arrayBuffer();
    return (await playlist.text()).includes('#EXTINF') && thumbnail.headers.get('sidepipe-image-state') === 'fresh';
  });
  child.kill('SIGTERM');
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(await child.processes()).toEqual([]);
});
