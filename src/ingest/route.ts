import { stat } from 'node:fs/promises';
import { SidepipeError } from '../errors.js';
import type { PlaylistFile } from './directory.js';
import type { Networks } from './networks.js';
import { openRtspRelay } from './relay-rtsp.js';
import { toRelayUrl } from './relay-url.js';
import { hostOf, resolveAddresses } from './resolve.js';
import type { Source, UnknownSource } from './source.js';
import { hostToResolve, withHost } from './source-host.js';

/** How one run's ffmpeg gets to its source. */
export interface Route {
  /** What ffmpeg opens in the source's place; undefined: the source's own URL. */
  readonly url: string | undefined;
  close(): void;
}

export interface RouteOptions {
  readonly source: Source | UnknownSource;
  /** The stream is under a policy: where it may lead. */
  readonly networks?: Networks | undefined;
  /** How many runs have given nothing: each tries the host's next address. */
  readonly attempt: number;
  /** Directories only: which of its files, as ffmpeg's file descriptor 6. */
  readonly file?: PlaylistFile | undefined;
}

const direct: Route = { url: undefined, close: () => {} };

/**
 * Finds the way to a source: looks its host up, and under a policy checks where it leads. Throws `source-unavailable` or
 * `source-refused`. Close it when the run is over.
 */
export async function openRoute({ source, networks, attempt, file }: RouteOptions): Promise<Route> {
  // Not by its name, which may be another's by now.
  if (file !== undefined) return { ...direct, url: 'file:/dev/fd/6' };
  if (source.kind === 'device') await checkDevice(source.url);
  if (source.kind === 'http' || source.kind === 'hls' || source.kind === 'mjpeg') {
    // The way out looks at each request.
    return networks === undefined ? direct : { ...direct, url: toRelayUrl(source.url) };
  }
  if (source.kind === 'rtsp' && networks !== undefined) return openCamera(source.url, networks);
  const host = hostToResolve(source, networks !== undefined);
  if (host === undefined) return direct;
  const addresses = await resolveAddresses(host, networks);
  return { ...direct, url: withHost(source.url, hostOf(addresses[attempt % addresses.length]!)) };
}

async function openCamera(url: string, networks: Networks): Promise<Route> {
  const { protocol, hostname, port } = new URL(url);
  const secure = protocol === 'rtsps:';
  const relay = await openRtspRelay({ host: hostname, port: Number(port || (secure ? 322 : 554)), secure, networks });
  const local = withHost(url, `127.0.0.1:${relay.port}`, true).replace(/^rtsps/i, 'rtsp');
  return { url: local, close: () => relay.close() };
}

/** ffmpeg's own words about a device are few. */
async function checkDevice(path: string): Promise<void> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const isMissing = cause.code === 'ENOENT' || cause.code === 'ENOTDIR';
    throw new SidepipeError(isMissing ? `there is no device ${path}` : `the device ${path} may not be looked at`, {
      code: isMissing ? 'source-unavailable' : 'source-refused',
      fault: 'source',
      retryable: true,
      cause,
    });
  });
  if (found.isCharacterDevice()) return;
  throw new SidepipeError(`${path} is not a video device`, { code: 'source-refused', fault: 'caller' });
}
