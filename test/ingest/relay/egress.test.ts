import { once } from 'node:events';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect, it, onTestFinished } from 'vitest';
import { createEgress, type Egress } from '../../../src/ingest/relay/egress.js';
import { resolveAddresses } from '../../../src/ingest/resolve.js';
import { startHttpSource, textRoute } from '../../support/http-source.js';
import { testCertificate } from '../../support/rtmp-certificate.js';
import { until } from '../../support/wait.js';

interface Proxy {
  readonly egress: Egress;
  readonly port: number;
  /** The header that opens it. */
  readonly authorization: string;
}

async function startEgress(isBound = false): Promise<Proxy> {
  const egress = createEgress({ networks: { allow: ['127.0.0.0/8', '::1'] } });
  await egress.start();
  onTestFinished(() => egress.close());
  const url = new URL(egress.environment({ isBound })['http_proxy']!);
  const credentials = Buffer.from(`${url.username}:${url.password}`).toString('base64');
  return { egress, port: Number(url.port), authorization: `Basic ${credentials}` };
}

interface Answer {
  readonly status: number;
  /** ffmpeg logs it. */
  readonly reason: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** False: the connection broke before the body's end. */
  readonly whole: boolean;
}

/** Asks the proxy for an absolute URL. */
function ask(
  { port }: Pick<Proxy, 'port'>,
  path: string,
  headers: Readonly<Record<string, string>>,
  more: { readonly method?: string; readonly body?: string } = {},
) {
  return new Promise<Answer>((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, headers, method: more.method ?? 'GET', agent: false });
    request.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (piece) => {
        body += piece;
      });
      response.on('error', () => undefined);
      response.on('close', () =>
        resolve({
          status: response.statusCode!,
          reason: response.statusMessage!,
          headers: response.headers,
          body,
          whole: response.complete,
        }),
      );
    });
    request.on('error', reject);
    request.end(more.body);
  });
}

/** Sends bytes and gives all that comes back until the connection is closed. */
function converse(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('utf8').on('data', (piece) => {
      answer += piece;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
    socket.write(text);
  });
}

