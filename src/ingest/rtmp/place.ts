import { type AmfValue, decodeAmf0, encodeAmf0 } from './protocol/amf0.js';
import { concatBytes, noBytes } from './protocol/bytes.js';
import { createChunkReader } from './protocol/chunk-reader.js';
import { createChunkWriter } from './protocol/chunk-writer.js';
import { parseCommand } from './protocol/command.js';
import { createServerHandshake, type HandshakeOptions, handshakePacketBytes } from './protocol/handshake.js';
import { messageType, type RtmpMessage, type ViolationCode } from './protocol/message.js';
import { connectRejected } from './protocol/replies.js';

/** What a player requests from an RTMP server. Contains secrets. */
export interface RtmpPlace {
  readonly app: string;
  readonly playPath: string;
  /** The application's URL. */
  readonly tcUrl: string;
}

/** Parses an RTMP URL exactly like ffmpeg, because servers identify streams by the exact text. Pure. */
export function rtmpPlace(url: string): RtmpPlace {
  const [, before = '', port, path = ''] =
    /^([a-z]+:\/\/(?:[^/?#]*@)?(?:\[[^\]]*\]|[^:/?#]*))(?::(\d*))?([/?#].*)?$/is.exec(url) ?? [];
  // After a space come parameters of another library, which ffmpeg drops.
  const { app, name } = splitPath(path.split(' ', 1)[0] ?? '');
  const scheme = before.slice(0, before.indexOf(':')).toLowerCase();
  const host = before.replace(/^[a-z]+:\/\/(?:.*@)?/is, '');
  const ending = name.slice(-4);
  const isFile = !name.includes(':') && (ending === '.mp4' || ending === '.f4v');
  const bare = ending === '.flv' && !isFile ? name.slice(0, -4) : name;
  return {
    app,
    playPath: isFile ? `mp4:${name}` : bare,
    tcUrl: `${scheme}://${host}:${port || (scheme === 'rtmps' ? 443 : 1935)}/${app}`,
  };
}

/** The application is the first one or two parts of the path. */
function splitPath(path: string): { readonly app: string; readonly name: string } {
  const whole = path.slice(1);
  const list = path.includes('?') ? path.indexOf('slist=', path.indexOf('?')) : -1;
  if (list >= 0) return { app: whole, name: path.slice(list + 'slist='.length).replace(/&.*$/s, '') };
  if (path.startsWith('/ondemand/')) return { app: 'ondemand', name: path.slice('/ondemand/'.length) };
  const first = whole.indexOf('/');
  if (first < 0) return { app: whole, name: '' };
  const second = whole.indexOf('/', first + 1);
  const colon = whole.indexOf(':', first + 1);
  const end = second < 0 || (colon >= 0 && colon < second) ? first : second;
  return { app: whole.slice(0, end), name: whole.slice(end + 1) };
}

/** Passes on a player's bytes with another app and stream name. */
export interface PlaceRewriter {
  /** The bytes for the server that replace these. Empty after a violation. */
  receive(bytes: Uint8Array): Uint8Array;
  readonly violation: ViolationCode | undefined;
}

export interface PlaceRewriterOptions {
  /** The values that the player received. They must be unlikely to occur by chance. */
  readonly from: RtmpPlace;
  readonly to: RtmpPlace;
  /** Replaces the login that the player appends to the application for a server that requires one. */
  readonly login?: (appended: string) => string;
}

/** A player opens two or three chunk streams, and its longest message is `connect`. */
const limits = { chunkStreams: 16, messageBytes: 65_536, bufferedBytes: 131_072, firstAllocationBytes: 1024 };

/** The handshake passes unchanged: it contains no names, and its digests are between player and server. Pure. */
export function createPlaceRewriter({ from, to, login = (appended) => appended }: PlaceRewriterOptions): PlaceRewriter {
  const reader = createChunkReader(limits);
  const writer = createChunkWriter();
  // C0, C1 and C2.
  let handshakeLeft = 1 + 2 * handshakePacketBytes;
  let violation: ViolationCode | undefined;

  const rewriteText = (text: string): string => {
    if (text === from.playPath) return to.playPath;
    for (const part of ['tcUrl', 'app'] as const) {
      if (text.startsWith(from[part])) return to[part] + login(text.slice(from[part].length));
    }
    return text;
  };
  const rewriteValue = (value: AmfValue): AmfValue => {
    if (typeof value === 'string') return rewriteText(value);
    if (value instanceof Map) {
      return new Map([...value].map(([key, member]: [string, AmfValue]) => [key, rewriteValue(member)]));
    }
    return value;
  };
  const rewriteMessage = (message: RtmpMessage): RtmpMessage => {
    if (message.type !== messageType.commandAmf0) return message;
    const values = decodeAmf0(message.payload);
    if (values === undefined) {
      violation = 'command-malformed';
      return message;
    }
    return { ...message, payload: encodeAmf0(...values.map(rewriteValue)) };
  };

  return {
    get violation() {
      return violation ?? reader.violation;
    },
    receive(bytes) {
      const verbatim = bytes.subarray(0, handshakeLeft);
      handshakeLeft -= verbatim.length;
      const out: Uint8Array[] = [verbatim];
      reader.feed(bytes.subarray(verbatim.length));
      for (let message = reader.next(); message !== undefined; message = reader.next()) {
        const rewritten = rewriteMessage(message);
        if (violation !== undefined) return noBytes;
        out.push(writer.write(rewritten));
      }
      return reader.violation === undefined ? concatBytes(out) : noBytes;
    },
  };
}

/** A server that refuses every player and states the reason. */
export interface RefusingServer {
  /** The response to these bytes. */
  receive(bytes: Uint8Array): Uint8Array;
  /** The reason was sent, or the request was invalid: nothing more follows. */
  readonly done: boolean;
}

export function createRefusingServer(reason: string, cryptography: HandshakeOptions): RefusingServer {
  const handshake = createServerHandshake(cryptography);
  const reader = createChunkReader(limits);
  const writer = createChunkWriter();
  let done = false;
  return {
    get done() {
      return done;
    },
    receive(bytes) {
      const { consumed, outgoing } = handshake.done ? { consumed: 0, outgoing: noBytes } : handshake.receive(bytes);
      if (handshake.violation !== undefined) done = true;
      if (!handshake.done || done) return outgoing;
      const out: Uint8Array[] = [outgoing];
      reader.feed(bytes.subarray(consumed));
      for (let message = reader.next(); message !== undefined && !done; message = reader.next()) {
        const command = parseCommand(message);
        if (message.type !== messageType.commandAmf0 || command === undefined) continue;
        out.push(writer.write(connectRejected(command.transaction, reason)));
        done = true;
      }
      done ||= reader.violation !== undefined;
      return concatBytes(out);
    },
  };
}
