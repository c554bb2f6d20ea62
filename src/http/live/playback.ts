import type { LiveStream } from '../../stream/live-stream.js';
import { checkPlayback, signPlayback, type TokenRefusal, tokenParameter } from '../access/playback-token.js';
import type { Answer } from '../response/answer.js';
import { openToAll } from '../response/headers.js';
import type { Problem } from '../response/problem.js';

/** What a stream says to a request: it may play. */
export interface Opened {
  /** What opened it; undefined where it is open to everyone. */
  readonly token: string | undefined;
  /** Until when the token holds, in milliseconds since the epoch. */
  readonly expiresAt: number;
}

interface TokenRequest {
  query(name: string): string | undefined;
}

const openToEveryone: Opened = { token: undefined, expiresAt: Number.POSITIVE_INFINITY };

/** Whether a request may play and see a stream: playlists, segments, pictures and the monitor's socket alike. */
export function open(live: LiveStream, request: TokenRequest, now: number): Opened | { readonly problem: Problem } {
  const { playbackKeys: keys } = live;
  if (keys === undefined) return openToEveryone;
  const token = request.query(tokenParameter);
  const check = checkPlayback(token, { keys, stream: live.name, now });
  return check.ok ? { token, expiresAt: check.expiresAt } : { problem: playbackRefused(check.reason) };
}

/** An answer that no cache keeps for longer than its token holds. */
export function within(answer: Answer, { expiresAt }: Opened, now: number): Answer {
  const place = answer.headers.indexOf('cache-control') + 1;
  const given = place === 0 ? '' : (answer.headers[place] ?? '');
  const left = Math.max(0, Math.floor((expiresAt - now) / 1000));
  const capped = given.replace(/max-age=(\d+)/, (_, seconds: string) => `max-age=${Math.min(Number(seconds), left)}`);
  return capped === given ? answer : { ...answer, headers: answer.headers.with(place, capped) };
}

/** A token for a page that is made for someone who may see everything; undefined where the stream needs none. */
export function tokenForPage(live: LiveStream, now: number, lifetimeSeconds: number): string | undefined {
  const [key] = live.playbackKeys ?? [];
  return key && signPlayback({ key, stream: live.name, expiresAt: now + lifetimeSeconds * 1000 });
}

const words: Readonly<Record<TokenRefusal, string>> = {
  missing: 'This stream is played by signed addresses only, and this one has no token.',
  signature: 'The token of this address does not open this stream.',
  expired: 'The token of this address has expired.',
};

function playbackRefused(reason: TokenRefusal): Problem {
  return {
    status: 403,
    code: 'playback-refused',
    title: 'Not open to everyone',
    detail: words[reason],
    field: tokenParameter,
    headers: openToAll,
    members: { reason },
  };
}
