import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { findFfmpeg } from '../../../src/ffmpeg/locate.js';
import { openRtmpRelay } from '../../../src/ingest/relay/rtmp.js';
import { createPlaceRewriter, createRefusingServer, rtmpPlace } from '../../../src/ingest/rtmp/place.js';
import { type AmfValue, decodeAmf0, encodeAmf0 } from '../../../src/ingest/rtmp/protocol/amf0.js';
import { concatBytes } from '../../../src/ingest/rtmp/protocol/bytes.js';
import { createChunkReader } from '../../../src/ingest/rtmp/protocol/chunk-reader.js';
import { createChunkWriter } from '../../../src/ingest/rtmp/protocol/chunk-writer.js';
import { createServerHandshake } from '../../../src/ingest/rtmp/protocol/handshake.js';
import { messageType, type RtmpMessage } from '../../../src/ingest/rtmp/protocol/message.js';
import {
  connectAccepted,
  connectRejected,
  createStreamResult,
  onStatus,
} from '../../../src/ingest/rtmp/protocol/replies.js';
import { commandMessage, cryptography, handshakeEnd, handshakeStart, object } from '../../support/rtmp-bytes.js';
import { testCertificate } from '../../support/rtmp-certificate.js';

const limits = { chunkStreams: 64, messageBytes: 1e5, bufferedBytes: 1e6, firstAllocationBytes: 64 };

/** What a player asked for, in the words that it used. */
type Asked = readonly AmfValue[];

/** Why a server refuses a `connect` for this application; undefined: it does not. */
type Refusal = (app: string) => string | undefined;

interface PlayServerOptions {
  readonly secure?: boolean;
  readonly refusal?: Refusal;
}

/** A server that notes what it is asked, and ends each player's `play` with "not found". */
async function startPlayServer({
  secure = false,
  refusal = () => undefined,
}: PlayServerOptions = {}): Promise<{ port: number; asked: Asked[] }> {
  const asked: Asked[] = [];
  const serve = (socket: Socket): void => {
    const handshake = createServerHandshake(cryptography);
    const reader = createChunkReader(limits);
    const writer = createChunkWriter();
    const answer = ([name, transaction, properties]: Asked): readonly RtmpMessage[] => {
      const reason =
        name === 'connect' && properties instanceof Map ? refusal(String(properties.get('app'))) : undefined;
      if (reason !== undefined) return [connectRejected(Number(transaction), reason)];
      if (name === 'connect') return [connectAccepted(Number(transaction), undefined)];
      if (name === 'createStream') return [createStreamResult(Number(transaction), 1)];
      return name === 'play' ? [onStatus(1, 'error', 'NetStream.Play.StreamNotFound', 'StreamNotFound')] : [];
    };
    socket.on('error', () => socket.destroy());
    socket.on('data', (piece: Buffer) => {
      const { consumed, outgoing } = handshake.done ? { consumed: 0, outgoing: '' } : handshake.receive(piece);
      socket.write(outgoing);
      if (!handshake.done) return;
      reader.feed(piece.subarray(consumed));
      for (let message = reader.next(); message !== undefined; message = reader.next()) {
        if (message.type !== messageType.commandAmf0) continue;
        const values = decodeAmf0(message.payload) ?? [];
        asked.push(values);
        for (const reply of answer(values)) socket.write(writer.write(reply));
      }
    });
  };
  const server = secure ? createTlsServer(testCertificate, serve) : createServer(serve);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, asked };
}

interface Login {
  readonly isRight: boolean;
}

const md5 = (text: string, encoding: 'hex' | 'base64') => createHash('md5').update(text).digest(encoding);

