/**
 * Under a policy ffmpeg gets no TLS, because TLS support would let a playlist bypass the node. ffmpeg requests everything from the
 * egress proxy by plain HTTP, and the proxy does TLS with the source. An `https` URL is marked by a port number above the valid
 * range, so relative URLs keep the mark, and host, path and credentials stay unchanged.
 */
const SECURE = 100_000;

/** A URL as ffmpeg receives it. URLs other than `https` stay unchanged. Pure. */
export function toRelayUrl(url: string): string {
  const [, credentials = '', host = '', port, rest = ''] =
    /^https:\/\/([^/?#]*@)?(\[[^\]]*\]|[^:/?#]*)(?::(\d*))?(.*)$/is.exec(url) ?? [];
  if (host === '') return url;
  return `http://${credentials}${host}:${SECURE + Number(port || 443)}${rest}`;
}

export interface RelayTarget {
  readonly secure: boolean;
  /** With brackets around an IPv6 address. */
  readonly host: string;
  readonly port: number;
  /** Path and query. */
  readonly path: string;
}

/** Parses an absolute URL in a request to the egress proxy; undefined if it is invalid. Pure. */
export function parseRelayUrl(url: string): RelayTarget | undefined {
  const [, host, digits, path = ''] =
    /^http:\/\/(\[[\da-f:.]+\]|[^:/?#@[\]\\\s]+)(?::(\d{1,6}))?([/?]\S*)?$/i.exec(url) ?? [];
  const number = Number(digits ?? 80);
  const secure = number > SECURE;
  const port = secure ? number - SECURE : number;
  if (host === undefined || port < 1 || port > 65_535) return undefined;
  return { secure, host, port, path: path.startsWith('/') ? path : `/${path}` };
}

/** A redirect target resolved against the requested URL, as ffmpeg receives it; undefined if it must not be followed. Pure. */
export function relayLocation(location: string, target: RelayTarget): string | undefined {
  const base = `http${target.secure ? 's' : ''}://${target.host}:${target.port}${target.path}`;
  if (!URL.canParse(location, base)) return undefined;
  const { href, protocol } = new URL(location, base);
  return protocol === 'http:' || protocol === 'https:' ? toRelayUrl(href) : undefined;
}
