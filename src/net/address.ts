import ipaddr from 'ipaddr.js';

/** Whether a text is an IP address in canonical notation: legacy resolvers also accept `1` and `0x7f.1`. Pure. */
export function isAddress(text: string): boolean {
  return text.includes(':') ? ipaddr.IPv6.isValid(text) : ipaddr.IPv4.isValidFourPartDecimal(text);
}

/**
 * The key of a client in tables: a whole IPv4 address, also if mapped into IPv6, or the /64 of an IPv6 address, which one host usually
 * owns. Text that is not an address is its own group. Pure.
 */
export function addressGroup(address: string): string {
  if (!address.includes(':')) return address;
  // The form in which Node.js writes IPv4 clients of a listener for both families: frequent, so it is not parsed.
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined && isAddress(mapped)) return mapped;
  const plain = address.split('%')[0] ?? '';
  if (!isAddress(plain)) return address;
  const parsed = ipaddr.process(plain);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return (parsed as ipaddr.IPv6).parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':');
}
