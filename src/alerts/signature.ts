import { createHmac, timingSafeEqual } from 'node:crypto';

const version = 'v1';

/** The headers that authenticate a webhook. `timestamp`: whole seconds since the epoch. */
export function signatureHeaders(options: {
  readonly secret: string;
  readonly body: string;
  readonly timestamp: number;
}): { readonly 'sidepipe-timestamp': string; readonly 'sidepipe-signature': string } {
  const { secret, body, timestamp } = options;
  return {
    'sidepipe-timestamp': String(timestamp),
    'sidepipe-signature': `${version}=${digestOf(secret, String(timestamp), body).toString('hex')}`,
  };
}

/** A received webhook and the data to verify it. */
export interface VerifyWebhookOptions {
  /** The value of `alerts.webhooks[n].secret`. */
  readonly secret: string;
  /** The request's headers: a `Headers`, or an object with lower-case names as in Node.js. */
  readonly headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The raw body, before parsing. */
  readonly body: string | Uint8Array;
  /** Tolerance for the sender's clock and the delivery time. Default 300. */
  readonly toleranceSeconds?: number;
  /** Milliseconds since the epoch. Default: the current time. */
  readonly now?: number;
}

/**
 * Whether a webhook was signed with this secret recently. Compares in constant time; never throws. A request that is repeated
 * within the tolerance passes: store the `id` of each processed body.
 */
export function verifyWebhook(options: VerifyWebhookOptions): boolean {
  const { secret, headers, body, toleranceSeconds = 300, now = Date.now() } = options;
  const timestamp = headerOf(headers, 'sidepipe-timestamp');
  const signature = headerOf(headers, 'sidepipe-signature');
  if (timestamp === undefined || signature === undefined || !/^\d{1,12}$/.test(timestamp)) return false;
  if (!(Math.abs(now / 1000 - Number(timestamp)) <= toleranceSeconds)) return false;
  const expected = digestOf(secret, timestamp, body);
  return signature.split(',').some((part) => {
    const [, hex] = /^v1=([0-9a-f]{64})$/.exec(part.trim()) ?? [];
    return hex !== undefined && timingSafeEqual(Buffer.from(hex, 'hex'), expected);
  });
}

function digestOf(secret: string, timestamp: string, body: string | Uint8Array): Buffer {
  return createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest();
}

function headerOf(headers: VerifyWebhookOptions['headers'], name: string): string | undefined {
  if (headers instanceof Headers) return headers.get(name) ?? undefined;
  const value = headers[name] ?? headers[name.replace(/(^|-)[a-z]/g, (text) => text.toUpperCase())];
  return typeof value === 'string' ? value : undefined;
}
