import type { LiveStream } from '../../stream/live-stream.js';
import { checkPlayback, signPlayback, type TokenRefusal, tokenParameter } from '../access/playback-token.js';
import { openToAll } from '../response/headers.js';
import type { Problem } from '../response/problem.js';

/** Permission to play a stream. */
export interface Opened {
  /** The token of the request; undefined if the stream is open to everyone. */
  readonly token: string | undefined;
  /** Expiry of the token, in milliseconds since the epoch. */
  readonly expiresAt: number;
}

interface TokenRequest {
  query(name: string): string | undefined;
}

const openToEveryone: Opened = { token: undefined, expiresAt: Number.POSITIVE_INFINITY };

/** Whether a request may access a stream: playlists, segments, images and the monitor's WebSocket. */
export function open(live: LiveStream, request: TokenRequest, now: number): Opened | { readonly problem: Problem } {
  const { playbackKeys: keys } = live;
  if (keys === undefined) return openToEveryone;
  const token = request.query(tokenParameter);
  const check = checkPlayback(token, { keys, stream: live.name, now });
  return check.ok ? { token, expiresAt: check.expiresAt } : { problem: playbackRefused(check.reason) };
}

/** Limits a response so that no cache keeps it longer than its token is valid. */
export function within(response: Response, { expiresAt }: Opened, now: number): Response {
  const given = response.headers.get('cache-control') ?? '';
  const left = Math.max(0, Math.floor((expiresAt - now) / 1000));
  const capped = given.replace(/max-age=(\d+)/, (_, seconds: string) => `max-age=${Math.min(Number(seconds), left)}`);
  if (capped !== given) response.headers.set('cache-control', capped);
  return response;
}

/** A token for a page rendered for the admin; undefined if the stream needs none. */
export function tokenForPage(live: LiveStream, now: number, lifetimeSeconds: number): string | undefined {
  const [key] = live.playbackKeys ?? [];
  return key && signPlayback({ key, stream: live.name, expiresAt: now + lifetimeSeconds * 1000 });
}

const words: Readonly<Record<TokenRefusal, string>> = {
  missing: 'This stream needs a signed URL, and this URL has no token.',
  signature: 'The token of this URL is not valid for this stream.',
  expired: 'The token of this URL has expired.',
};

function playbackRefused(reason: TokenRefusal): Problem {
  return {
    status: 403,
    code: 'playback-refused',
    title: 'Private stream',
    detail: words[reason],
    field: tokenParameter,
    headers: openToAll,
    members: { reason },
  };
}
