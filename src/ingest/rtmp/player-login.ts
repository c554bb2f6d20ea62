import { createHash } from 'node:crypto';
import { createChunkReader } from './protocol/chunk-reader.js';
import { parseCommand } from './protocol/command.js';
import { handshakePacketBytes } from './protocol/handshake.js';
import { messageType } from './protocol/message.js';

/** User and password as written in an RTMP URL: ffmpeg does not decode them. */
export interface RtmpCredentials {
  readonly user: string;
  readonly password: string;
}

/** A server's login challenge. */
export interface LoginChallenge {
  readonly salt: string;
  readonly challenge: string;
}

/** Undefined unless the URL has both: ffmpeg requires both. */
export function rtmpCredentials(url: string): RtmpCredentials | undefined {
  const [, user, password = ''] = /^[a-z]+:\/\/([^:/?#]*):([^/?#]*)@/i.exec(url) ?? [];
  return user === undefined ? undefined : { user, password };
}

/**
 * The login that ffmpeg appends to the application, `?authmod=…`, recalculated with these credentials, because ffmpeg calculated it from
 * placeholders. Supports both of ffmpeg's methods: `adobe` and `llnw`.
 */
export function loginOf(
  appended: string,
  { user, password }: RtmpCredentials,
  { app, asked }: { readonly app: string; readonly asked: LoginChallenge | undefined },
): string {
  const fields = new Map(appended.slice(1).split('&').map(splitField));
  if (!fields.has('authmod')) return appended;
  fields.set('user', user);
  const field = (name: string) => fields.get(name) ?? '';
  if (!fields.has('response')) return joinFields(fields);
  if (field('authmod') === 'adobe') {
    const { salt = '', challenge = '' } = asked ?? {};
    const known = md5(user + salt + password, 'base64');
    fields.set('response', md5(known + (fields.get('opaque') ?? challenge) + field('challenge'), 'base64'));
  } else {
    const known = md5(`${user}:live:${password}`, 'hex');
    const method = md5(`publish:/${app}${app.includes('/') ? '' : '/_definst_'}`, 'hex');
    const nonces = `${field('nonce')}:${field('nc')}:${field('cnonce')}`;
    fields.set('response', md5(`${known}:${nonces}:auth:${method}`, 'hex'));
  }
  return joinFields(fields);
}

/** No URL encoding: values of servers and ffmpeg contain `=` and `+`. */
function splitField(field: string): [name: string, value: string] {
  const at = field.indexOf('=');
  return at < 0 ? [field, ''] : [field.slice(0, at), field.slice(at + 1)];
}

function joinFields(fields: ReadonlyMap<string, string>): string {
  return `?${[...fields].map(([name, value]) => `${name}=${value}`).join('&')}`;
}

function md5(text: string, encoding: 'base64' | 'hex'): string {
  return createHash('md5').update(text).digest(encoding);
}

/** Finds a login challenge in a server's bytes: in the response that rejects `connect`. */
export interface ChallengeReader {
  receive(bytes: Uint8Array): LoginChallenge | undefined;
}

const limits = { chunkStreams: 16, messageBytes: 65_536, bufferedBytes: 131_072, firstAllocationBytes: 1024 };

/** Stops after that response. */
export function createChallengeReader(): ChallengeReader {
  const reader = createChunkReader(limits);
  // S0, S1 and S2.
  let handshakeLeft = 1 + 2 * handshakePacketBytes;
  let done = false;
  return {
    receive(bytes) {
      if (done) return undefined;
      const skipped = Math.min(handshakeLeft, bytes.length);
      handshakeLeft -= skipped;
      reader.feed(bytes.subarray(skipped));
      for (let message = reader.next(); message !== undefined; message = reader.next()) {
        if (message.type !== messageType.commandAmf0) continue;
        const command = parseCommand(message);
        if (command?.name !== '_error' && command?.name !== '_result') continue;
        done = true;
        return challengeIn(command.values.at(-1));
      }
      done = reader.violation !== undefined;
      return undefined;
    },
  };
}

function challengeIn(information: unknown): LoginChallenge | undefined {
  const description: unknown = information instanceof Map ? information.get('description') : undefined;
  if (typeof description !== 'string') return undefined;
  const field = (name: string) => new RegExp(`[?&]${name}=([^&]*)`).exec(description)?.[1] ?? '';
  return description.includes('authmod=') ? { salt: field('salt'), challenge: field('challenge') } : undefined;
}
