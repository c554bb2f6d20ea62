import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { isAllowedAddress } from '../../src/ingest/networks.js';

const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
const ipv4 = octets.map((parts) => parts.join('.'));
const ipv6 = fc.ipV6();

/** Every way in which IPv6 can stand for an IPv4 address. */
const disguises = (address: string): string[] => {
  const bytes = ipaddr.IPv4.parse(address).toByteArray();
  const hex = [0, 2].map((at) => ((bytes[at]! << 8) | bytes[at + 1]!).toString(16)).join(':');
  return [`::ffff:${address}`, `::ffff:${hex}`, `64:ff9b::${hex}`, `2002:${hex}::1`, `::ffff:0:${hex}`];
};

const shut = [
  ...['127.0.0.1', '127.9.9.9', '0.0.0.0', '0.1.2.3', '169.254.169.254', '169.254.0.1', '224.0.0.1', '239.255.255.250'],
  ...['255.255.255.255', '240.0.0.1', '192.0.0.192', '192.0.2.1', '198.18.0.1', '100.100.100.200', '168.63.129.16'],
  ...['::', '::1', 'fe80::1', 'fe80::1%eth0', 'ff02::1', 'fd00:ec2::254', '2001:db8::1', '::7f00:1', '::127.0.0.1'],
  // Not addresses.
  ...['', 'localhost', '127.1.example', '1.2.3.4.5', '[::1]', '1.2.3.4/8'],
];

describe('isAllowedAddress', () => {
  it.each(shut)('shuts %s', (address) => {
    expect(isAllowedAddress(address, {})).toBe(false);
  });

  it.each(['10.0.0.7', '192.168.1.20', '172.16.3.4', '100.64.0.9', '8.8.8.8', 'fd12::7', '2606:4700::1111'])(
    'opens %s, where cameras and servers are',
    (address) => {
      expect(isAllowedAddress(address, {})).toBe(true);
    },
  );

  it('takes an IPv4 address for what it is, however IPv6 writes it', () => {
    fc.assert(
      fc.property(fc.oneof(ipv4, fc.constantFrom(...shut.filter((each) => ipaddr.IPv4.isValid(each)))), (address) => {
        if (isAllowedAddress(address, {})) return;
        for (const disguise of disguises(address))
          expect([disguise, isAllowedAddress(disguise, {})]).toEqual([disguise, false]);
      }),
    );
  });

  it('lets nothing through where everything is denied, but what a narrower network allows', () => {
    const deny = ['0.0.0.0/0', '::/0'];
    fc.assert(
      fc.property(fc.oneof(ipv4, ipv6), (address) => {
        expect(isAllowedAddress(address, { deny })).toBe(false);
        expect(isAllowedAddress(address, { allow: deny, deny })).toBe(false);
      }),
    );
    fc.assert(
      fc.property(ipv4, fc.integer({ min: 1, max: 32 }), ipv4, (network, bits, address) => {
        const allow = [`${network}/${bits}`];
        const isInside = ipaddr.IPv4.parse(address).match(ipaddr.IPv4.parse(network), bits);
        expect(isAllowedAddress(address, { allow, deny })).toBe(isInside);
      }),
    );
  });

  it('lets the narrowest network decide, and `deny` of two equal ones', () => {
    const networks = { allow: ['127.0.0.0/8', '10.1.2.3'], deny: ['127.0.0.0/16', '10.0.0.0/8', '10.1.2.3/32'] };
    expect(isAllowedAddress('127.1.0.1', networks)).toBe(true);
    expect(isAllowedAddress('127.0.0.1', networks)).toBe(false);
    expect(isAllowedAddress('10.1.2.3', networks)).toBe(false);
    expect(isAllowedAddress('::1', { allow: ['::1'] })).toBe(true);
    expect(isAllowedAddress('::ffff:127.0.0.1', { allow: ['127.0.0.1'] })).toBe(true);
  });

  it('never throws', () => {
    const text = fc.oneof(
      fc.string(),
      ipv6,
      fc.string({ unit: fc.constantFrom('0', '1', ':', '.', 'f', 'x', '%', '/') }),
    );
    fc.assert(
      fc.property(text, (address) => void isAllowedAddress(address, { deny: ['10.0.0.0/8'] })),
      { numRuns: 2000 },
    );
  });
});