/** The two schemes as servers check them, written down a second time. */
function loginServer(
  kind: 'adobe' | 'llnw',
  { user, password }: { user: string; password: string },
  logins: Login[],
): Refusal {
  const at = `[ AccessManager.Reject ] : [ authmod=${kind} ] : `;
  const challenge = kind === 'adobe' ? 'salt=s+lt==&challenge=c==&opaque=o==' : 'nonce=n==';
  return (app) => {
    const fields = new Map([...app.matchAll(/[?&]([a-z]+)=([^&]*)/g)].map(([, name, value]) => [name, value] as const));
    if (!fields.has('authmod')) return `[ AccessManager.Reject ] : [ code=403 need auth; authmod=${kind} ] : `;
    if (fields.get('user') !== user) return `${at}?reason=nosuchuser&opaque=`;
    if (!fields.has('response')) return `${at}?reason=needauth&user=${user}&${challenge}`;
    const right =
      kind === 'adobe'
        ? md5(`${md5(`${user}s+lt==${password}`, 'base64')}o==${fields.get('challenge')}`, 'base64')
        : md5(
            `${md5(`${user}:live:${password}`, 'hex')}:n==:${fields.get('nc')}:${fields.get('cnonce')}:auth:${md5('publish:/live/_definst_', 'hex')}`,
            'hex',
          );
    logins.push({ isRight: fields.get('response') === right });
    return fields.get('response') === right ? undefined : `${at}?reason=authfailed&opaque=o==`;
  };
}

/** What ffmpeg says of a source; it never plays. */
async function ffmpegSays(url: string): Promise<string> {
  const path = await findFfmpeg(undefined);
  const args = ['-v', 'info', '-rw_timeout', '10000000', '-rtmp_live', 'live', '-i', url, '-f', 'null', '-'];
  return new Promise((resolve) => {
    execFile(path, args, { timeout: 20_000 }, (_error, _stdout, stderr) => resolve(stderr));
  });
}

async function relayTo(url: string, isOwn = async () => true): Promise<string> {
  const relay = await openRtmpRelay({ url, networks: undefined, isOwn });
  onTestFinished(() => relay.close());
  return relay.url;
}

/** What a server is asked for, without what differs between connections. */
function placesOf(asked: readonly Asked[]): unknown {
  return asked.map((values) =>
    values.map((value) => (value instanceof Map ? { app: value.get('app'), tcUrl: value.get('tcUrl') } : value)),
  );
}

describe('the RTMP relay', () => {
  it.each([
    'live/cam?key=se/cret',
    'live/cam',
    'live/room/cam?user=u&password=p%40',
    'live',
    'live/',
    'live/mp4:a/b',
    'live/a/mp4:b',
    'live/x.mp4',
    'live/x.flv',
    'live/x.f4v?token=a.mp4',
    'live/a/b/c',
    'ondemand/a/b',
    'live?slist=a/b&x=y',
    'live/cam?x=slist=1',
    'live/ö',
    '?key=a',
    'live//x',
    'live/a b=c live=1',
    'live/x#y',
  ])('asks the server for what ffmpeg itself asks for: %s', async (path) => {
    const server = await startPlayServer();
    const url = `rtmp://127.0.0.1:${server.port}/${path}`;
    await ffmpegSays(url);
    const direct = server.asked.splice(0);
    const concealed = await relayTo(url);
    const said = await ffmpegSays(concealed);
    expect(concealed).toMatch(/^rtmp:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/[0-9a-f]{32}$/);
    expect(direct.length).toBeGreaterThan(2);
    expect(placesOf(server.asked), said).toEqual(placesOf(direct));
  });
});

