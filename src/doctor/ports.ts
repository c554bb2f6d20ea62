import { createServer } from 'node:net';
import type { Config } from '../config/schema/schema.js';
import type { Check, CheckResult } from './check.js';

/** Whether the node can listen on its ports. Fails while a node is running, and says so. */
export function portChecks({ http, rtmp, rtmps, streams }: Pick<Config, 'http' | 'rtmp' | 'rtmps' | 'streams'>): Check {
  // Without a push stream there is no RTMP listener.
  const takesPublishers = streams.some(({ source }) => source === 'push');
  return {
    area: 'ports',
    run: async () =>
      Promise.all([
        tryPort({ check: 'HTTP', host: http.host, port: http.port, setting: 'http' }),
        ...(takesPublishers ? [tryPort({ check: 'RTMP', host: rtmp.host, port: rtmp.port, setting: 'rtmp' })] : []),
        ...(takesPublishers && rtmps !== undefined
          ? [tryPort({ check: 'RTMPS', host: rtmp.host, port: rtmps.port, setting: 'rtmps' })]
          : []),
        // ffmpeg sends its segments over the loopback interface, to any free port.
        tryPort({ check: 'loopback for ffmpeg', host: '127.0.0.1', port: 0 }),
      ]),
  };
}

interface Place {
  readonly check: string;
  readonly host: string;
  readonly port: number;
  /** The section of the configuration: `http`. */
  readonly setting?: string;
}

async function tryPort({ check, host, port, setting }: Place): Promise<CheckResult> {
  const place = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const code = await bindError(host, port);
  if (code === undefined) {
    return { area: 'ports', check, ok: true, detail: port === 0 ? `${host}, any free port` : `${place} is free` };
  }
  const { detail, remedy } = explain(code, { host, port, place, setting });
  return { area: 'ports', check, ok: false, detail, remedy };
}

function bindError(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

interface Refusal {
  readonly host: string;
  readonly port: number;
  readonly place: string;
  readonly setting: string | undefined;
}

function explain(code: string, { host, port, place, setting }: Refusal): { detail: string; remedy: string } {
  if (setting === undefined) {
    return {
      detail: `cannot listen on ${host} (${code})`,
      remedy: 'Enable the loopback interface; in a container, allow it.',
    };
  }
  const variable = `SIDEPIPE_${setting.toUpperCase()}`;
  switch (code) {
    case 'EADDRINUSE':
      return {
        detail: `${place} is already in use by another program or a running node`,
        remedy: `Stop it (ss -ltnp 'sport = :${port}' shows it), or set another ${setting}.port (${variable}_PORT).`,
      };
    case 'EACCES':
      return {
        detail: `this user may not listen on ${place}`,
        remedy: `Choose a ${setting}.port (${variable}_PORT) above 1023, or grant the CAP_NET_BIND_SERVICE capability.`,
      };
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return {
        detail: `${host} is not an address of this machine`,
        remedy: `Set ${setting}.host (${variable}_HOST) to 0.0.0.0 for all addresses, or to one that ip addr shows.`,
      };
    default:
      return {
        detail: `cannot listen on ${place} (${code})`,
        remedy: `Set another ${setting}.host or ${setting}.port (${variable}_HOST, ${variable}_PORT).`,
      };
  }
}
