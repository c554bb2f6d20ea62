import { createHmac, timingSafeEqual } from 'node:crypto';
import type { PlaybackKey } from '../../stream/live-stream.js';

/** The stream that a token opens, and the time until which it is valid. */
export interface SignPlaybackOptions {
  /** One of `playback.keys`, or of the stream's own. */
  readonly key: PlaybackKey;
  /** The stream's name. The signature covers everything of the stream: playlists, segments, images, monitor. */
  readonly stream: string;
  /** A date, or milliseconds since the epoch, rounded to whole seconds. */
  readonly expiresAt: Date | number;
}

/** The query parameter of a signature. */
export const tokenParameter = 'token';

/** Why a token does not open a stream. `signature`: it is for another stream, or none of the stream's keys signed it. */
export type TokenRefusal = 'missing' | 'signature' | 'expired';

export type TokenCheck =
  | { readonly ok: true; readonly expiresAt: number }
  | { readonly ok: false; readonly reason: TokenRefusal };

const shape = /^([A-Za-z0-9_-]{1,32})\.(\d{1,11})\.([A-Za-z0-9_-]{43})$/;

/**
 * Signs playback of a stream: HMAC-SHA256 over its name and an expiry. Append the result to any of the stream's URLs as
 * `?token=…`. Throws a `RangeError` if the key id or the expiry is invalid.
 *
 * @example
 * const token = signPlayback({ key: { id: 'k1', secret }, stream: 'door', expiresAt: Date.now() + 3_600_000 });
 * const url = `https://live.example.org/live/door/index.m3u8?token=${token}`;
 */
export function signPlayback({ key, stream, expiresAt }: SignPlaybackOptions): string {
  const seconds = String(Math.floor(Number(expiresAt) / 1000));
  const token = `${key.id}.${seconds}.${macOf(key, stream, seconds)}`;
  if (!shape.test(token)) throw new RangeError('invalid key id or expiry');
  return token;
}

/** Whether a token opens a stream at a given time (milliseconds since the epoch). Any of the keys may have signed it. */
export function checkPlayback(
  token: string | undefined,
  { keys, stream, now }: { readonly keys: readonly PlaybackKey[]; readonly stream: string; readonly now: number },
): TokenCheck {
  if (token === undefined || token === '') return { ok: false, reason: 'missing' };
  const [, id, seconds, signature] = shape.exec(token) ?? [];
  const key = keys.find((each) => each.id === id);
  if (key === undefined || seconds === undefined || signature === undefined) return { ok: false, reason: 'signature' };
  // Compares strings of equal length: base64 has several encodings of the same bytes, and only one is accepted.
  if (!timingSafeEqual(Buffer.from(signature), Buffer.from(macOf(key, stream, seconds)))) {
    return { ok: false, reason: 'signature' };
  }
  // The expiry is reported only if the signature is valid.
  const expiresAt = Number(seconds) * 1000;
  return now < expiresAt ? { ok: true, expiresAt } : { ok: false, reason: 'expired' };
}

function macOf(key: PlaybackKey, stream: string, seconds: string): string {
  const signed = `sidepipe-playback\n${key.id}\n${stream}\n${seconds}`;
  return createHmac('sha256', key.secret).update(signed).digest('base64url');
}
