import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it, vi } from 'vitest';
import type { ConfigInput } from '../../src/config/schema/schema.js';
import { runFfmpeg, temporaryFolder } from '../support/clip.js';
import { startHttpSource, textRoute } from '../support/http-source.js';
import { startNode, type TestNode } from '../support/node.js';
import { isRunning } from '../support/wait.js';

let folder: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  await mkdir(join(folder, 'directory.mp4'));
  await copyFile(fileURLToPath(new URL('../../LICENSE', import.meta.url)), join(folder, 'text.mp4'));
  await copyFile(join(folder, 'text.mp4'), join(folder, 'text.txt'));
  await writeFile(join(folder, 'empty.mp4'), '');
  await runFfmpeg(['-f', 'lavfi', '-i', 'sine', '-t', '5', '-c:a', 'aac', join(folder, 'audio.mp4')]);
});

const patience = { timeout: 60_000, interval: 100 };

async function refusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

it('says of every source that cannot be played what is wrong with it, and goes on with the others', async () => {
  const port = await refusedPort();
  const http = await startHttpSource({
    routes: Object.fromEntries(
      [401, 403, 410, 500, 503].map((status) => [`/${status}.mp4`, textRoute(status, 'no')] as const),
    ),
  });
  const cases: readonly (readonly [name: string, source: string, code: string, words: RegExp])[] = [
    ['missing', join(folder, 'nothing.mp4'), 'source-unavailable', /file does not exist/],
    ['directory', join(folder, 'directory.mp4'), 'source-refused', /is a directory/],
    ['text', join(folder, 'text.mp4'), 'source-not-media', /is text, not video/],
    // The embedded ffmpeg would make a picture of its letters.
    ['text-named-so', join(folder, 'text.txt'), 'source-not-media', /is text, not video/],
    ['empty', join(folder, 'empty.mp4'), 'source-not-media', /file is empty/],
    ['audio', join(folder, 'audio.mp4'), 'source-without-video', /has no video/],
    ['refused', `http://127.0.0.1:${port}/a.mp4`, 'source-unavailable', /connection refused/],
    ['refused-name', `http://localhost:${port}/a.mp4`, 'source-unavailable', /connection refused/],
    ['refused-name-tls', `https://localhost:${port}/a.mp4`, 'source-unavailable', /connection refused/],
    ['refused-tls', `https://127.0.0.1:${port}/a.mp4`, 'source-unavailable', /connection refused/],
    ['refused-hls', `http://127.0.0.1:${port}/a.m3u8`, 'source-unavailable', /connection refused/],
    ['refused-rtsp', `rtsp://127.0.0.1:${port}/a`, 'source-unavailable', /connection refused/],
    ['refused-rtmp', `rtmp://127.0.0.1:${port}/live/a`, 'source-unavailable', /connection refused/],
    ['http-401', `${http.url}/401.mp4`, 'source-refused', /401 Unauthorized/],
    ['http-403', `${http.url}/403.mp4`, 'source-refused', /403 Forbidden/],
    ['http-404', `${http.url}/404.mp4`, 'source-unavailable', /404 Not Found/],
    ['http-410', `${http.url}/410.mp4`, 'source-refused', /4xx/],
    ['http-500', `${http.url}/500.mp4`, 'source-unavailable', /5xx/],
    ['http-503', `${http.url}/503.mp4`, 'source-unavailable', /5xx/],
    [
      'srt',
      'srt://127.0.0.1:9000',
      'source-unsupported',
      /this ffmpeg has no srt; set ffmpeg\.path to one that has it/,
    ],
    ['ftp', 'ftp://127.0.0.1/a.mp4', 'source-unsupported', /ftp: is not a supported scheme/],
    ['pipe', 'pipe:0', 'source-unsupported', /pipe: is not a supported scheme/],
    ['concat', 'concat:a.ts|b.ts', 'source-unsupported', /concat: is not a supported scheme/],
    ['broken', 'http://[broken', 'source-refused', /not a valid URL/],
    ['line-break', 'http://127.0.0.1/\n-y', 'source-refused', /control characters/],
    ['unknown-http', 'http://no-such-host.invalid/a.mp4', 'source-unavailable', /host name cannot be resolved/],
    ['unknown-https', 'https://no-such-host.invalid/a.mp4', 'source-unavailable', /host name cannot be resolved/],
    ['unknown-rtsp', 'rtsp://no-such-host.invalid/a', 'source-unavailable', /host name cannot be resolved/],
    ['unknown-rtmp', 'rtmp://no-such-host.invalid/live/a', 'source-unavailable', /host name cannot be resolved/],
  ];
  const node = await startNode({
    ffmpeg: { startTimeoutSeconds: 20 },
    streams: [
      { name: 'good', source: 'test', hls: { segmentSeconds: 1 }, thumbnail: { intervalSeconds: 1, width: 160 } },
      ...cases.map(([name, source]) => ({ name, source })),
    ],
  });
  await vi.waitFor(async () => {
    for (const [name] of cases) expect([name, (await node.stream(name)).state]).toEqual([name, 'failed']);
  }, patience);
  const found = await Promise.all(
    cases.map(async ([name, , code, words]) => {
      const { reason } = await node.stream(name);
      const isRight = reason?.code === code && words.test(reason.message);
      return isRight ? [] : [{ name, code, words, reason }];
    }),
  );
  expect(found.flat()).toEqual([]);
  await vi.waitFor(async () => expect((await node.stream('good')).state).toBe('live'), patience);
  expect((await node.stream('good')).ffmpeg.restarts).toBe(0);
  expect((await node.text('/healthz')).status).toBe(200);
  expect((await node.text('/readyz')).status).toBe(200);
  expect((await node.text('/readyz?streams=all')).status).toBe(503);
  expect((await node.text('/')).status).toBe(200);
  for (const [name] of cases) {
    const thumbnail = await node.bytes(`/live/${name}/thumbnail.jpg`);
    expect([thumbnail.status, thumbnail.headers.get('sidepipe-image-state')], name).toEqual([200, 'offline']);
    expect((await node.text(`/watch/${name}`)).status, name).toBe(200);
  }
  // One line a stream and cause, not one a try.
  const lines = node.log.filter(({ stream, level }) => stream === 'missing' && Number(level) >= 40);
  expect((await node.stream('missing')).ffmpeg.restarts).toBeGreaterThan(2);
  expect(lines.length).toBeLessThanOrEqual(2);
});