describe('the RTMP relay, for all else', () => {
  it('speaks TLS to RTMPS servers', async () => {
    const server = await startPlayServer({ secure: true });
    const said = await ffmpegSays(await relayTo(`rtmps://localhost:${server.port}/live/cam?key=secret`));
    expect(placesOf(server.asked.slice(0, 1)), said).toEqual([
      ['connect', 1, { app: 'live', tcUrl: `rtmps://localhost:${server.port}/live` }],
    ]);
    expect(server.asked.at(-1)).toContain('cam?key=secret');
    expect(said).toContain('StreamNotFound');
  });

  it.each(['adobe', 'llnw'] as const)('answers a server that wants a login of the kind %s', async (kind) => {
    for (const password of ['right:@=&', 'wrong']) {
      const logins: Login[] = [];
      const server = await startPlayServer({
        refusal: loginServer(kind, { user: 'viewer', password: 'right:@=&' }, logins),
      });
      const url = `rtmp://viewer:${password}@127.0.0.1:${server.port}/live/cam`;
      const direct = await ffmpegSays(url);
      expect(
        logins.map(({ isRight }) => isRight),
        direct,
      ).toEqual([password !== 'wrong']);
      const concealed = await relayTo(url);
      expect(concealed).not.toContain(password);
      const said = await ffmpegSays(concealed);
      expect(
        logins.map(({ isRight }) => isRight),
        said,
      ).toEqual(Array(2).fill(password !== 'wrong'));
      expect(server.asked.filter(([name]) => name === 'play')).toHaveLength(password === 'wrong' ? 0 : 2);
    }
  });

  it('serves ffmpeg again while the run lives, and not after it', async () => {
    const server = await startPlayServer();
    const relay = await openRtmpRelay({
      url: `rtmp://127.0.0.1:${server.port}/live/cam`,
      networks: undefined,
      isOwn: async () => true,
    });
    await ffmpegSays(relay.url);
    await ffmpegSays(relay.url);
    expect(server.asked.filter(([name]) => name === 'play')).toHaveLength(2);
    relay.close();
    expect(await ffmpegSays(relay.url)).toContain('Connection refused');
    expect(server.asked.filter(([name]) => name === 'connect')).toHaveLength(2);
  });

  it('tells ffmpeg why the server cannot be reached', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    expect(await ffmpegSays(await relayTo(`rtmp://127.0.0.1:${port}/live/cam`))).toContain('Connection refused');
    expect(await ffmpegSays(await relayTo('rtmp://no-such-host.invalid/live/cam'))).toContain(
      'Name or service not known',
    );
  });

  it('connects to no address that the policy does not allow', async () => {
    const server = await startPlayServer();
    const url = `rtmp://localhost:${server.port}/live/cam`;
    const relay = await openRtmpRelay({ url, networks: {}, isOwn: async () => true });
    onTestFinished(() => relay.close());
    expect(await ffmpegSays(relay.url)).toContain('Address not allowed');
    expect(server.asked).toEqual([]);
  });

  it('closes the connection of a process of another user, and connects nowhere for it', async () => {
    const server = await startPlayServer();
    const url = await relayTo(`rtmp://127.0.0.1:${server.port}/live/cam`, async () => false);
    const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
    socket.write(concatBytes([handshakeStart(), handshakeEnd()]));
    let answer = '';
    socket.on('data', (piece) => {
      answer += piece;
    });
    await once(socket, 'close');
    expect(answer).toBe('');
    expect(server.asked).toEqual([]);
  });

  it('closes the connection of a player that speaks no RTMP', async () => {
    const server = await startPlayServer();
    const url = await relayTo(`rtmp://127.0.0.1:${server.port}/live/cam`);
    const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
    socket.write(concatBytes([handshakeStart(), handshakeEnd(), new Uint8Array(64).fill(0xff)]));
    socket.resume();
    await once(socket, 'close');
    expect(server.asked).toEqual([]);
  });
});

const from = { app: 'a'.repeat(32), playPath: 'b'.repeat(32), tcUrl: `rtmp://127.0.0.1:1/${'a'.repeat(32)}` };
const to = rtmpPlace('rtmps://camera/live/room/cam?key=secret');

/** What comes out, and what it is to a server. */
function rewritten(bytes: Uint8Array, cuts: readonly number[]) {
  const rewriter = createPlaceRewriter({ from, to });
  const places = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  const out = concatBytes(places.slice(1).map((end, index) => rewriter.receive(bytes.slice(places[index], end))));
  const reader = createChunkReader(limits);
  reader.feed(out.subarray(1 + 2 * 1536));
  const messages: RtmpMessage[] = [];
  for (let message = reader.next(); message !== undefined; message = reader.next()) messages.push(message);
  return { out, messages, violation: rewriter.violation };
}

