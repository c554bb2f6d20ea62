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
 * Every address of a host, in the resolver's order: a name, an address, with or without brackets, or whatever else the resolver
 * takes for one. With `networks` only those that they allow, so whoever connects to what comes from here cannot be led
 * elsewhere by a name that changes. Throws `source-unavailable`, or `source-refused` where no address is allowed.
 */
export async function resolveAddresses(host: string, networks?: Networks): Promise<readonly HostAddress[]> {
  const found = await lookup(host.replace(/^\[|\]$/g, ''), { all: true, verbatim: true }).catch((cause: unknown) => {
    throw new SidepipeError("the source's host name is not known", {
      code: 'source-unavailable',
      fault: 'source',
      retryable: true,
      cause,
    });
  });
  const addresses = found.map(({ address, family }): HostAddress => ({ address, family: family === 6 ? 6 : 4 }));
  if (networks === undefined) return addresses;
  const allowed = addresses.filter(({ address }) => isAllowedAddress(address, networks));
  if (allowed.length === 0) throw addressRefused();
  return allowed;
}

/** An address as it stands in a URL. */
export function hostOf({ address, family }: HostAddress): string {
  return family === 6 ? `[${address}]` : address;
}

type LookupCallback = (error: Error | null, address: string | HostAddress[], family?: number) => void;

/** A `lookup` for sockets that knows these addresses only: they are tried one after another. */
export function lookupAmong(addresses: readonly HostAddress[]) {
  return (_host: string, options: { readonly all?: boolean | undefined }, done: LookupCallback): void => {
    const [first] = addresses;
    if (options.all) done(null, [...addresses]);
    else done(null, first?.address ?? '', first?.family);
  };
}
