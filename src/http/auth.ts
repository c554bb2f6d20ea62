import { createHash, timingSafeEqual } from 'node:crypto';
import type { Problem } from './problem.js';

export interface BearerOptions {
  readonly token: string;
  /** Wrong tokens from one address within the window before it is refused for the rest of it. Default 10 in a minute. */
  readonly failures?: number;
  readonly windowMs?: number;
  /** Addresses that are remembered. Default 10,000; beyond it the oldest is forgotten. */
  readonly remembered?: number;
}

interface BearerRequest {
  /** The `Authorization` header. */
  readonly authorization: string | undefined;
  /** Where the request comes from; undefined where that is not known, which counts as one address. */
  readonly address: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface Bearer {
  /** Undefined when the request may pass, else what to answer. */
  refusal(request: BearerRequest): Problem | undefined;
  /** Addresses held, for tests. */
  readonly remembered: number;
}

/** The guard of the API's changing calls: one bearer token, compared in constant time, guessed at a bounded rate. */
export function createBearer({ token, failures = 10, windowMs = 60_000, remembered = 10_000 }: BearerOptions): Bearer {
  const expected = digestOf(token);
  // In the order of `since`: the first is the oldest.
  const failed = new Map<string, { count: number; readonly since: number }>();

  function forgetOld(now: number): void {
    for (const [address, { since }] of failed) {
      if (now >= since && now - since < windowMs) return;
      failed.delete(address);
    }
  }

  function fail(address: string, now: number): void {
    const entry = failed.get(address);
    if (entry !== undefined) {
      entry.count += 1;
      return;
    }
    const [oldest] = failed.keys();
    if (failed.size >= remembered && oldest !== undefined) failed.delete(oldest);
    failed.set(address, { count: 1, since: now });
  }

  return {
    get remembered() {
      return failed.size;
    },
    refusal({ authorization, address, now }) {
      const group = groupOf(address ?? '');
      forgetOld(now);
      const entry = failed.get(group);
      // Before the token is looked at: who guesses must not learn that a guess was right.
      if (entry !== undefined && entry.count >= failures) return tooManyGuesses(entry.since + windowMs - now);
      const [, given] = /^Bearer +([\x21-\x7e]+) *$/i.exec(authorization ?? '') ?? [];
      // Hashes are of equal length, whatever was sent.
      if (given !== undefined && timingSafeEqual(digestOf(given), expected)) return undefined;
      if (given !== undefined) fail(group, now);
      return unauthorised(authorization === undefined);
    },
  };
}

/** IPv4 whole, also when mapped into IPv6; IPv6 by its /64, which one host commonly owns. */
function groupOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1] !== undefined) return mapped[1];
  if (!address.includes(':')) return address;
  const [head = '', tail] = (address.split('%')[0] ?? '').toLowerCase().split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : new Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0');
  const groups = [...before, ...zeros, ...after].slice(0, 4);
  return groups.map((group) => group.replace(/^0+(?=.)/, '')).join(':');
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function unauthorised(isMissing: boolean): Problem {
  return {
    status: 401,
    code: 'unauthorised',
    title: 'Unauthorised',
    detail: isMissing
      ? 'This call needs the admin token: Authorization: Bearer …'
      : 'The token in the Authorization header is not the admin token of this node.',
    headers: { 'www-authenticate': 'Bearer realm="sidepipe"' },
  };
}

function tooManyGuesses(waitMs: number): Problem {
  return {
    status: 429,
    code: 'too-many-attempts',
    title: 'Too many attempts',
    detail: 'Too many wrong tokens came from this address. Try again later.',
    headers: { 'retry-after': String(Math.max(1, Math.ceil(waitMs / 1000))) },
  };
}
