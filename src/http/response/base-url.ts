import type { Context } from 'hono';
import { connectionOf } from '../access/client.js';
import type { AppContext } from '../context.js';

/** Host name or address, and port: nothing that has a meaning in HTML or in a header. */
const plainHost = /^(?:[a-z0-9][a-z0-9._-]{0,252}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;

/**
 * Where the one who asks reaches this node, without a slash at its end: the public URL, else scheme and host of the
 * request. Undefined where the request's host is none that belongs into an address.
 */
export function baseUrlOf(c: Context, { publicUrl, clientOf }: AppContext): string | undefined {
  if (publicUrl !== undefined) return publicUrl;
  const client = clientOf(connectionOf(c), (name) => c.req.header(name));
  const host = client.host === '' ? new URL(c.req.url).host : client.host;
  const base = `${client.scheme}://${host}`;
  // Not everything that looks like a host is one: `1.2.3.999` and `a:99999` are not.
  return plainHost.test(host) && URL.canParse(base) ? base : undefined;
}
