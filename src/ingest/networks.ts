import ipaddr from 'ipaddr.js';

/** Networks in CIDR form, and addresses. The narrowest network that holds an address decides; of two equal ones `deny` does. */
export interface Networks {
  readonly allow?: readonly string[] | undefined;
  readonly deny?: readonly string[] | undefined;
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Cameras live in private networks, so those are open. Everything else that is not the public network is not. */
const openRanges: ReadonlySet<string> = new Set(['unicast', 'private', 'carrierGradeNat', 'uniqueLocal']);

/** Where clouds tell a machine its own credentials, outside the link-local network, which is shut anyway. */
const metadata: ReadonlySet<string> = new Set(['100.100.100.200', '192.0.0.192', '168.63.129.16', 'fd00:ec2::254']);

/** Whether an address may be connected to. A text that is no address may not. Pure. */
export function isAllowedAddress(text: string, networks: Networks): boolean {
  if (!ipaddr.isValid(text)) return false;
  return readings(ipaddr.parse(text)).every((address) => isAllowed(address, networks));
}

/** Whether a text is an address as it is written everywhere: four decimal numbers, or IPv6. Pure. */
export function isAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text);
}

function isAllowed(address: Address, { allow = [], deny = [] }: Networks): boolean {
  const allowed = narrowest(address, allow);
  const denied = narrowest(address, deny);
  if (allowed === undefined && denied === undefined) {
    return openRanges.has(address.range()) && !metadata.has(address.toString());
  }
  return (allowed ?? -1) > (denied ?? -1);
}

/** How many bits the narrowest of the networks fixes that hold the address; undefined when none does. */
function narrowest(address: Address, networks: readonly string[]): number | undefined {
  const bits = networks.map(parseNetwork).flatMap(([network, length]) => {
    return network.kind() === address.kind() && address.match(network, length) ? [length] : [];
  });
  return bits.length === 0 ? undefined : Math.max(...bits);
}

function parseNetwork(text: string): [Address, number] {
  if (text.includes('/')) return ipaddr.parseCIDR(text);
  const address = ipaddr.parse(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

/**
 * What an address leads to. An IPv6 address that carries an IPv4 one is that one, or, where a gateway translates it, both have
 * to be allowed.
 */
function readings(address: Address): Address[] {
  if (!(address instanceof ipaddr.IPv6)) return [address];
  const bytes = address.toByteArray();
  const embedded = (at: number) => new ipaddr.IPv4(bytes.slice(at, at + 4));
  const range = address.range();
  if (range === 'ipv4Mapped' || range === 'rfc6145') return [embedded(12)];
  if (range === '6to4') return [address, embedded(2)];
  // RFC 6052's own prefix is translated to whatever IPv4 address stands behind it.
  if (range === 'rfc6052') return [embedded(12)];
  const isCompatible = bytes.slice(0, 12).every((byte) => byte === 0) && bytes.slice(12).some((byte) => byte > 1);
  return isCompatible ? [address, embedded(12)] : [address];
}
