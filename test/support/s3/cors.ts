import { S3Error } from './errors.js';
import type { S3Response } from './request.js';
import type { CorsRule } from './settings.js';

type Headers = Readonly<Record<string, string>>;

/** The headers that a browser needs to let a page of another origin read the answer. */
export function corsHeaders(rule: CorsRule | undefined, headers: Headers, method: string): Record<string, string> {
  const origin = headers['origin'];
  if (!rule || origin === undefined || !rule.methods.includes(method)) return {};
  if (!rule.origins.includes('*') && !rule.origins.includes(origin)) return {};
  return {
    'access-control-allow-origin': rule.origins.includes('*') ? '*' : origin,
    'access-control-allow-methods': rule.methods.join(', '),
    'access-control-expose-headers': rule.exposeHeaders.join(', '),
    vary: 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method',
  };
}

export function preflight(rule: CorsRule | undefined, headers: Headers): S3Response {
  const answer = corsHeaders(rule, headers, headers['access-control-request-method'] ?? '');
  if (Object.keys(answer).length === 0) {
    throw new S3Error(403, 'AccessForbidden', 'CORSResponse: This CORS request is not allowed.');
  }
  const asked = headers['access-control-request-headers'];
  return {
    status: 200,
    headers: { ...answer, ...(asked === undefined ? {} : { 'access-control-allow-headers': asked }) },
  };
}