it('begins again when ffmpeg hangs or a source goes silent without a word', async () => {
  const silent = await startHttpSource({
    routes: {
      '/never.mp4': () => {},
      '/headers.mp4': (_request, response) =>
        void response.writeHead(200, { 'content-type': 'video/mp4' }).flushHeaders(),
      '/live.ts': (_request, response) => void response.writeHead(200).write('G'.repeat(188)),
    },
  });
  const node = await startNode({
    ffmpeg: { startTimeoutSeconds: 2, stallTimeoutSeconds: 2 },
    streams: [
      { name: 'hangs', source: 'test', hls: { segmentSeconds: 1 }, thumbnail: { intervalSeconds: 1, width: 160 } },
      ...['never.mp4', 'headers.mp4', 'live.ts'].map((file) => ({
        name: file.replace('.', '-'),
        source: `${silent.url}/${file}`,
      })),
    ],
  });
  const isLive = async () => {
    expect(await node.stream('hangs')).toMatchObject({ state: 'live', thumbnail: { state: 'fresh' } });
  };
  await vi.waitFor(isLive, patience);
  const { pid } = (await node.stream('hangs')).ffmpeg;
  process.kill(pid!, 'SIGSTOP');
  await vi.waitFor(async () => expect((await node.stream('hangs')).ffmpeg.restarts).toBeGreaterThan(0), patience);
  expect(await isRunning(pid!)).toBe(false);
  await vi.waitFor(isLive, patience);
  expect(JSON.stringify(node.log)).toMatch(/ffmpeg-stalled.*stalled for/);
  for (const name of ['never-mp4', 'headers-mp4', 'live-ts']) {
    await vi.waitFor(async () => {
      const { state, reason, ffmpeg } = await node.stream(name);
      expect({ name, state, code: reason?.code }).toEqual({
        name,
        state: 'failed',
        code: expect.stringMatching(/^(ffmpeg-stalled|source-unavailable)$/),
      });
      expect(ffmpeg.restarts).toBeGreaterThan(1);
    }, patience);
  }
});

