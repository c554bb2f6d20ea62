import type { Config } from '../config/schema/schema.js';
import type { AccessSettings } from '../http/access/access.js';
import type { AppOptions } from '../http/app.js';
import type { HttpServerOptions } from '../http/server.js';

/** Settings of the HTTP components, from the configuration. Pure. */

export function appSettings(
  config: Config,
): Pick<AppOptions, 'publicUrl' | 'embedOrigins' | 'rtmpPort' | 'adminToken' | 'access'> {
  const { http, rtmp, admin } = config;
  return {
    publicUrl: http.publicUrl,
    embedOrigins: http.embedOrigins,
    rtmpPort: rtmp.port,
    adminToken: admin.token,
    access: accessSettings(config),
  };
}

function accessSettings({ http, admin }: Config): AccessSettings {
  const { trustedProxies, proxyHeaders, cors, rateLimit } = http;
  return {
    trustedProxies,
    proxyHeaders,
    corsOrigins: cors.origins,
    apiPerMinute: rateLimit.enabled ? rateLimit.apiPerMinute : undefined,
    failedLoginsPerMinute: rateLimit.failedLoginsPerMinute,
    loginHours: admin.loginHours,
  };
}

export function serverSettings({
  http,
}: Pick<Config, 'http'>): Pick<HttpServerOptions, 'host' | 'port' | 'headers' | 'limits' | 'trustedProxies'> {
  const { host, port, publicUrl, hstsSeconds, trustedProxies = [] } = http;
  const isSecure = publicUrl?.startsWith('https:') === true;
  return {
    host,
    port,
    trustedProxies,
    headers: isSecure && hstsSeconds !== undefined ? { 'strict-transport-security': `max-age=${hstsSeconds}` } : {},
    limits: { connections: http.maxConnections, connectionsPerAddress: http.maxConnectionsPerAddress },
  };
}
