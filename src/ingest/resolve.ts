import { lookup } from 'node:dns/promises';
import { SidepipeError } from '../errors.js';
import { isAllowedAddress, type Networks } from './networks.js';
import { addressRefused } from './policy.js';

/** One address of a host. */
export interface HostAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/**
 * All addresses of a host, in the resolver's order. The host is a name, an address with or without brackets, or anything else that the
 * resolver accepts. With `networks`, only allowed addresses are returned; connecting to these addresses makes DNS rebinding
 * ineffective. Throws `source-unavailable`, or `source-refused` if no address is allowed.
 */
export async function resolveAddresses(host: string, networks?: Networks): Promise<readonly HostAddress[]> {
  const found = await lookup(host.replace(/^\[|\]$/g, ''), { all: true, verbatim: true }).catch((cause: unknown) => {
    throw new SidepipeError(
      "The source's host name cannot be resolved. Check its spelling and the DNS server of this machine.",
      {
        code: 'source-unavailable',
        fault: 'source',
        retryable: true,
        cause,
      },
    );
  });
  const addresses = found.map(({ address, family }): HostAddress => ({ address, family: family === 6 ? 6 : 4 }));
  if (networks === undefined) return addresses;
  const allowed = addresses.filter(({ address }) => isAllowedAddress(address, networks));
  if (allowed.length === 0) throw addressRefused();
  return allowed;
}

/** An address as written in a URL. */
export function hostOf({ address, family }: HostAddress): string {
  return family === 6 ? `[${address}]` : address;
}

type LookupCallback = (error: Error | null, address: string | HostAddress[], family?: number) => void;

/** A `lookup` function for sockets that returns only these addresses, which are tried in order. */
export function lookupAmong(addresses: readonly HostAddress[]) {
  return (_host: string, options: { readonly all?: boolean | undefined }, done: LookupCallback): void => {
    const [first] = addresses;
    if (options.all) done(null, [...addresses]);
    else done(null, first?.address ?? '', first?.family);
  };
}
