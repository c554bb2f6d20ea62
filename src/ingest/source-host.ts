import type { Source } from './source.js';

/**
 * The host that the node must look up before ffmpeg opens the source; undefined where there is none to look up. RTSPS
 * goes through the way out, and RTMP through a relay, which do it. Under a policy all that is no such address is looked up, so that it is checked. Pure.
 */
export function hostToResolve({ url }: Pick<Source, 'url'>, isBound = false): string | undefined {
  if (!/^(rtsp|srt):/i.test(url)) return undefined;
  const { hostname } = new URL(url);
  const isLiteral = /^\[|^[\d.]+$/.test(hostname);
  return hostname === '' || (isLiteral && !isBound) ? undefined : hostname;
}

/** A URL with another host, or host and port: everything else stays as it was written, however odd its encoding is. Pure. */
export function withHost(url: string, host: string, withPort = false): string {
  const pattern = /^([a-z]+:\/\/(?:[^/?#]*@)?)(\[[^\]]*\]|[^:/?#]*)(:\d*)?/i;
  return url.replace(pattern, (_, before: string, _host: string, port = '') => before + host + (withPort ? '' : port));
}
