import { expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { createNode } from '../../src/index.js';
import { parseEmbeddedConfig } from '../../src/node/node.js';

it.each([
  ['no configuration', undefined],
  ['an empty one', {}],
  ['listeners without a host', { http: { port: 1 }, rtmp: { port: 2 } }],
  ['settings without a value, as YAML has them', { http: null, rtmp: { host: null } }],
])('binds an embedded node to loopback with %s', (_, input) => {
  const { http, rtmp } = parseEmbeddedConfig(input);
  expect([http.host, rtmp.host]).toEqual(['127.0.0.1', '127.0.0.1']);
});

it('keeps the hosts and all else that the configuration sets', () => {
  const { http, rtmp } = parseEmbeddedConfig({ http: { host: '0.0.0.0', port: 81 }, rtmp: { host: '::', port: 82 } });
  expect(http).toMatchObject({ host: '0.0.0.0', port: 81 });
  expect(rtmp).toEqual({ host: '::', port: 82 });
});

it.each([[[]], ['text'], [{ http: [] }], [{ rtmp: 'x' }], [{ http: { host: 5 } }]])(
  'reports invalid values: %j',
  (input) => {
    expect(() => parseEmbeddedConfig(input)).toThrow(expect.objectContaining({ code: 'config-invalid' }));
  },
);

it('leaves the command line bound to all addresses', async () => {
  const { http, rtmp } = createNode(await loadConfig({ env: {}, flags: { demo: true }, cwd: '/nonexistent' })).config;
  expect([http.host, rtmp.host]).toEqual(['0.0.0.0', '0.0.0.0']);
});

it('listens on loopback, and a reload of the same configuration changes nothing', async () => {
  const config = { http: { port: 0 }, rtmp: { port: 0 }, guard: { enabled: false } };
  const node = createNode(config);
  onTestFinished(() => node.close());
  await node.start();
  expect(node.address).toEqual({ host: '127.0.0.1', port: expect.any(Number) });
  expect(await node.reload(config)).toEqual([]);
  expect(await node.reload({ ...config, http: { port: 0, host: '0.0.0.0' } })).toEqual(['http.host']);
});
