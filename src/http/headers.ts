/** Headers that more than one route sends. Plain objects: the adapter writes them without building a `Headers`. */

export type HeaderFields = Readonly<Record<string, string>>;

const exposedHeaders = [
  'Age',
  'Content-Length',
  'Content-Range',
  'Date',
  'ETag',
  'Last-Modified',
  'Retry-After',
  'Sidepipe-Captured-At',
  'Sidepipe-Gate-State',
  'Sidepipe-Image-State',
].join(', ');

/** For what any page on any site may read: playback and the open part of the API. No credentials are involved. */
export const openToAll: HeaderFields = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': exposedHeaders,
  'cross-origin-resource-policy': 'cross-origin',
  'timing-allow-origin': '*',
  'x-content-type-options': 'nosniff',
};

/** The answer to a preflight request for what is open to all. */
export const preflight: HeaderFields = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, HEAD, OPTIONS',
  'access-control-allow-headers':
    'Accept, Cache-Control, CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status, Content-Type, If-Modified-Since, If-None-Match, If-Range, Range',
  'access-control-max-age': '86400',
};

/** For answers to programs that no other site's page has business with. */
export const notForPages: HeaderFields = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
};

/** For the node's own pages: nothing inline, nothing from elsewhere, in nobody's frame. */
export const pageSecurity: HeaderFields = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    "media-src 'self' blob:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};