/** Everything that anyone can read of a node. */
async function everything(node: TestNode, names: readonly string[]): Promise<[string, string][]> {
  const paths = [
    ...['/', '/api/v1/streams', '/metrics', '/healthz', '/readyz', '/status'],
    ...names.flatMap((name) => [`/api/v1/streams/${name}`, `/watch/${name}`, `/live/${name}/index.m3u8`]),
  ];
  const answers = await Promise.all(
    paths.map(async (path): Promise<[string, string]> => {
      const { body, headers } = await node.text(path);
      return [path, `${JSON.stringify([...headers])}\n${body}`];
    }),
  );
  return [...answers, ['the log', JSON.stringify(node.log)]];
}

function formsOf(secret: string): string[] {
  const encoded = encodeURIComponent(secret);
  return [
    ...[secret, encoded, encoded.toLowerCase(), encodeURI(secret), JSON.stringify(secret).slice(1, -1)],
    ...[Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('base64url')],
  ];
}

it('shows no secret anywhere, whatever goes wrong', async () => {
  const password = 'pä/ss:w@rd"%41<&>';
  const plain = 'plainpassword77';
  const token = 'tok en+/=secret';
  const admin = 'the-admin-token-of-this-test';
  const credentials = `viewer:${encodeURIComponent(password)}@`;
  const port = await refusedPort();
  const http = await startHttpSource({
    routes: {
      '/401.mp4': textRoute(401, 'no', { 'www-authenticate': 'Basic realm="camera"' }),
      '/403.m3u8': textRoute(403, 'no'),
      '/text.mp4': textRoute(200, 'not media'),
      '/leads.m3u8': textRoute(
        200,
        `#EXTM3U\n#EXT-X-TARGETDURATION:8\n#EXTINF:8,\nhttp://viewer:${plain}@localhost:1/x.ts?token=${encodeURIComponent(token)}\n#EXT-X-ENDLIST\n`,
      ),
    },
  });
  const at = http.url.replace('http://', '');
  const query = `?token=${encodeURIComponent(token)}&quality=1`;
  const sources = {
    'http-401': `http://${credentials}${at}/401.mp4${query}`,
    'http-403': `http://viewer:${plain}@${at}/403.m3u8${query}`,
    'http-404': `http://${credentials}${at}/404.mp4${query}`,
    'http-text': `http://${credentials}${at}/text.mp4${query}`,
    leads: `http://${credentials}${at}/leads.m3u8`,
    'tls-refused': `https://${credentials}127.0.0.1:${port}/a.mp4${query}`,
    'tls-plain': `https://viewer:${plain}@${at}/a.mp4${query}`,
    rtsp: `rtsp://${credentials}127.0.0.1:${port}/cam${query}`,
    'rtsp-http': `rtsp://viewer:${plain}@${at}/cam${query}`,
    'rtsp-unknown': `rtsp://${credentials}no-such-host.invalid/cam`,
    rtmp: `rtmp://viewer:${plain}@127.0.0.1:${port}/live/cam${query}`,
    'rtmp-unknown': `rtmp://viewer:${plain}@no-such-host.invalid/live/cam`,
  };
  const streams = Object.entries(sources).map(([name, source]) => ({ name, source }));
  const config: ConfigInput = { admin: { token: admin }, log: { level: 'trace' }, streams };
  const node = await startNode(config);
  for (const { name } of streams) {
    await vi.waitFor(async () => {
      const { state, ffmpeg } = await node.stream(name);
      expect({ name, state }).toEqual({ name, state: 'failed' });
      expect(ffmpeg.restarts).toBeGreaterThan(1);
    }, patience);
  }
  const texts = await everything(
    node,
    streams.map(({ name }) => name),
  );
  for (const [where, text] of texts) {
    for (const secret of [password, plain, token, admin].flatMap(formsOf)) {
      const found = text.indexOf(secret);
      expect(found, `${secret} in ${where}: ${text.slice(Math.max(0, found - 200), found + 100)}`).toBe(-1);
    }
  }
  // And what is no secret is still there, or this test would see nothing.
  expect((await node.stream('http-401')).source.url).toBe(`http://viewer:***@${at}/401.mp4?token=***&quality=1`);
  expect(http.requests.some(({ headers }) => headers.authorization !== undefined)).toBe(true);
  expect(JSON.stringify(node.log)).toContain('401');
});

