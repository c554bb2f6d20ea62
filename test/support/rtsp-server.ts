import { createHash, randomBytes } from 'node:crypto';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { onTestFinished } from 'vitest';

export interface RtspServerOptions {
  /** Where it listens. */
  readonly host?: string;
  /** Where players are sent instead. */
  readonly redirect?: string;
  /** RTSP over TLS. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Asked of players; publishers may come as they are. */
  readonly auth?: { readonly scheme: 'basic' | 'digest'; readonly user: string; readonly password: string };
}

export interface RtspServer {
  readonly port: number;
  /** What the name `localhost` stands for here: the embedded ffmpeg cannot look it up itself. */
  readonly address: string;
  /** Players that were let in by PLAY, so far. */
  readonly plays: number;
  /** Requests that were answered 401. */
  readonly refused: number;
  /** The transports that players asked for. */
  readonly transports: readonly string[];
  /** Settles when a publisher has begun to send. */
  readonly published: Promise<void>;
  /** True: players get nothing more, though their connections stay open. */
  stall(on: boolean): void;
  /** True: players get nothing of the second track, which is a camera's audio. */
  mute(on: boolean): void;
  /** Cuts the connections of all players. */
  drop(): void;
  close(): Promise<void>;
}

interface RtspRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

interface Peer {
  readonly socket: Socket;
  role: 'new' | 'publisher' | 'player';
  playing: boolean;
  /** Interleaved channel of each track's RTP; RTCP is on the next one. */
  readonly channels: Map<string, number>;
}

/** A relay for one stream over TCP: one publishes by ANNOUNCE and RECORD, others play by DESCRIBE, SETUP and PLAY. */
export async function startRtspServer({
  auth,
  tls,
  redirect,
  host = 'localhost',
}: RtspServerOptions = {}): Promise<RtspServer> {
  const peers = new Set<Peer>();
  const nonce = randomBytes(8).toString('hex');
  const transports: string[] = [];
  let description = '';
  let plays = 0;
  let refused = 0;
  let stalled = false;
  let muted = false;
  let begin = (): void => {};
  const published = new Promise<void>((resolve) => {
    begin = resolve;
  });

  const relay = (from: Peer, channel: number, payload: Buffer) => {
    if (from.role !== 'publisher' || stalled) return;
    for (const [index, [track, first]] of [...from.channels].entries()) {
      if (channel !== first && channel !== first + 1) continue;
      if (muted && index === 1) continue;
      for (const peer of peers) {
        const to = peer.channels.get(track);
        if (!peer.playing || to === undefined) continue;
        const head = Buffer.from([0x24, to + channel - first, 0, 0]);
        head.writeUInt16BE(payload.length, 2);
        peer.socket.write(Buffer.concat([head, payload]));
      }
    }
  };

  const answer = (peer: Peer, request: RtspRequest) => {
    const reply = (status: string, headers: readonly string[] = [], body = '') =>
      peer.socket.write(
        [
          `RTSP/1.0 ${status}`,
          `CSeq: ${request.headers.get('cseq')}`,
          'Session: 12345678',
          ...headers,
          `Content-Length: ${Buffer.byteLength(body)}`,
          '',
          body,
        ].join('\r\n'),
      );
    if (request.method === 'OPTIONS') {
      return reply('200 OK', ['Public: OPTIONS, DESCRIBE, ANNOUNCE, SETUP, PLAY, RECORD, TEARDOWN, GET_PARAMETER']);
    }
    if (request.method === 'ANNOUNCE') peer.role = 'publisher';
    else if (peer.role === 'new') peer.role = 'player';
    if (peer.role === 'player' && auth !== undefined && !isAllowed(request, auth, nonce)) {
      refused += 1;
      const challenge = auth.scheme === 'basic' ? 'Basic realm="cam"' : `Digest realm="cam", nonce="${nonce}"`;
      return reply('401 Unauthorized', [`WWW-Authenticate: ${challenge}`]);
    }
    switch (request.method) {
      case 'ANNOUNCE':
        description = request.body;
        return reply('200 OK');
      case 'DESCRIBE':
        if (redirect !== undefined) return reply('302 Moved Temporarily', [`Location: ${redirect}`]);
        return reply('200 OK', ['Content-Type: application/sdp', `Content-Base: ${request.url}/`], description);
      case 'SETUP': {
        const transport = request.headers.get('transport') ?? '';
        if (peer.role === 'player') transports.push(transport);
        const channel = /interleaved=(\d+)-/.exec(transport)?.[1];
        if (channel === undefined) return reply('461 Unsupported Transport');
        peer.channels.set(request.url.split('/').at(-1)!, Number(channel));
        return reply('200 OK', [`Transport: ${transport}`]);
      }
      case 'RECORD':
        begin();
        return reply('200 OK');
      case 'PLAY':
        plays += 1;
        reply('200 OK');
        peer.playing = true;
        return;
      case 'TEARDOWN':
        reply('200 OK');
        return peer.socket.end();
      default:
        return reply('200 OK');
    }
  };

  const accept = (socket: Socket) => {
    const peer: Peer = { socket, role: 'new', playing: false, channels: new Map() };
    peers.add(peer);
    socket.on('error', () => undefined);
    socket.on('close', () => peers.delete(peer));
    const read = createReader({
      onFrame: (channel, payload) => relay(peer, channel, payload),
      onRequest: (request) => void answer(peer, request),
    });
    socket.on('data', read);
  };
  const server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const { socket } of peers) socket.destroy();
    });
  onTestFinished(close);
  const { port, address, family } = server.address() as AddressInfo;
  return {
    port,
    address: family === 'IPv6' ? `[${address}]` : address,
    get plays() {
      return plays;
    },
    get refused() {
      return refused;
    },
    transports,
    published,
    stall: (on) => {
      stalled = on;
    },
    mute: (on) => {
      muted = on;
    },
    drop: () => {
      for (const { role, socket } of peers) if (role === 'player') socket.destroy();
    },
    close,
  };
}

