import { randomBytes } from 'node:crypto';
import type { Config } from './schema/schema.js';

/** Ensures that there is a bearer token for the API. Without a configured one, a random token is generated for this run. */
export function ensureAdminToken(config: Config): { config: Config; generated?: string } {
  if (config.admin.token !== undefined) return { config };
  const generated = randomBytes(24).toString('base64url');
  return { config: { ...config, admin: { ...config.admin, token: generated } }, generated };
}

/**
 * The notice about a generated token. Only a terminal gets the token itself: the standard error of a container or a service is a
 * log that is stored, collected and read by others.
 */
export function tokenNotice(generated: string, isTerminal: boolean): string {
  if (isTerminal)
    return `Admin token for this run: ${generated}\nTo use a fixed token, set admin.token or SIDEPIPE_ADMIN_TOKEN.`;
  return (
    'No admin token is set. A generated token is in use, which is printed only on a terminal: ' +
    'set admin.token or SIDEPIPE_ADMIN_TOKEN to use the API and the status page.'
  );
}
