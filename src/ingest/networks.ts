import ipaddr from 'ipaddr.js';

/** Networks in CIDR form, and addresses. The most specific network that contains an address decides; for equal ones `deny` wins. */
export interface Networks {
  readonly allow?: readonly string[] | undefined;
  readonly deny?: readonly string[] | undefined;
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Private networks are allowed, because cameras are there. Every other range outside the public network is not. */
const openRanges: ReadonlySet<string> = new Set(['unicast', 'private', 'carrierGradeNat', 'uniqueLocal']);

/**
 * Cloud metadata endpoints, which return the machine's own credentials. They are refused regardless of `allow`. The link-local ones are
 * listed because cameras without DHCP are link-local, so `allow` may include that network.
 */
const metadataAddresses: ReadonlySet<string> = new Set([
  // AWS and most others; AWS: ECS, EKS; Scaleway; Tencent.
  ...['169.254.169.254', '169.254.170.2', '169.254.170.23', '169.254.42.42', '169.254.0.23'],
  // Alibaba, Oracle, Azure.
  ...['100.100.100.200', '192.0.0.192', '168.63.129.16'],
]);
/** The same for IPv6. Whole networks: the vendors' other services in them are no video sources either. */
const metadataNetworks = [
  // AWS (fd00:ec2::254, EKS fd00:ec2::23), Google, Oracle, Scaleway, Linode, OpenStack.
  ...['fd00:ec2::/32', 'fd20:ce::/32', 'fd00:c1::/32', 'fd00:42::/32', 'fd00:a9fe:a9fe::/48', 'fe80::a9fe:a9fe/128'],
].map((text) => ipaddr.IPv6.parseCIDR(text));

/** Whether connecting to an address is allowed. Text that is not an address is not allowed. Pure. */
export function isAllowedAddress(text: string, networks: Networks): boolean {
  if (!ipaddr.isValid(text)) return false;
  return readings(ipaddr.parse(text)).every((address) => isAllowed(address, networks));
}

function isAllowed(address: Address, { allow = [], deny = [] }: Networks): boolean {
  if (isMetadata(address)) return false;
  const allowed = narrowest(address, allow);
  const denied = narrowest(address, deny);
  if (allowed === undefined && denied === undefined) {
    return openRanges.has(address.range());
  }
  return (allowed ?? -1) > (denied ?? -1);
}

/**
 * An IPv6-to-IPv4 gateway can have any prefix. The list is so short that an IPv6 address that contains one of its addresses means it.
 */
function isMetadata(address: Address): boolean {
  if (address instanceof ipaddr.IPv4) return metadataAddresses.has(address.toString());
  const bytes = address.toByteArray();
  if (translatedAt.some((places) => metadataAddresses.has(places.map((place) => bytes[place]).join('.')))) return true;
  return metadataNetworks.some(([network, bits]) => address.match(network, bits));
}

/** RFC 6052, 2.2: the bytes of the IPv4 address behind a prefix of 32, 40, 48, 56, 64 and 96 bits. Byte 8 is always zero. */
const translatedAt = [
  ...[
    [4, 5, 6, 7],
    [5, 6, 7, 9],
    [6, 7, 9, 10],
  ],
  ...[
    [7, 9, 10, 11],
    [9, 10, 11, 12],
    [12, 13, 14, 15],
  ],
] as const;

/** The prefix length of the most specific network that contains the address; undefined if none does. */
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
 * The addresses that an address leads to. An IPv6 address that embeds an IPv4 address means that address; if a gateway translates it,
 * both must be allowed.
 */
function readings(address: Address): Address[] {
  if (!(address instanceof ipaddr.IPv6)) return [address];
  const bytes = address.toByteArray();
  const embedded = (at: number) => new ipaddr.IPv4(bytes.slice(at, at + 4));
  const range = address.range();
  if (range === 'ipv4Mapped' || range === 'rfc6145') return [embedded(12)];
  if (range === '6to4') return [address, embedded(2)];
  // RFC 4380, 4: the client's address, every bit inverted.
  if (range === 'teredo') return [address, new ipaddr.IPv4(bytes.slice(12).map((byte) => byte ^ 0xff))];
  // RFC 5214, 6.1: the interface identifier of ISATAP.
  const isIsatap = (bytes[8]! & 0xfd) === 0 && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe;
  if (isIsatap) return [address, embedded(12)];
  // The prefix of RFC 6052 is translated to the embedded IPv4 address.
  if (range === 'rfc6052') return [embedded(12)];
  const isCompatible = bytes.slice(0, 12).every((byte) => byte === 0) && bytes.slice(12).some((byte) => byte > 1);
  return isCompatible ? [address, embedded(12)] : [address];
}
