import { createCipheriv } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { camera, startFfmpeg } from '../support/background-ffmpeg.js';
import { makeClip, runFfmpeg, temporaryFolder } from '../support/clip.js';
import { fileRoute, type HttpSourceOptions, type Route, startHttpSource, textRoute } from '../support/http-source.js';
import { startNode } from '../support/node.js';
import { testCertificate } from '../support/rtmp-certificate.js';
import { startRtspServer } from '../support/rtsp-server.js';

/** A second address of loopback stands for the rest of the world: the policy allows it and not the first. */
const WORLD = '127.0.0.2';
const api = { sources: { networks: { allow: [WORLD] } } };
const patience = { timeout: 60_000, interval: 100 };
const short = { hls: { segmentSeconds: 1 }, thumbnail: { intervalSeconds: 1, width: 160 } };

let folder: string;
let clip: string;
let transportStream: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  clip = await makeClip({ path: join(folder, 'clip.mp4'), seconds: 4, keyframes: [0, 1, 2, 3] });
  transportStream = join(folder, 'clip.ts');
  await runFfmpeg(['-i', clip, '-c', 'copy', transportStream]);
  await mkdir(join(folder, 'hls'));
});

/** A service that trusts everybody on its own machine: nobody may ever connect to it. */
async function startSecret() {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return {
    at: `127.0.0.1:${port}`,
    get connections() {
      return connections;
    },
  };
}

const world = (routes: Readonly<Record<string, Route>>, more: Partial<HttpSourceOptions> = {}) =>
  startHttpSource({ routes, host: WORLD, ...more });

const playlist = (uri: string, key = '') =>
  `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n${key}#EXTINF:4,\n${uri}\n#EXT-X-ENDLIST\n`;

it('is not led to loopback or to files, whatever a source says', async () => {
  const secret = await startSecret();
  const key = Buffer.alloc(16, 7);
  const cipher = createCipheriv('aes-128-cbc', key, Buffer.alloc(16));
  const hidden = Buffer.concat([cipher.update(playlist(`http://${secret.at}/inner.ts`)), cipher.final()]);
  const bytes =
    (body: Buffer): Route =>
    (_request, response) =>
      void response.writeHead(200).end(body);
  const lists: Readonly<Record<string, string>> = {
    http: `http://${secret.at}/a.ts`,
    https: `https://${secret.at}/a.ts`,
    // A protocol that HLS lets pass, because its name begins like one that it knows.
    httpproxy: `httpproxy://${secret.at}/a.ts`,
    tcp: `tcp://${secret.at}/a.ts`,
    crypto: `crypto+http://${secret.at}/a.ts`,
    file: `file://${transportStream}`,
    name: `http://localhost:${secret.at.split(':')[1]}/a.ts`,
    number: `http://2130706433:${secret.at.split(':')[1]}/a.ts`,
    octal: `http://0177.0.0.01:${secret.at.split(':')[1]}/a.ts`,
    mapped: `http://[::ffff:127.0.0.1]:${secret.at.split(':')[1]}/a.ts`,
  };
  const hostile = await world({
    '/redirect.ts': textRoute(302, '', { location: `http://${secret.at}/x.ts` }),
    '/redirect-tls.ts': textRoute(302, '', { location: `https://${secret.at}/x.ts` }),
    '/redirect-tcp.ts': textRoute(302, '', { location: `tcp://${secret.at}/` }),
    '/hidden.m3u8': textRoute(200, playlist('hidden.ts', '#EXT-X-KEY:METHOD=AES-128,URI="key",IV=0x0\n')),
    '/hidden.ts': bytes(hidden),
    '/key': bytes(key),
    '/key.m3u8': textRoute(200, playlist('a.ts', `#EXT-X-KEY:METHOD=AES-128,URI="http://${secret.at}/key"\n`)),
    '/a.ts': fileRoute(transportStream, 'video/mp2t'),
    ...Object.fromEntries(Object.entries(lists).map(([name, uri]) => [`/${name}.m3u8`, textRoute(200, playlist(uri))])),
  });
  const camera = await startRtspServer({ host: WORLD, redirect: `rtsp://${secret.at}/1` });
  const sources: Readonly<Record<string, string>> = {
    ...Object.fromEntries(Object.keys(lists).map((name) => [`list-${name}`, `${hostile.url}/${name}.m3u8`])),
    redirect: `${hostile.url}/redirect.ts`,
    'redirect-tls': `${hostile.url}/redirect-tls.ts`,
    'redirect-tcp': `${hostile.url}/redirect-tcp.ts`,
    hidden: `${hostile.url}/hidden.m3u8`,
    key: `${hostile.url}/key.m3u8`,
    rtsp: `rtsp://${WORLD}:${camera.port}/1`,
    // Names are looked up when they are connected to.
    'name-http': `http://localhost:${secret.at.split(':')[1]}/a.ts`,
    'name-rtsp': `rtsp://localhost:${secret.at.split(':')[1]}/a`,
    'name-rtmp': `rtmp://localhost:${secret.at.split(':')[1]}/a/b`,
    'name-rtmps': `rtmps://localhost:${secret.at.split(':')[1]}/a/b`,
  };
  const node = await startNode({ api });
  for (const [name, source] of Object.entries(sources)) {
    expect([name, (await node.api('POST', 'streams', { name, source, ...short })).status]).toEqual([name, 201]);
  }
  for (const name of Object.keys(sources)) {
    await vi.waitFor(async () => {
      const { state, reason, hls, thumbnail } = await node.stream(name);
      expect({ name, state, segments: hls.segments, pictures: thumbnail.captured }).toEqual({
        ...{ name, state: 'failed', segments: 0, pictures: 0 },
      });
      expect(reason?.code, `${name}: ${reason?.message}`).toMatch(/^source-/);
    }, patience);
  }
  const reason = async (name: string) => (await node.stream(name)).reason;
  // On a busy machine an attempt can time out before the connection is refused; the next one tells.
  for (const name of ['redirect', 'list-http', 'name-http', 'name-rtsp', 'name-rtmp', 'name-rtmps', 'rtsp']) {
    await vi.waitFor(
      async () => expect([name, await reason(name)]).toMatchObject([name, { code: 'source-refused' }]),
      patience,
    );
  }
  expect((await reason('redirect'))?.message).toMatch(/api\.sources\.networks/);
  expect((await reason('rtsp'))?.message).toMatch(/redirects elsewhere/);
  expect(secret.connections).toBe(0);
});

