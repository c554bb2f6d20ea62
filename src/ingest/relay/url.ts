/**
 * Under a policy ffmpeg gets no TLS, because what TLS needs would let a playlist lead it past the node. It asks the node's way
 * out for everything by plain HTTP, and the way out speaks TLS to the source. That a URL was `https` is told by its port,
 * which is then one that no port can be: so relative URLs keep it, and so do host, path and credentials.
 */
const SECURE = 100_000;

/** A URL as ffmpeg is given it. Others than `https` stay as they are. Pure. */
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

/** What an absolute URL in a request to the way out means; undefined where it means nothing. Pure. */
export function parseRelayUrl(url: string): RelayTarget | undefined {
  const [, host, digits, path = ''] =
    /^http:\/\/(\[[\da-f:.]+\]|[^:/?#@[\]\\\s]+)(?::(\d{1,6}))?([/?]\S*)?$/i.exec(url) ?? [];
  const number = Number(digits ?? 80);
  const secure = number > SECURE;
  const port = secure ? number - SECURE : number;
  if (host === undefined || port < 1 || port > 65_535) return undefined;
  return { secure, host, port, path: path.startsWith('/') ? path : `/${path}` };
}

/** A redirect's target, made absolute by the URL that was asked for, as ffmpeg is given it; undefined: none to follow. Pure. */
export function relayLocation(location: string, target: RelayTarget): string | undefined {
  const base = `http${target.secure ? 's' : ''}://${target.host}:${target.port}${target.path}`;
  if (!URL.canParse(location, base)) return undefined;
  const { href, protocol } = new URL(location, base);
  return protocol === 'http:' || protocol === 'https:' ? toRelayUrl(href) : undefined;
}
