import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer as createHttpServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCapabilities } from '../../src/ffmpeg/capabilities.js';
import { inputArguments } from '../../src/ingest/input.js';
import { createEgress, type Egress } from '../../src/ingest/relay/egress.js';
import { parseSource } from '../../src/ingest/source.js';
import { positions, urisElsewhere } from '../support/elsewhere.js';
import { embedded, providedFfmpeg } from '../support/ffmpeg.js';
import { freeUdpPort } from '../support/free-port.js';

/**
 * Whatever a source under the policy says, ffmpeg connects to the node alone and listens nowhere. The source is on a second address
 * of loopback, which the policy allows; canaries are on the first.
 */

const WORLD = '127.0.0.2';
/** Runs of ffmpeg at a time. */
const WIDTH = 4;

const folder = mkdtempSync(join(tmpdir(), 'sidepipe-elsewhere-'));
let egress: Egress;
let source: ReturnType<typeof createHttpServer>;
let canary: Server;
let tcpConnections = 0;
let listenPort = 0;
let transportStream: Buffer;
/** What the source serves under each path. */
const served = new Map<string, { readonly body: Buffer; readonly headers: Record<string, string> }>();
/** The paths that were asked for. */
const asked = new Set<string>();
const running = new Map<ChildProcess, string>();
/** What ran while somebody listened where nobody may. */
const heard: string[] = [];
let watch: NodeJS.Timeout;

