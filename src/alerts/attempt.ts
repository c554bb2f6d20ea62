import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { createDeadline } from '../deadline.js';
import { signatureHeaders } from './signature.js';

/** The result of one delivery attempt. */
export type AttemptResult =
  | { readonly kind: 'delivered' }
  /** Can be retried, but not before `waitMs`. */
  | { readonly kind: 'failed'; readonly reason: string; readonly waitMs: number }
  /** The receiver will never accept it. */
  | { readonly kind: 'rejected'; readonly reason: string };

export interface AttemptOptions {
  readonly url: string;
  readonly secret: string;
  readonly body: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly userAgent: string;
}

/** Makes one attempt. Each attempt has its own signature, so that the timestamp of a late one is valid. Never rejects. */
export async function attempt(options: AttemptOptions): Promise<AttemptResult> {
  const { timeoutMs, signal, now } = options;
  const deadline = createDeadline(timeoutMs, [signal]);
  try {
    return resultOf(await post(options, deadline.signal), now);
  } catch (error) {
    if (deadline.expired) return { kind: 'failed', reason: `no response within ${timeoutMs / 1000} s`, waitMs: 0 };
    return { kind: 'failed', reason: reasonOf(error), waitMs: 0 };
  } finally {
    deadline.clear();
  }
}

/**
 * Resolves with the head of the response. Follows no redirect: another URL is another receiver, which must get neither the alert nor
 * its signature. Not `fetch`, whose parser takes quadratic time for a header that arrives in small pieces.
 */
function post({ url, secret, body, now, userAgent }: AttemptOptions, signal: AbortSignal): Promise<IncomingMessage> {
  const { target, authorization } = receiverOf(url);
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': userAgent,
      ...(authorization && { authorization }),
      ...signatureHeaders({ secret, body, timestamp: Math.floor(now / 1000) }),
    };
    const send = target.protocol === 'https:' ? requestHttps : requestHttp;
    send(target, { method: 'POST', headers, signal })
      .once('response', (response) => {
        // The body is not needed; unread it would keep the connection busy.
        response.destroy();
        resolve(response);
      })
      .on('error', reject)
      .end(body);
  });
}

/** The credentials of a URL as a header: Node.js rejects a URL whose password contains a bare percent sign. */
function receiverOf(url: string): { readonly target: URL; readonly authorization: string | undefined } {
  const target = new URL(url);
  const { username, password } = target;
  Object.assign(target, { username: '', password: '' });
  if (username === '' && password === '') return { target, authorization: undefined };
  const pair = `${decode(username)}:${decode(password)}`;
  return { target, authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function resultOf({ statusCode: status = 0, headers }: IncomingMessage, now: number): AttemptResult {
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  const reason = `status ${status}`;
  if (status === 408 || status === 429 || status >= 500) {
    return { kind: 'failed', reason, waitMs: retryAfterMs(headers['retry-after'], now) };
  }
  return { kind: 'rejected', reason };
}

/** `Retry-After` in seconds or as a date; 0 if it is neither. */
function retryAfterMs(value: string | undefined, now: number): number {
  if (value === undefined) return 0;
  const ms = /^\d{1,9}$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

/** Without the URL: its path can be a secret. */
function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'connection failed';
}
