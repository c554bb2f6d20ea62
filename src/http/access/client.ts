import type { IncomingMessage } from 'node:http';
import type { Context } from 'hono';
import ipaddr from 'ipaddr.js';
import { isAddress } from '../../net/address.js';

/** The client of a request, as far as known. */
export interface Client {
  /** The client's IP address; undefined if the app is called without a connection. */
  readonly address: string | undefined;
  readonly scheme: 'http' | 'https';
  /** Host and port as the client requested them, in lower case. */
  readonly host: string;
}

export interface ClientReaderOptions {
  /** Addresses and networks (`10.0.0.0/8`) of trusted proxies. */
  readonly trustedProxies?: readonly string[] | undefined;
  /**
   * The headers that these proxies set. Never both: a proxy forwards a header that it does not set from the client, which
   * could forge it.
   */
  readonly proxyHeaders?: 'x-forwarded' | 'forwarded' | undefined;
}

/** Facts about a connection that need no headers. */
export interface ClientConnection {
  readonly address: string | undefined;
  readonly scheme: 'http' | 'https';
}

type Header = (name: string) => string | undefined;

/** Maximum number of hops to examine. */
const mostHops = 50;

/** Creates a function that identifies the client. Headers count only if the connection comes from a trusted proxy. */
export function createClientReader({ trustedProxies = [], proxyHeaders = 'x-forwarded' }: ClientReaderOptions) {
  const isTrusted = createNetworks(trustedProxies);

  return (connection: ClientConnection, header: Header): Client => {
    const direct: Client = { ...connection, host: (header('host') ?? '').toLowerCase() };
    if (!isTrusted(connection.address)) return direct;
    const said = proxyHeaders === 'forwarded' ? readForwarded(header('forwarded')) : readXForwarded(header);
    // From the nearest hop outwards: the first untrusted hop is the client; everything before it may be forged.
    let address = connection.address;
    for (const hop of said.hops.slice(-mostHops).reverse()) {
      if (!isAddress(hop)) break;
      address = hop;
      if (!isTrusted(hop)) break;
    }
    const scheme = said.scheme === 'https' || said.scheme === 'http' ? said.scheme : direct.scheme;
    const host = said.host !== undefined && /^[A-Za-z0-9.:[\]_-]{1,255}$/.test(said.host) ? said.host : direct.host;
    return { address, scheme, host: host.toLowerCase() };
  };
}

export type ClientReader = ReturnType<typeof createClientReader>;

/** Creates a function that checks whether an address is listed or in a listed network. */
export function createNetworks(texts: readonly string[]): (address: string | undefined) => boolean {
  const networks = texts.map(networkOf);
  return (address) => address !== undefined && networks.some((network) => network.has(address));
}

/** The request as node:http has it; undefined if the app is called without a connection. */
export function incomingOf(c: Context): IncomingMessage | undefined {
  return (c.env as { readonly incoming?: IncomingMessage } | undefined)?.incoming;
}

/** The connection of a request. */
export function connectionOf(c: Context): ClientConnection {
  const socket = incomingOf(c)?.socket;
  const isSecure =
    socket === undefined ? c.req.url.startsWith('https:') : 'encrypted' in socket && socket.encrypted === true;
  return { address: socket?.remoteAddress, scheme: isSecure ? 'https' : 'http' };
}

interface Said {
  /** The farthest hop first. */
  readonly hops: readonly string[];
  readonly scheme: string | undefined;
  readonly host: string | undefined;
}

function readXForwarded(header: Header): Said {
  return {
    hops: splitList(header('x-forwarded-for')).map(addressOfHop),
    scheme: splitList(header('x-forwarded-proto'))[0]?.toLowerCase(),
    host: splitList(header('x-forwarded-host'))[0],
  };
}

/** RFC 7239, as proxies write it. A malformed element ends the parsing of its parameters. */
function readForwarded(value: string | undefined): Said {
  const elements = splitList(value).map(
    (element) =>
      new Map(
        element.split(';').flatMap((pair) => {
          const [, name, quoted, token] = /^\s*([A-Za-z]+)=(?:"([^"\\]*)"|([^\s",;]+))\s*$/.exec(pair) ?? [];
          return name === undefined ? [] : [[name.toLowerCase(), quoted ?? token ?? ''] as const];
        }),
      ),
  );
  return {
    hops: elements.map((element) => addressOfHop(element.get('for') ?? '')),
    scheme: elements[0]?.get('proto')?.toLowerCase(),
    host: elements[0]?.get('host'),
  };
}

function splitList(value: string | undefined): string[] {
  return value === undefined ? [] : value.split(',').map((part) => part.trim());
}

/** `192.0.2.1:443` and `[2001:db8::1]:443` without their ports. */
function addressOfHop(text: string): string {
  const [, inBrackets] = /^\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?$/.exec(text) ?? [];
  if (inBrackets !== undefined) return inBrackets;
  return /^\d+\.\d+\.\d+\.\d+:\d{1,5}$/.test(text) ? text.slice(0, text.indexOf(':')) : text;
}

interface Network {
  has(address: string): boolean;
}

function networkOf(text: string): Network {
  const [address, bits] = text.includes('/') ? ipaddr.parseCIDR(text) : [ipaddr.parse(text), undefined];
  const length = bits ?? (address.kind() === 'ipv4' ? 32 : 128);
  return {
    has: (candidate) => {
      const plain = candidate.split('%')[0] ?? '';
      if (!isAddress(plain)) return false;
      // A dual-stack socket reports IPv4 addresses mapped into IPv6.
      const parsed = ipaddr.process(plain);
      return parsed.kind() === address.kind() && parsed.match(address, length);
    },
  };
}
