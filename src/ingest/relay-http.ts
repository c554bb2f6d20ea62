import { request as httpRequest, type IncomingMessage, type RequestOptions, type ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { failureWords } from './failure-words.js';
import type { Networks } from './networks.js';
import { parseRelayUrl, type RelayTarget, relayLocation, relayPlaylist } from './relay-url.js';
import { lookupAmong, resolveAddresses } from './resolve.js';

/** A longer playlist is none that anybody plays. */
const MAX_PLAYLIST_BYTES = 4 * 1024 ** 2;
/** How a playlist begins; ffmpeg takes nothing else for one. */
const PLAYLIST = Buffer.from('#EXTM3U');

/**
 * One request of an ffmpeg that is under a policy: the host is looked up, each address is checked, and what is connected to is one
 * of those that were checked. Redirects go back to ffmpeg, whose next request comes here again.
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
    headers: { ...headers, host: authority, connection: 'close' },
    agent: false,
    // Cameras sign their certificates themselves; ffmpeg does not look at them either.
    rejectUnauthorized: false,
  } as const;
  return secure ? httpsRequest(options) : httpRequest(options);
}

function passOn(answer: IncomingMessage, response: ServerResponse, target: RelayTarget): void {
  const headers: IncomingMessage['headers'] = { ...answer.headers, connection: 'close' };
  if (answer.headers.location !== undefined) {
    const location = relayLocation(answer.headers.location, target);
    if (location === undefined) delete headers.location;
    else headers.location = location;
  }
  answer.on('error', () => response.destroy());
  let pieces: Buffer[] | undefined = [];
  let bytes = 0;
  const isPlaylist = () =>
    Buffer.concat(pieces ?? [])
      .subarray(0, PLAYLIST.length)
      .equals(PLAYLIST);
  const passBegun = () => {
    const begun = pieces ?? [];
    pieces = undefined;
    answer.off('data', look);
    // Without a head nobody waits for the rest: the refusal's end closes the connection to the source.
    if (!passHead(response, answer.statusCode, headers)) return;
    for (const piece of begun) response.write(piece);
    answer.pipe(response);
  };
  const look = (piece: Buffer) => {
    pieces?.push(piece);
    bytes += piece.length;
    if (bytes < PLAYLIST.length) return;
    if (!isPlaylist()) passBegun();
    else if (bytes > MAX_PLAYLIST_BYTES) response.destroy();
  };
  answer.on('data', look);
  answer.on('end', () => {
    if (pieces === undefined) return;
    const body = Buffer.concat(pieces);
    if (!isPlaylist()) {
      if (passHead(response, answer.statusCode, headers)) response.end(body);
      return;
    }
    const text = Buffer.from(relayPlaylist(body.toString('utf8'), target.secure));
    const { 'transfer-encoding': _coding, 'content-range': _range, ...kept } = headers;
    // The whole of it, also where a part was asked for.
    const status = answer.statusCode === 206 ? 200 : answer.statusCode;
    if (passHead(response, status, { ...kept, 'content-length': String(text.length) })) response.end(text);
  });
}

/**
 * Begins an answer as a source began it, and says whether it could: a source can say what node:http does not say on, such as
 * status 099, and nobody but its own ffmpeg is to notice. Trailers are not passed on.
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

/** Tells ffmpeg why a source cannot be reached. */
export function fail(response: ServerResponse, error: unknown): void {
  const { status, reason } = failureWords(error);
  if (response.headersSent) response.destroy();
  else response.writeHead(status, reason, { 'content-length': 0 }).end();
}
