import type { Client } from './client.js';

/** The session cookie, and the check whether a request comes from the node's own pages. */

interface CookieRequest {
  readonly client: Client;
  header(name: string): string | undefined;
}

/** `Set-Cookie` for a session: not readable by scripts, not sent from other sites, and if set over TLS, only sent over TLS. */
export function sessionCookie(
  value: string,
  maxAgeSeconds: number,
  request: CookieRequest,
  publicUrl: string | undefined,
): string {
  const secure = isSecure(request.client, publicUrl);
  const attributes = `Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
  return `${nameOf(secure)}=${value}; ${attributes}`;
}

/** `Set-Cookie` that deletes the cookie. */
export function clearedCookie(request: CookieRequest, publicUrl: string | undefined): string {
  return sessionCookie('', 0, request, publicUrl);
}

/** The value of the session cookie. Over TLS only the `__Host-` cookie, which no other host of the domain can set. */
export function sessionValue(request: CookieRequest, publicUrl: string | undefined): string | undefined {
  const name = nameOf(isSecure(request.client, publicUrl));
  for (const pair of (request.header('cookie') ?? '').split(';')) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}

/**
 * Whether a request comes from a page of this node. Browsers send `Sec-Fetch-Site` over TLS and on localhost, and
 * `Origin` with every POST; a request with neither is not from a browser and must not use a cookie.
 */
export function isSameOrigin(request: CookieRequest, publicUrl: string | undefined): boolean {
  const site = request.header('sec-fetch-site');
  if (site !== undefined) return site === 'same-origin';
  const origin = request.header('origin');
  if (origin === undefined) return false;
  const { scheme, host } = request.client;
  return origin === `${scheme}://${host}` || (publicUrl !== undefined && origin === new URL(publicUrl).origin);
}

function nameOf(secure: boolean): string {
  return secure ? '__Host-sidepipe' : 'sidepipe';
}

/** Whether the client uses TLS. If the proxy that terminates it is not listed, the public URL decides. */
function isSecure({ scheme, host }: Client, publicUrl: string | undefined): boolean {
  if (scheme === 'https') return true;
  if (publicUrl === undefined) return false;
  const { protocol, host: publicHost } = new URL(publicUrl);
  return protocol === 'https:' && host === publicHost;
}
