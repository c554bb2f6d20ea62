import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { signatureHeaders } from './signature.js';

/** What came of one attempt to deliver. */
export type AttemptResult =
  | { readonly kind: 'delivered' }
  /** Worth another try, but not before `waitMs`. */
  | { readonly kind: 'failed'; readonly reason: string; readonly waitMs: number }
  /** The receiver will never take it. */
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

/** Delivers once. The signature is of this attempt, so that a late one is as good as the first. Never rejects. */
export async function attempt(options: AttemptOptions): Promise<AttemptResult> {
  const { timeoutMs, signal, now } = options;
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    return resultOf(await post(options, AbortSignal.any([deadline, signal])), now);
  } catch (error) {
    if (deadline.aborted) return { kind: 'failed', reason: `no answer within ${timeoutMs / 1000} s`, waitMs: 0 };
    return { kind: 'failed', reason: reasonOf(error), waitMs: 0 };
  }
}

/**
 * Resolves with the head of the response. Follows no redirect: another URL is another receiver, and neither the alert nor a signature for
 * it are meant for that one. Not `fetch`, whose parser joins a field that comes in small pieces again and again.
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
        // Nobody reads the body; unread it would hold the connection.
        response.destroy();
        resolve(response);
      })
      .on('error', reject)
      .end(body);
  });
}

/** The credentials of a URL as a header: Node.js refuses a URL whose password holds a bare percent sign. */
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
  const reason = `answered ${status}`;
  if (status === 408 || status === 429 || status >= 500) {
    return { kind: 'failed', reason, waitMs: retryAfterMs(headers['retry-after'], now) };
  }
  return { kind: 'rejected', reason };
}

/** `Retry-After` is seconds or a date. 0 where it is neither. */
function retryAfterMs(value: string | undefined, now: number): number {
  if (value === undefined) return 0;
  const ms = /^\d{1,9}$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

/** Without the address: its path can be as good as a password. */
function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'the connection failed';
}
