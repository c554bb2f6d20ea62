import { request as httpRequest, type IncomingMessage, type RequestOptions, type ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Transform } from 'node:stream';
import { ENCODING_REFUSED, failureWords, PLAYLIST_REFUSED } from '../failure-words.js';
import type { Networks } from '../networks.js';
import { lookupAmong, resolveAddresses } from '../resolve.js';
import { createRelayBody, type RelayBody } from './body.js';
import { relayPlaylist } from './playlist.js';
import { parseRelayUrl, type RelayTarget, relayLocation } from './url.js';

/** The response headers that ffmpeg needs. Others, such as an encoding or proxy headers, are dropped. */
const RESPONSE_HEADERS: ReadonlySet<string> = new Set([
  ...['accept-ranges', 'content-length', 'content-range', 'content-type', 'date', 'last-modified', 'location'],
  ...['retry-after', 'set-cookie', 'www-authenticate', 'icy-name', 'icy-metaint'],
]);

/**
 * Relays one request of an ffmpeg under a policy: resolves the host, checks each address and connects only to checked addresses.
 * Redirects are returned to ffmpeg, whose next request is checked here again.
 */
export async function relayBound(
  request: IncomingMessage,
  response: ServerResponse,
  networks: Networks,
): Promise<void> {
  response.on('error', () => response.destroy());
  const target = parseRelayUrl(request.url ?? '');
  if (target === undefined) {
    response.writeHead(400, { 'content-length': 0 }).end();
    return;
  }
  const host = target.host.replace(/^\[|\]$/g, '');
  try {
    const addresses = await resolveAddresses(host, networks);
    if (response.destroyed) return;
    const onward = begin(request, target, { host, lookup: lookupAmong(addresses) });
    onward.on('response', (answer) => passOn(answer, response, target));
    onward.on('upgrade', (_answer, socket) => fail(response, socket.destroy()));
    onward.on('error', (error) => fail(response, error));
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  } catch (error) {
    fail(response, error);
  }
}

function begin(
  request: IncomingMessage,
  { secure, port, path, host }: RelayTarget,
  to: Pick<RequestOptions, 'host' | 'lookup'>,
) {
  const { 'proxy-authorization': _password, 'proxy-connection': _hop, ...headers } = request.headers;
  const authority = port === (secure ? 443 : 80) ? host : `${host}:${port}`;
  const options = {
    ...to,
    port,
    path,
    method: request.method ?? 'GET',
    headers: { ...headers, host: authority, connection: 'close', 'accept-encoding': 'identity' },
    agent: false,
    // Cameras use self-signed certificates, and ffmpeg does not verify them either.
    rejectUnauthorized: false,
  } as const;
  return secure ? httpsRequest(options) : httpRequest(options);
}

function passOn(answer: IncomingMessage, response: ServerResponse, target: RelayTarget): void {
  answer.on('error', () => response.destroy());
  // The request asked for none. ffmpeg would decode the body, and so read what the relay cannot check.
  if (!/^(?:identity)?$/i.test(answer.headers['content-encoding']?.trim() ?? '')) {
    refuse(answer, response, ENCODING_REFUSED);
    return;
  }
  const headers = headersFor(answer.headers, target);
  const body = createRelayBody();
  const onPiece = (piece: Buffer) => {
    const { kind, bytes } = body.push(piece);
    if (kind === 'refused') refuse(answer, response, PLAYLIST_REFUSED);
    if (kind !== 'media') return;
    answer.off('data', onPiece).off('end', onEnd);
    // Without a response head nobody reads the rest: ending the response closes the connection to the source.
    if (!passHead(response, answer.statusCode, headers)) return;
    response.write(bytes);
    if (body.isTagged) answer.pipe(withoutPlaylist(body, response)).pipe(response);
    else answer.pipe(response);
  };
  const onEnd = () => {
    const { isPlaylist, bytes } = body.end();
    if (!isPlaylist) {
      if (passHead(response, answer.statusCode, headers)) response.end(bytes);
      return;
    }
    const text = relayPlaylist(Buffer.from(bytes).toString('utf8'), target);
    if (text === undefined) refuse(answer, response, PLAYLIST_REFUSED);
    else passPlaylist(answer, response, { headers, text });
  };
  answer.on('data', onPiece).on('end', onEnd);
}

/** Sends the whole playlist, even if a range was requested, and disables ranges, because a part is not recognizable as a playlist. */
function passPlaylist(
  answer: IncomingMessage,
  response: ServerResponse,
  { headers, text }: { readonly headers: IncomingMessage['headers']; readonly text: string },
): void {
  const { 'content-range': _range, 'accept-ranges': _ranges, ...kept } = headers;
  const status = answer.statusCode === 206 ? 200 : answer.statusCode;
  const length = String(Buffer.byteLength(text));
  if (passHead(response, status, { ...kept, 'content-length': length })) response.end(text);
}

function headersFor(given: IncomingMessage['headers'], target: RelayTarget): IncomingMessage['headers'] {
  const kept = Object.entries(given).filter(([name]) => RESPONSE_HEADERS.has(name));
  const headers: IncomingMessage['headers'] = { ...Object.fromEntries(kept), connection: 'close' };
  const location = given.location === undefined ? undefined : relayLocation(given.location, target);
  if (location === undefined) delete headers.location;
  else headers.location = location;
  return headers;
}

/** Passes on media after an ID3 tag until a playlist appears in it. */
function withoutPlaylist(body: RelayBody, response: ServerResponse): Transform {
  return new Transform({
    transform(piece: Buffer, _encoding, done) {
      if (body.push(piece).kind === 'refused') response.destroy();
      else done(null, piece);
    },
  });
}

/** Rejects a response that ffmpeg must not receive. */
function refuse(answer: IncomingMessage, response: ServerResponse, reason: string): void {
  answer.destroy();
  if (response.headersSent) response.destroy();
  else response.writeHead(403, reason, { 'content-length': 0 }).end();
}

/**
 * Sends the response head as the source sent it; returns false if node:http rejects it. A source can send a head that node:http does not
 * accept, such as status 099, and that may only affect the source's own stream. Trailers are not passed on.
 */
export function passHead(
  response: ServerResponse,
  status: number | undefined,
  { trailer: _later, ...headers }: IncomingMessage['headers'],
): boolean {
  try {
    response.writeHead(status ?? 502, headers);
    return true;
  } catch (error) {
    fail(response, error);
    return false;
  }
}

/** Tells ffmpeg why a source is unreachable. */
export function fail(response: ServerResponse, error: unknown): void {
  const { status, reason } = failureWords(error);
  if (response.headersSent) response.destroy();
  else response.writeHead(status, reason, { 'content-length': 0 }).end();
}