async function listening(onConnection: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

it('carries a request and its answer, and keeps its password to itself', async () => {
  const proxy = await startEgress();
  const source = await startHttpSource({
    routes: { '/a': textRoute(203, 'the body', { 'x-camera': 'yes', 'content-type': 'video/mp4' }) },
  });
  const headers = {
    'proxy-authorization': proxy.authorization,
    authorization: 'Basic Y2FtOnNlY3JldA==',
    range: 'bytes=1-',
  };
  const answer = await ask(proxy, `${source.url}/a?b=c%20d`, headers);
  expect(answer).toMatchObject({ status: 203, body: 'the body', whole: true, headers: { 'x-camera': 'yes' } });
  expect(source.requests).toHaveLength(1);
  expect(source.requests[0]).toMatchObject({ method: 'GET', url: '/a?b=c%20d' });
  expect(source.requests[0]!.headers).toMatchObject({ authorization: 'Basic Y2FtOnNlY3JldA==', range: 'bytes=1-' });
  expect(JSON.stringify(source.requests)).not.toContain(proxy.authorization.slice(6));
});

it('is no open proxy: nothing leaves without the password', async () => {
  const proxy = await startEgress();
  const source = await startHttpSource({ routes: { '/a': textRoute(200, 'secret') } });
  const wrong = [
    {},
    { 'proxy-authorization': '' },
    { 'proxy-authorization': proxy.authorization.slice(0, -1) },
    { 'proxy-authorization': `${proxy.authorization}A` },
    { 'proxy-authorization': proxy.authorization.toUpperCase() },
    { authorization: proxy.authorization },
  ];
  for (const headers of wrong) {
    const { status, body } = await ask(proxy, `${source.url}/a`, headers);
    expect([status, body]).toEqual([407, '']);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const tunnel = await converse(proxy.port, `CONNECT localhost:${source.port} HTTP/1.1\r\n${lines.join('')}\r\n`);
    expect(tunnel).toMatch(/^HTTP\/1\.1 407 /);
  }
  expect(source.requests).toEqual([]);
  // Every egress has a password of its own, on loopback only.
  const other = await startEgress();
  expect(other.authorization).not.toBe(proxy.authorization);
  expect((await ask(other, `${source.url}/a`, { 'proxy-authorization': proxy.authorization })).status).toBe(407);
});

it('tunnels TLS untouched', async () => {
  const proxy = await startEgress();
  const source = await startHttpSource({ routes: { '/a': textRoute(200, 'over TLS') }, tls: testCertificate });
  const socket = connect(proxy.port, '127.0.0.1');
  socket.write(`CONNECT localhost:${source.port} HTTP/1.1\r\nproxy-authorization: ${proxy.authorization}\r\n\r\n`);
  const [established] = (await once(socket, 'data')) as [Buffer];
  expect(established.toString()).toBe('HTTP/1.1 200 Connection Established\r\n\r\n');
  const tls = connectTls({ socket, servername: 'localhost', ca: testCertificate.cert });
  tls.write('GET /a HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
  let text = '';
  tls.setEncoding('utf8').on('data', (piece) => {
    text += piece;
  });
  await once(tls, 'close');
  expect(text).toMatch(/^HTTP\/1\.1 200 OK.*over TLS/s);
});

it('says 502 and why when the source is not there, and keeps on', async () => {
  const proxy = await startEgress();
  const { server, port } = await listening(() => undefined);
  await new Promise((resolve) => server.close(resolve));
  const headers = { 'proxy-authorization': proxy.authorization };
  const reasons = {
    [`localhost:${port}`]: 'Connection refused',
    'no-such-host.invalid:443': 'Name or service not known',
  };
  for (const [authority, reason] of Object.entries(reasons)) {
    expect(await ask(proxy, `http://${authority}/a`, headers)).toMatchObject({ status: 502, reason });
    const answer = await converse(
      proxy.port,
      `CONNECT ${authority} HTTP/1.1\r\nproxy-authorization: ${proxy.authorization}\r\n\r\n`,
    );
    expect(answer.split('\r\n')[0]).toBe(`HTTP/1.1 502 ${reason}`);
  }
});

it('passes on that the source broke off in the middle', async () => {
  const proxy = await startEgress();
  const source = await startHttpSource({
    routes: {
      '/counted': (_request, response) => {
        response.writeHead(200, { 'content-length': 1000 }).write('half', () => response.destroy());
      },
      '/chunked': (_request, response) => {
        response.writeHead(200).write('half', () => response.destroy());
      },
    },
  });
  for (const path of ['/counted', '/chunked']) {
    const answer = await ask(proxy, source.url + path, { 'proxy-authorization': proxy.authorization });
    expect(answer, path).toMatchObject({ status: 200, body: 'half', whole: false });
  }
});

it('lets go of the source when ffmpeg is gone', async () => {
  const proxy = await startEgress();
  let [open, total] = [0, 0];
  const { port } = await listening((socket) => {
    open += 1;
    total += 1;
    socket.on('close', () => {
      open -= 1;
    });
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\nendless'));
    socket.resume();
  });
  const asked = connect(proxy.port, '127.0.0.1');
  asked.write(
    `GET http://127.0.0.1:${port}/ HTTP/1.1\r\nhost: x\r\nproxy-authorization: ${proxy.authorization}\r\n\r\n`,
  );
  const tunnelled = connect(proxy.port, '127.0.0.1');
  tunnelled.write(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\nproxy-authorization: ${proxy.authorization}\r\n\r\nhello`);
  await Promise.all([once(asked, 'data'), once(tunnelled, 'data')]);
  await until('both connections', () => open === 2);
  asked.destroy();
  tunnelled.destroy();
  await until('no connection', () => open === 0);
  expect(total).toBe(2);
});

it('answers hostile request lines with a refusal and lives on', async () => {
  const proxy = await startEgress();
  const source = await startHttpSource({ routes: { '/': textRoute(200, 'fine') } });
  const secret = `proxy-authorization: ${proxy.authorization}\r\n`;
  const hostile = [
    'GET',
    'GET / HTTP/1.1\r\n\r\n',
    `GET / HTTP/1.1\r\nhost: x\r\n${secret}\r\n`,
    `GET file:///etc/passwd HTTP/1.1\r\nhost: x\r\n${secret}\r\n`,
    `GET https://127.0.0.1:${source.port}/ HTTP/1.1\r\nhost: x\r\n${secret}\r\n`,
    `GET http:// HTTP/1.1\r\nhost: x\r\n${secret}\r\n`,
    `GET http://[::1/ HTTP/1.1\r\nhost: x\r\n${secret}\r\n`,
    `GET http://a:99999/ HTTP/1.1\r\nhost: x\r\n${secret}\r\n`,
    `GET http://localhost:${source.port}/\tHTTP/1.1 HTTP/1.1\r\nhost: x\r\n${secret}\r\n`,
    `CONNECT HTTP/1.1\r\n${secret}\r\n`,
    `CONNECT / HTTP/1.1\r\n${secret}\r\n`,
    `CONNECT :0 HTTP/1.1\r\n${secret}\r\n`,
    `CONNECT a:99999 HTTP/1.1\r\n${secret}\r\n`,
    `CONNECT [::1 HTTP/1.1\r\n${secret}\r\n`,
    `CONNECT localhost:0 HTTP/1.1\r\n${secret}\r\n`,
    `GET http://localhost:${source.port}/ HTTP/1.1\r\nhost: x\r\n${secret}transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\nabc`,
    '\0\0\0\0\r\n\r\n',
    `GET http://${'a'.repeat(100_000)}/ HTTP/1.1\r\n\r\n`,
    '\u0016\u0003\u0001\u0002\u0000\u0001\r\n\r\n',
  ];
  for (const text of hostile) {
    const socket = connect(proxy.port, '127.0.0.1');
    socket.on('error', () => undefined);
    let answer = '';
    socket.setEncoding('latin1').on('data', (piece) => {
      answer += piece;
    });
    socket.end(text);
    await new Promise((resolve) => socket.once('close', resolve));
    expect(answer, text.slice(0, 80)).not.toMatch(/^HTTP\/1\.1 2/);
  }
  expect(source.requests).toEqual([]);
  const fine = await ask(proxy, `${source.url}/`, { 'proxy-authorization': proxy.authorization });
  expect([fine.status, fine.body]).toEqual([200, 'fine']);
});

const odd: [answer: string, status: number][] = [
  ['HTTP/1.1 099 Early\r\nContent-Length: 5\r\n\r\nhello', 502],
  ['HTTP/1.1 000 Nothing\r\nContent-Length: 20\r\n\r\n#EXTM3U and no video', 502],
  ['HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n', 502],
  ['HTTP/1.1 200 OK\r\nTrailer: x\r\nContent-Length: 12\r\n\r\nhello, world', 200],
  ['HTTP/1.1 200 OK\r\nTrailer: x\r\nContent-Length: 8\r\n\r\n#EXTM3U\n', 200],
  ['HTTP/1.1 200 OK\r\nTrailer: x\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n#EXTM3U\n\r\n0\r\nx: y\r\n\r\n', 200],
  ['HTTP/1.1 204 No Content\r\nTrailer: x\r\n\r\n', 204],
  ['HTTP/1.1 304 Not Modified\r\nTrailer: x\r\nContent-Length: 5\r\n\r\n', 304],
];
it.each([false, true])('outlives whatever a source begins its answer with; under a policy: %s', async (isBound) => {
  const proxy = await startEgress(isBound);
  const answers = odd.map(([answer]) => answer);
  const source = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(answers.shift() ?? ''));
  });
  source.listen(0, '127.0.0.1');
  await once(source, 'listening');
  onTestFinished(() => void source.close());
  const { port } = source.address() as AddressInfo;
  for (const [answer, status] of odd) {
    const given = await ask(proxy, `http://localhost:${port}/`, { 'proxy-authorization': proxy.authorization });
    expect(given.status, answer).toBe(status);
  }
});

