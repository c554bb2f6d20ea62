import type { Source } from './source.js';

/**
 * The host that the node must resolve before ffmpeg opens the source; undefined if there is none. For RTSPS the egress proxy resolves the
 * host, for RTMP a relay does. Under a policy literal addresses are included too, so that they are checked. Pure.
 */
export function hostToResolve({ url }: Pick<Source, 'url'>, isBound = false): string | undefined {
  if (!/^(rtsp|srt):/i.test(url)) return undefined;
  const { hostname } = new URL(url);
  const isLiteral = /^\[|^[\d.]+$/.test(hostname);
  return hostname === '' || (isLiteral && !isBound) ? undefined : hostname;
}

/** A URL with another host, or host and port. The rest keeps its exact encoding. Pure. */
export function withHost(url: string, host: string, withPort = false): string {
  const pattern = /^([a-z]+:\/\/(?:[^/?#]*@)?)(\[[^\]]*\]|[^:/?#]*)(:\d*)?/i;
  return url.replace(pattern, (_, before: string, _host: string, port = '') => before + host + (withPort ? '' : port));
}
