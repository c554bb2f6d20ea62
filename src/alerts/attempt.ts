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
  readonly fetch: typeof fetch;
  readonly userAgent: string;
}

/** Delivers once. The signature is of this attempt, so that a late one is as good as the first. Never rejects. */
export async function attempt(options: AttemptOptions): Promise<AttemptResult> {
  const { url, secret, body, timeoutMs, signal, now, userAgent } = options;
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    const { address, authorization } = receiverOf(url);
    const response = await options.fetch(address, {
      method: 'POST',
      body,
      // Another address is another receiver: the alert, and a signature for it, are not for whoever answers there.
      redirect: 'manual',
      signal: AbortSignal.any([deadline, signal]),
      headers: {
        'content-type': 'application/json',
        'user-agent': userAgent,
        ...(authorization && { authorization }),
        ...signatureHeaders({ secret, body, timestamp: Math.floor(now / 1000) }),
      },
    });
    // Nobody reads what it says; unread it would hold the connection.
    await response.body?.cancel().catch(() => {});
    return resultOf(response, now);
  } catch (error) {
    if (deadline.aborted) return { kind: 'failed', reason: `no answer within ${timeoutMs / 1000} s`, waitMs: 0 };
    return { kind: 'failed', reason: reasonOf(error), waitMs: 0 };
  }
}

/** `fetch` takes no address with a user name or a password in it. */
function receiverOf(url: string): { readonly address: string; readonly authorization: string | undefined } {
  const target = new URL(url);
  const { username, password } = target;
  if (username === '' && password === '') return { address: url, authorization: undefined };
  Object.assign(target, { username: '', password: '' });
  const pair = `${decode(username)}:${decode(password)}`;
  return { address: target.href, authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function resultOf({ status, headers }: Response, now: number): AttemptResult {
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  const reason = `answered ${status}`;
  if (status === 408 || status === 429 || status >= 500) {
    return { kind: 'failed', reason, waitMs: retryAfterMs(headers.get('retry-after'), now) };
  }
  return { kind: 'rejected', reason };
}

/** `Retry-After` is seconds or a date. 0 where it is neither. */
function retryAfterMs(value: string | null, now: number): number {
  if (value === null) return 0;
  const ms = /^\d{1,9}$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

/** Without the address: its path can be as good as a password. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? code : 'the connection failed';
}
