import type { Context } from 'hono';
import { connectionOf } from '../access/client.js';
import type { AppContext } from '../context.js';

/** Host name or address, and port: no characters with a meaning in HTML or in a header. */
const plainHost = /^(?:[a-z0-9][a-z0-9._-]{0,252}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;

/**
 * The base URL under which the client reaches this node, without a trailing slash: the public URL, otherwise scheme and host
 * of the request. Undefined if the request's host is not valid in a URL.
 */
export function baseUrlOf(c: Context, { publicUrl, access }: AppContext): string | undefined {
  if (publicUrl !== undefined) return publicUrl;
  const client = access.clientOf(connectionOf(c), (name) => c.req.header(name));
  const host = client.host === '' ? new URL(c.req.url).host : client.host;
  const base = `${client.scheme}://${host}`;
  // Some strings that match the pattern are not hosts: `1.2.3.999`, `a:99999`.
  return plainHost.test(host) && URL.canParse(base) ? base : undefined;
}
