import { randomBytes } from 'node:crypto';
import type { Config } from './schema.js';

/**
 * The bearer token of the API. When the configuration has none, one is made for this run; `notice` is then the text to print
 * (to the terminal, never to the log, which hides it).
 */
export function ensureAdminToken(config: Config): { config: Config; notice?: string } {
  if (config.admin.token !== undefined) return { config };
  const token = randomBytes(24).toString('base64url');
  return {
    config: { ...config, admin: { ...config.admin, token } },
    notice: `Admin token for this run: ${token}\nTo keep one, set admin.token or SIDEPIPE_ADMIN_TOKEN.`,
  };
}
