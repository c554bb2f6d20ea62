/** Headers that several routes send. Plain objects: the adapter writes them without building a `Headers`. */

export type HeaderFields = Readonly<Record<string, string>>;

export const exposedHeaders = [
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

/** For resources that any page on any site may read: playback and the public part of the API. No credentials are involved. */
export const openToAll: HeaderFields = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': exposedHeaders,
  'cross-origin-resource-policy': 'cross-origin',
  'timing-allow-origin': '*',
  'x-content-type-options': 'nosniff',
};

/** The response to a preflight request for a public resource. */
export const preflight: HeaderFields = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, HEAD, OPTIONS',
  'access-control-allow-headers':
    'Accept, Cache-Control, CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status, Content-Type, If-Modified-Since, If-None-Match, If-Range, Range',
  'access-control-max-age': '86400',
};

/** For responses to programs that pages of other sites must not use. */
export const notForPages: HeaderFields = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
};

/** Content security policy of pages: nothing inline, nothing from elsewhere. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
];

const everyPage: HeaderFields = {
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'x-content-type-options': 'nosniff',
};

/** For the node's own pages, which must not be framed. */
export const pageSecurity: HeaderFields = {
  ...everyPage,
  'content-security-policy': [...pagePolicy, "frame-ancestors 'none'"].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'same-origin',
  'x-frame-options': 'DENY',
};

/** For the page that sends the camera, the microphone or the screen to a stream. */
export const captureSecurity: HeaderFields = {
  ...pageSecurity,
  'permissions-policy': 'camera=(self), geolocation=(), microphone=(self), display-capture=(self)',
};

/** For the pages with the forms of login and logout. */
export const formSecurity: HeaderFields = {
  ...pageSecurity,
  'content-security-policy': (pageSecurity['content-security-policy'] ?? '').replace(
    "form-action 'none'",
    "form-action 'self'",
  ),
};

/** For the page that other sites may frame: the sites in `origins`, each an origin as in a policy, or `*`. */
export function frameSecurity(origins: readonly string[]): HeaderFields {
  const ancestors = origins.includes('*') ? '*' : ["'self'", ...origins].join(' ');
  return {
    ...everyPage,
    'content-security-policy': [...pagePolicy, `frame-ancestors ${origins.length === 0 ? "'none'" : ancestors}`].join(
      '; ',
    ),
    // Needed by embedding pages that require cross-origin isolation from everything they load or frame.
    'cross-origin-embedder-policy': 'require-corp',
    'cross-origin-resource-policy': 'cross-origin',
    'referrer-policy': 'strict-origin-when-cross-origin',
  };
}