interface ReaderEvents {
  readonly onFrame: (channel: number, payload: Buffer) => void;
  readonly onRequest: (request: RtspRequest) => void;
}

/** Splits what a connection sends into interleaved frames and requests, cut anywhere. */
function createReader({ onFrame, onRequest }: ReaderEvents): (piece: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  const take = (): boolean => {
    if (rest[0] === 0x24) {
      const end = rest.length < 4 ? Number.POSITIVE_INFINITY : 4 + rest.readUInt16BE(2);
      if (rest.length < end) return false;
      onFrame(rest[1]!, rest.subarray(4, end));
      rest = rest.subarray(end);
      return true;
    }
    const headEnd = rest.indexOf('\r\n\r\n');
    if (headEnd === -1) return false;
    const [first = '', ...lines] = rest.subarray(0, headEnd).toString('utf8').split('\r\n');
    const headers = new Map(lines.map((line) => [line.split(':')[0]!.toLowerCase(), line.replace(/^[^:]*:\s*/, '')]));
    const end = headEnd + 4 + Number(headers.get('content-length') ?? 0);
    if (rest.length < end) return false;
    const [method = '', url = ''] = first.split(' ');
    const body = rest.subarray(headEnd + 4, end).toString('utf8');
    rest = rest.subarray(end);
    onRequest({ method, url, headers, body });
    return true;
  };
  return (piece) => {
    rest = Buffer.concat([rest, piece]);
    while (rest.length > 0 && take());
  };
}

function isAllowed(request: RtspRequest, auth: NonNullable<RtspServerOptions['auth']>, nonce: string): boolean {
  const { user, password, scheme } = auth;
  const given = request.headers.get('authorization') ?? '';
  if (scheme === 'basic') return given === `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const field = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(given)?.[1];
  const md5 = (text: string) => createHash('md5').update(text).digest('hex');
  const expected = md5(`${md5(`${user}:cam:${password}`)}:${nonce}:${md5(`${request.method}:${field('uri')}`)}`);
  return field('username') === user && field('nonce') === nonce && field('response') === expected;
}