it('passes a hostile source on as one argument, or refuses it, and never writes what it asks for', async () => {
  const target = join(folder, 'pwned');
  const http = await startHttpSource({ routes: {} });
  const sources = [
    '-f lavfi',
    '-y',
    `-i test -y ${target}`,
    `file:x -y ${target}`,
    `x.mp4 -f mpegts ${target}`,
    `x.mp4" -y "${target}`,
    `x.mp4' -y '${target}`,
    `$(touch ${target})`,
    `\`touch ${target}\``,
    `x; touch ${target}`,
    `x|tee ${target}`,
    `file:concat:${target}`,
    `tee:${target}`,
    '%d.mp4',
    `concat:${target}`,
    `${http.url}/\n-y\n${target}`,
    `x\0-y\0${target}`,
    `${http.url}/-y`,
    `${http.url}/a b -y ${target}`,
    `${http.url}/$(touch ${target})`,
    `rtsp://localhost:${http.port}/x -y ${target}`,
    `rtmp://localhost:${http.port}/x/y swfUrl=${target} -y ${target}`,
  ];
  const streams = sources.map((source, index) => ({ name: `s${index}`, source }));
  let looked = 0;
  for (const { name, source } of streams) {
    const node = await startNode({ streams: [{ name, source }] });
    const commands = new Set<string>();
    await vi.waitFor(
      async () => {
        const { state, ffmpeg, hls } = await node.stream(name);
        if (ffmpeg.pid !== null) {
          const command = await readFile(`/proc/${ffmpeg.pid}/cmdline`, 'utf8').catch(() => '');
          if (command.includes('-progress')) commands.add(command);
        }
        expect({ state, segments: hls.segments }).toEqual({ state: 'failed', segments: 0 });
        expect(ffmpeg.restarts).toBeGreaterThan(2);
      },
      { timeout: 60_000, interval: 5 },
    );
    looked += commands.size > 0 ? 1 : 0;
    for (const command of commands) {
      const args = command.split('\0').slice(0, -1);
      const input = args[args.indexOf('-i') + 1]!;
      expect(args.filter((arg) => arg === '-i')).toHaveLength(1);
      // URLs of HTTP, RTSP and RTMP sources are not on the command line at all.
      const isShown = source.includes('pwned') && !/^(?:http|rtsp|rtmp)s?:/.test(source);
      expect(args.filter((arg) => arg.includes('pwned')).length, source).toBe(isShown ? 1 : 0);
      expect(args).not.toContain('-y');
      expect(args).not.toContain('lavfi');
      expect(input, source).toMatch(/^(file:\/|http:\/\/|rtsp:\/\/|rtmp:\/\/)/);
    }
    await node.node.close();
    await expect(readFile(target), source).rejects.toMatchObject({ code: 'ENOENT' });
  }
  // ffmpeg may be gone before it can be looked at, though not always.
  expect(looked).toBeGreaterThan(3);
});
