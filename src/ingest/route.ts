import { stat } from 'node:fs/promises';
import { SidepipeError } from '../errors.js';
import type { PlaylistFile } from './directory.js';
import type { SrtPlaylist } from './input.js';
import { checkFile } from './local-file.js';
import type { Networks } from './networks.js';
import type { Egress } from './relay/egress.js';
import { openRtmpRelay } from './relay/rtmp.js';
import { openRtspRelay } from './relay/rtsp.js';
import { toRelayUrl } from './relay/url.js';
import { hostOf, resolveAddresses } from './resolve.js';
import type { Source, UnknownSource } from './source.js';
import { hostToResolve, withHost } from './source-host.js';

/** How ffmpeg reaches the source in one run. */
export interface Route {
  /** What ffmpeg opens instead of the source's URL; undefined: the source's URL. */
  readonly url: string | undefined;
  close(): void;
}

export interface RouteOptions {
  readonly source: Source | UnknownSource;
  /** The networks that a policy allows; undefined if the stream is not subject to a policy. */
  readonly networks?: Networks | undefined;
  /** The number of previous runs without media. Each run tries the host's next address. */
  readonly attempt: number;
  /** Directories only: the file to play, passed to ffmpeg as file descriptor 6. */
  readonly file?: PlaylistFile | undefined;
  readonly egress: Pick<Egress, 'conceal' | 'isOwn'>;
  /** SRT only: makes a playlist with this URL, to keep it off the command line; undefined if that is not needed or not possible. */
  readonly srtPlaylist?: ((url: string) => SrtPlaylist | undefined) | undefined;
}

const direct: Route = { url: undefined, close: () => {} };

/**
 * Prepares the route to a source: resolves its host and, under a policy, checks the addresses. Throws `source-unavailable`,
 * `source-refused` or `source-not-media`. Close the route after the run.
 */
export async function openRoute(options: RouteOptions): Promise<Route> {
  const { source, networks, attempt, file, egress } = options;
  // By descriptor, because another file may have the name by now.
  if (file !== undefined) return { ...direct, url: 'file:/dev/fd/6' };
  if (source.kind === 'device') await checkDevice(source.url);
  if (source.kind === 'file') await checkFile(source.url.slice('file:'.length));
  if (source.kind === 'http' || source.kind === 'hls' || source.kind === 'mjpeg') {
    // The egress proxy checks each request.
    return egress.conceal(networks === undefined ? source.url : toRelayUrl(source.url));
  }
  if (source.kind === 'rtsp' && networks !== undefined) return openCamera(source.url, networks, options);
  if (source.kind === 'rtmp') return openRtmpRelay({ url: source.url, networks, isOwn: egress.isOwn });
  const host = hostToResolve(source, networks !== undefined);
  const addresses = host === undefined ? [] : await resolveAddresses(host, networks);
  const address = addresses[attempt % addresses.length];
  const url = address === undefined ? undefined : withHost(source.url, hostOf(address));
  if (source.kind === 'srt') {
    const instead = options.srtPlaylist?.(url ?? source.url);
    if (instead === undefined) return { ...direct, url };
    const concealed = egress.conceal(instead);
    // The `hls` protocol, which passes bytes on. The demuxer of that name cannot open SRT.
    return { ...concealed, url: instead.opener === 'hls' ? `hls+${concealed.url}` : concealed.url };
  }
  return source.kind === 'rtsp' ? egress.conceal(url ?? source.url) : { ...direct, url };
}

async function openCamera(url: string, networks: Networks, { egress }: Pick<RouteOptions, 'egress'>): Promise<Route> {
  const { protocol, hostname, port } = new URL(url);
  const secure = protocol === 'rtsps:';
  const to = { host: hostname, port: Number(port || (secure ? 322 : 554)) };
  const relay = await openRtspRelay({ ...to, secure, networks, isOwn: egress.isOwn });
  const local = withHost(url, `127.0.0.1:${relay.port}`, true).replace(/^rtsps/i, 'rtsp');
  const concealed = egress.conceal(local);
  return {
    url: concealed.url,
    close: () => {
      concealed.close();
      relay.close();
    },
  };
}

/** Checks a video device first, because ffmpeg's messages about devices are unspecific. */
async function checkDevice(path: string): Promise<void> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const isMissing = cause.code === 'ENOENT' || cause.code === 'ENOTDIR';
    throw new SidepipeError(
      isMissing ? `The device ${path} does not exist.` : `The device ${path} cannot be accessed (permission denied).`,
      {
        code: isMissing ? 'source-unavailable' : 'source-refused',
        fault: 'source',
        retryable: true,
        cause,
      },
    );
  });
  if (found.isCharacterDevice()) return;
  throw new SidepipeError(`${path} is not a video device.`, { code: 'source-refused', fault: 'caller' });
}
