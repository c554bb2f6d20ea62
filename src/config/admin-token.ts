import { randomBytes } from 'node:crypto';
import type { Config } from './schema/schema.js';

/** The bearer token of the API. When the configuration has none, a random one is generated for this run. */
export function ensureAdminToken(config: Config): { config: Config; generated?: string } {
  if (config.admin.token !== undefined) return { config };
  const generated = randomBytes(24).toString('base64url');
  return { config: { ...config, admin: { ...config.admin, token: generated } }, generated };
}

/**
 * What to print about a generated token. Only a terminal gets the token itself: the standard error of a container or a service is a
 * log that is kept, collected and read by others.
 */
export function tokenNotice(generated: string, isTerminal: boolean): string {
  if (isTerminal)
    return `Admin token for this run: ${generated}\nTo keep one, set admin.token or SIDEPIPE_ADMIN_TOKEN.`;
  return (
    'No admin token is set. A random one is in use, which is shown only on a terminal: ' +
    'set admin.token or SIDEPIPE_ADMIN_TOKEN to use the API and the status page.'
  );
}