beforeAll(async () => {
  const clip = join(folder, 'clip.ts');
  execFileSync(embedded.path, [
    ...'-v error -f lavfi -i testsrc2=s=64x64:d=1 -c:v mpeg2video -f mpegts'.split(' '),
    clip,
  ]);
  transportStream = readFileSync(clip);
  writeFileSync(join(folder, 'secret.ts'), transportStream);
  egress = createEgress({ networks: { allow: [WORLD] } });
  await egress.start();
  canary = createServer((socket) => {
    tcpConnections += 1;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  source = createHttpServer(serve).listen(0, WORLD);
  await Promise.all([once(canary, 'listening'), once(source, 'listening')]);
  listenPort = await freeUdpPort();
  // One that listens does so until its timeout of two seconds at least.
  watch = setInterval(() => {
    if (!listeners().has(listenPort)) return;
    heard.push(...running.values());
    for (const child of running.keys()) child.kill('SIGKILL');
  }, 200);
});

afterAll(async () => {
  clearInterval(watch);
  await egress.close();
  canary.close();
  source.close();
  rmSync(folder, { recursive: true });
});

function serve(request: IncomingMessage, response: ServerResponse): void {
  asked.add(request.url ?? '');
  const known = served.get(request.url ?? '');
  // Relative names lead here from every playlist.
  if (known === undefined) response.writeHead(200, { 'content-type': 'video/mp2t' }).end(transportStream);
  else response.writeHead(200, known.headers).end(known.body);
}

const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;

interface Run {
  readonly path: string;
  readonly url: string;
  readonly hasPickyHls?: boolean;
  readonly isBound?: boolean;
}

/** Opens a source as the node does, for a second of media at most, and gives what ffmpeg prints. */
function runFfmpeg({ path, url, hasPickyHls = false, isBound = true }: Run): Promise<string> {
  const args = inputArguments(
    parseSource(url, (each) => each),
    {
      ...{ loop: false, isBound, hasPickyHls, protocols: new Set(['http', 'tcp', 'crypto']) },
      // Nothing here is RTSP.
      rtspTimeout: '-timeout',
      timeouts: { connectSeconds: 2, readSeconds: 2, socketSeconds: 2 },
    },
  );
  // As fast as it comes: what is played is of no interest here.
  const fast = args.filter((each) => each !== '-re');
  const output = ['-map', '0', '-c', 'copy', '-t', '1', '-f', 'framecrc', '-'];
  const child = spawn(path, ['-hide_banner', '-nostdin', '-v', 'warning', ...fast, ...output], {
    env: { ...egress.environment({ isBound }) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.set(child, url);
  return new Promise((resolve) => {
    let printed = '';
    for (const output of [child.stdout, child.stderr]) {
      output.on('data', (piece) => {
        printed += piece;
      });
    }
    const deadline = setTimeout(() => child.kill('SIGKILL'), 60_000);
    child.once('close', () => {
      clearTimeout(deadline);
      running.delete(child);
      resolve(printed);
    });
  });
}

/** Ports on which somebody listens for TCP or has bound UDP. */
function listeners(): Set<number> {
  const lines = ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((name) => readFileSync(`/proc/net/${name}`, 'utf8').split('\n'));
  const fields = lines
    .map((line) => line.trim().split(/\s+/))
    .filter((parts) => parts[3] === '0A' || parts[3] === '07');
  return new Set(fields.map(([, address = '']) => Number.parseInt(address.split(':')[1] ?? '', 16)));
}

interface Attack {
  readonly name: string;
  readonly path: string;
  /** What has to be asked for: ffmpeg was given the playlist. */
  readonly given?: RegExp;
  /** What ffmpeg has to say: it was given the refusal of the first test. */
  readonly says?: string;
}

const headers = { 'content-type': 'application/vnd.apple.mpegurl' };

/**
 * Every URI in every position. Where the node leaves the URI out and gives ffmpeg the rest, one playlist has all URIs; where it refuses
 * the playlist, each URI needs one of its own, because it would be refused for any of them. What is compressed is refused before
 * anybody reads it, with one and the same answer for every URI in every position (see the first test), so each URI and each position
 * once is enough for an ffmpeg that is given this answer.
 */
function prepare(): Attack[] {
  const uris = urisElsewhere({ port: portOf(canary), listenPort, file: join(folder, 'secret.ts') });
  const attacks: Attack[] = [];
  const attack = (path: string, text: string, each: Omit<Attack, 'path'>, isCompressed = false) => {
    const body = Buffer.from(text);
    if (isCompressed) served.set(path, { body: gzipSync(body), headers: { ...headers, 'content-encoding': 'gzip' } });
    else served.set(path, { body, headers });
    attacks.push({ ...each, path });
  };
  for (const [place, { name, playlist, isLeftOut }] of positions.entries()) {
    if (isLeftOut) {
      const given = new RegExp(`^/${place}/(?:a\\.ts|media\\.m3u8)$`);
      attack(`/${place}/all.m3u8`, uris.map(playlist).join(''), { name: `all as ${name}`, given });
    }
    for (const [index, uri] of uris.entries()) {
      if (!isLeftOut) attack(`/${place}/${index}.m3u8`, playlist(uri), { name: `${uri} as ${name}` });
      if (index % positions.length !== place) continue;
      const says = 'Content-Encoding not allowed';
      attack(`/${place}/gzip-${index}.m3u8`, playlist(uri), { name: `${uri} as ${name}, gzip`, says }, true);
    }
  }
  return attacks;
}

/** The oldest, the installed one of Debian 12, and the newest. */
const tested = [
  { name: '4.1', path: embedded.path },
  { name: '5.1', path: providedFfmpeg('5.1') },
  { name: '9.0.2', path: providedFfmpeg('9.0.2') },
];

/** The node's answer to ffmpeg's request for a URL, without its date. */
function answerTo(url: string, agent: Agent): Promise<string> {
  const { http_proxy: proxy = '' } = egress.environment({ isBound: true });
  const { hostname, port, username, password } = new URL(proxy);
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const headers = { host: new URL(url).host, 'proxy-authorization': authorization };
  return new Promise((resolve, reject) => {
    const request = get({ hostname, port, path: url, headers, agent }, (response) => {
      const { statusCode, statusMessage, rawHeaders } = response;
      const date = rawHeaders.findIndex((name) => name.toLowerCase() === 'date');
      const fields = rawHeaders.filter((_, index) => date < 0 || (index !== date && index !== date + 1));
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () =>
        resolve(JSON.stringify([statusCode, statusMessage, fields, Buffer.concat(pieces).toString('latin1')])),
      );
    });
    request.on('error', reject);
  });
}

it('answers every compressed playlist alike, whatever is in it: every URI in every position, in every spelling of the coding', async () => {
  const uris = urisElsewhere({ port: portOf(canary), listenPort, file: join(folder, 'secret.ts') });
  const codings = ['gzip', 'GZIP', 'x-gzip', 'deflate', 'br', 'gzip, identity', 'identity, gzip'];
  const paths = positions.flatMap(({ playlist }, place) =>
    uris.flatMap((uri, index) => {
      const body = gzipSync(playlist(uri), { level: 1 });
      return codings.flatMap((coding, which) => {
        // All with gzip; the other spellings of it once for each position.
        if (which > 0 && index !== place) return [];
        const path = `/product/${place}/${index}/${which}.m3u8`;
        served.set(path, { body, headers: { ...headers, 'content-encoding': coding } });
        return [path];
      });
    }),
  );
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const origin = `http://${WORLD}:${portOf(source)}`;
  const answers = await Promise.all(paths.map((path) => answerTo(`${origin}${path}`, agent)));
  agent.destroy();
  expect(paths.filter((path) => !asked.has(path))).toEqual([]);
  expect(paths.length).toBe(positions.length * (uris.length + codings.length - 1));
  expect([...new Set(answers)]).toEqual([expect.stringMatching(/^\[403,"Content-Encoding not allowed",.*,""\]$/)]);
  // It is the answer to what ffmpeg is given below.
  served.set('/product/plain.m3u8', { body: Buffer.from('#EXTM3U\n#EXTINF:1,\na.ts\n'), headers });
  const plain = await answerTo(`${origin}/product/plain.m3u8`, new Agent());
  expect(plain).toMatch(/^\[200,.*a\.ts/);
});

it('is led there where nothing is between: the canary, the source and the watch for listeners work', async () => {
  const before = tcpConnections;
  for (const [name, uri] of [
    ['connects', `tcp://127.0.0.1:${portOf(canary)}/`],
    ['listens', `tcp://127.0.0.1:${listenPort}?listen`],
  ]) {
    const path = `/control-${name}.m3u8`;
    served.set(path, { body: Buffer.from(`#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${uri}\n`), headers });
    await runFfmpeg({ path: embedded.path, url: `http://${WORLD}:${portOf(source)}${path}`, isBound: false });
  }
  expect(tcpConnections).toBeGreaterThan(before);
  expect(heard.splice(0)).not.toEqual([]);
});

describe.each(tested)('for ffmpeg $name', ({ path }) => {
  const origin = () => `http://${WORLD}:${portOf(source)}`;

  it('a source under the policy leads to no canary and makes nobody listen: every URI, every position, identity and gzip', async () => {
    const { options } = await readCapabilities(path);
    const attacks = prepare();
    const before = tcpConnections;
    asked.clear();
    const led: string[] = [];
    const printed = new Map<Attack, string>();
    let waiting = [...attacks];
    const work = async () => {
      for (let attack = waiting.pop(); attack !== undefined; attack = waiting.pop()) {
        const seen = tcpConnections;
        const run = { path, url: `${origin()}${attack.path}`, hasPickyHls: options.hasPickyHls };
        printed.set(attack, await runFfmpeg(run));
        if (tcpConnections !== seen) led.push(attack.name);
      }
    };
    await Promise.all(Array.from({ length: WIDTH }, work));
    // An ffmpeg that was killed before it asked for its playlist has tried nothing: once more.
    waiting = attacks.filter((attack) => !asked.has(attack.path));
    await Promise.all(Array.from({ length: WIDTH }, work));
    expect([led, heard]).toEqual([[], []]);
    expect(tcpConnections).toBe(before);
    expect(attacks.filter((attack) => !asked.has(attack.path))).toEqual([]);
    const isGiven = ({ given }: Attack) => given === undefined || [...asked].some((path) => given.test(path));
    expect(attacks.filter((attack) => !isGiven(attack))).toEqual([]);
    expect(attacks.filter((attack) => !printed.get(attack)?.includes(attack.says ?? ''))).toEqual([]);
  }, 1_200_000);

  it.each([
    ['under the policy', true],
    ['without a policy', false],
  ])('HLS plays whose segments have no extension, or an unusual one: %s', async (_name, isBound) => {
    const { options } = await readCapabilities(path);
    served.set('/camera/live.m3u8', {
      headers,
      body: Buffer.from(
        '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nmedia?id=1\n#EXTINF:1,\nmedia.cgi\n#EXT-X-ENDLIST\n',
      ),
    });
    const run = { path, url: `${origin()}/camera/live.m3u8`, hasPickyHls: options.hasPickyHls, isBound };
    expect((await runFfmpeg(run)).match(/^0, /gm)?.length).toBeGreaterThan(20);
  });
});