it('leaves nothing when it is closed: no listener, no connection to either side', async () => {
  const proxy = await startEgress();
  let open = 0;
  const { port } = await listening((socket) => {
    open += 1;
    socket.on('close', () => {
      open -= 1;
    });
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\nendless'));
  });
  const secret = `proxy-authorization: ${proxy.authorization}\r\n`;
  const clients = [
    `GET http://127.0.0.1:${port}/ HTTP/1.1\r\nhost: x\r\n${secret}\r\n`,
    `CONNECT 127.0.0.1:${port} HTTP/1.1\r\n${secret}\r\nhello`,
    'GET http://half-a-request',
  ].map((text) => {
    const socket = connect(proxy.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.resume();
    socket.write(text);
    return socket;
  });
  await until('both to be connected', () => open === 2);
  const gone = clients.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
  await proxy.egress.close();
  await Promise.all(gone);
  await until('no connection to the source', () => open === 0);
  await expect(ask(proxy, `http://127.0.0.1:${port}/`, {})).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

it('resolves names for protocols without a proxy', async () => {
  const local = await resolveAddresses('localhost');
  expect(local.length).toBeGreaterThan(0);
  for (const { address } of local) expect(address).toMatch(/^(127\.0\.0\.1|::1)$/);
  expect(await resolveAddresses('[::1]')).toEqual([{ address: '::1', family: 6 }]);
  await expect(resolveAddresses('no-such-host.invalid')).rejects.toMatchObject({
    code: 'source-unavailable',
    retryable: true,
  });
});