const anyText = fc.oneof(fc.string(), fc.constantFrom(from.app, from.playPath, `${from.app}?x`, `${from.tcUrl}?x`));
const anyValue = fc.oneof(anyText, fc.double({ noNaN: true }), fc.boolean(), fc.constant(null));
const anyMessage = fc.record({
  chunkStreamId: fc.integer({ min: 3, max: 9 }),
  type: fc.constantFrom(messageType.acknowledgement, messageType.userControl, messageType.commandAmf0),
  streamId: fc.nat(3),
  timestamp: fc.nat(0xffffffff),
  payload: fc.array(anyValue, { maxLength: 5 }).map((values) => encodeAmf0('play', 1, ...values)),
});

describe('what a player sends, with another place in it', () => {
  const start = concatBytes([handshakeStart(0), handshakeEnd()]);

  it('is the same in any pieces, and but for the place what was sent', () => {
    const expected = (text: string) =>
      text.replace(from.tcUrl, () => to.tcUrl).replace(new RegExp(`^${from.app}`), () => to.app);
    fc.assert(
      fc.property(
        fc.array(anyMessage, { maxLength: 8 }),
        fc.array(fc.nat(4000), { maxLength: 12 }),
        fc.boolean(),
        (messages, cuts, compressHeaders) => {
          const writer = createChunkWriter({ compressHeaders });
          const bytes = concatBytes([start, ...messages.map((message) => writer.write(message))]);
          const inside = cuts.filter((cut) => cut < bytes.length);
          const { out, messages: received, violation } = rewritten(bytes, inside);
          expect(violation).toBeUndefined();
          expect(out).toEqual(rewritten(bytes, []).out);
          expect(out.subarray(0, start.length)).toEqual(start);
          expect(received.map(({ payload: _, ...rest }) => rest)).toEqual(
            messages.map(({ payload: _, ...rest }) => rest),
          );
          for (const [index, { type, payload }] of messages.entries()) {
            const values = decodeAmf0(received[index]!.payload);
            const sent = decodeAmf0(payload)!;
            if (type !== messageType.commandAmf0) expect(values).toEqual(sent);
            else
              expect(values).toEqual(
                sent.map((value) =>
                  typeof value === 'string' ? (value === from.playPath ? to.playPath : expected(value)) : value,
                ),
              );
          }
        },
      ),
    );
  });

  it('never holds more than a message, and ends with what is no RTMP', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (pieces) => {
        const rewriter = createPlaceRewriter({ from, to });
        rewriter.receive(start);
        for (const piece of pieces) rewriter.receive(piece);
        if (rewriter.violation !== undefined) expect(rewriter.receive(Uint8Array.of(1, 2, 3))).toHaveLength(0);
      }),
    );
    const endless = commandMessage(0, 'connect', 1, object({ app: 'x'.repeat(16_000), tcUrl: 'x'.repeat(60_000) }));
    expect(rewritten(concatBytes([start, createChunkWriter().write(endless)]), []).violation).toBe('message-too-large');
  });
});

it('a server that refuses says why, to any player, in any pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3200), { maxLength: 8 }), fc.constantFrom(undefined, 0, 1), (cuts, scheme) => {
      const connectTo = createChunkWriter().write(commandMessage(0, 'connect', 1, object({ app: 'live' })));
      const bytes = concatBytes([handshakeStart(scheme as 0), handshakeEnd(), connectTo]);
      const server = createRefusingServer('No route to host', cryptography);
      const places = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
      const out = concatBytes(places.slice(1).map((end, index) => server.receive(bytes.slice(places[index], end))));
      expect(server.done).toBe(true);
      expect(Buffer.from(out.subarray(1 + 2 * 1536))).toEqual(
        Buffer.from(createChunkWriter().write(connectRejected(1, 'No route to host'))),
      );
    }),
  );
});