it('plays what is allowed: HTTP, HLS over TLS with redirects and whole URLs, RTSP with a password, RTSPS', async () => {
  const routes: Record<string, Route> = { '/clip.mp4': fileRoute(clip, 'video/mp4') };
  const plain = await world(routes);
  routes['/moved.mp4'] = textRoute(302, '', { location: `${plain.url}/clip.mp4` });
  const tlsRoutes: Record<string, Route> = { '/0.ts': fileRoute(transportStream, 'video/mp2t') };
  const secure = await world(tlsRoutes, { tls: testCertificate });
  tlsRoutes['/media.m3u8'] = textRoute(200, playlist(`${secure.url}/0.ts`));
  tlsRoutes['/index.m3u8'] = textRoute(
    200,
    `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100000\n//${secure.url.split('//')[1]}/media.m3u8\n`,
  );
  tlsRoutes['/go.m3u8'] = textRoute(302, '', { location: '/index.m3u8' });
  const auth = { scheme: 'digest', user: 'viewer', password: 'secret-1' } as const;
  const servers = await Promise.all([
    startRtspServer({ host: WORLD, auth }),
    startRtspServer({ host: WORLD, tls: testCertificate }),
  ]);
  startFfmpeg([...camera, '-f', 'rtsp', '-rtsp_transport', 'tcp', `rtsp://${WORLD}:${servers[0].port}/cam`]);
  startFfmpeg([...camera, '-f', 'rtsp', '-rtsp_transport', 'tcp', `rtsps://${WORLD}:${servers[1].port}/cam`]);
  await Promise.all(servers.map(({ published }) => published));
  const node = await startNode({ api });
  const sources: Readonly<Record<string, string>> = {
    plain: `${plain.url}/moved.mp4`,
    secure: `${secure.url}/go.m3u8`,
    rtsp: `rtsp://viewer:secret-1@${WORLD}:${servers[0].port}/cam`,
    rtsps: `rtsps://${WORLD}:${servers[1].port}/cam`,
  };
  for (const [name, source] of Object.entries(sources)) {
    expect((await node.api('POST', 'streams', { name, source, ...short })).status, name).toBe(201);
  }
  for (const name of Object.keys(sources)) {
    await vi.waitFor(async () => {
      const described = await node.stream(name);
      expect(described.hls.segments, JSON.stringify(described)).toBeGreaterThan(1);
      expect(described.thumbnail.captured, name).toBeGreaterThan(0);
    }, patience);
  }
  expect(JSON.stringify([await node.stream('rtsp'), node.log])).not.toContain('secret-1');
});

it('refuses at once what can be told at once', async () => {
  const node = await startNode({ api });
  for (const source of [clip, `${folder}/`, '/dev/video0', 'http://127.0.0.1/x', 'srt://0.0.0.0:9000?mode=listener']) {
    const answer = await node.api('POST', 'streams', { name: 'cam', source });
    expect([source, answer.status >= 400]).toEqual([source, true]);
    expect(await answer.text()).toMatch(/api\.sources/);
  }
});
