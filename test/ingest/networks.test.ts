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
  const inverted = [0, 2].map((at) => (((bytes[at]! << 8) | bytes[at + 1]!) ^ 0xffff).toString(16)).join(':');
  return [
    ...[
      `::ffff:${address}`,
      `::ffff:${hex}`,
      `64:ff9b::${hex}`,
      `64:ff9b:1::${hex}`,
      `2002:${hex}::1`,
      `::ffff:0:${hex}`,
    ],
    ...[`2001:0:4136:e378:8000:63bf:${inverted}`, `fd12::5efe:${hex}`, `fd12::200:5efe:${hex}`],
  ];
};

const shut = [
  ...['127.0.0.1', '127.9.9.9', '0.0.0.0', '0.1.2.3', '169.254.169.254', '169.254.0.1', '224.0.0.1', '239.255.255.250'],
  ...['255.255.255.255', '240.0.0.1', '192.0.0.192', '192.0.2.1', '198.18.0.1', '100.100.100.200', '168.63.129.16'],
  ...['::', '::1', 'fe80::1', 'fe80::1%eth0', 'ff02::1', 'fd00:ec2::254', '2001:db8::1', '::7f00:1', '::127.0.0.1'],
  // Not addresses.
  ...['', 'localhost', '127.1.example', '1.2.3.4.5', '[::1]', '1.2.3.4/8'],
];

/** Behind a gateway's own prefix of each length that RFC 6052 knows. */
const translations = (address: string): string[] => {
  const bytes = ipaddr.IPv4.parse(address).toByteArray();
  const prefix = [0x26, 0x06, 0x47, 0, 0x11, 0x22, 0x33, 0x44, 0, 0, 0, 0];
  return [4, 5, 6, 7, 8, 12].map((length) => {
    const whole = [...prefix.slice(0, length), ...bytes];
    // Byte 8 is zero and belongs to no address.
    if (length < 12) whole.splice(8, 0, 0);
    return new ipaddr.IPv6([...whole, ...new Array<number>(16).fill(0)].slice(0, 16)).toString();
  });
};

const metadata = [
  ...['169.254.169.254', '169.254.170.2', '169.254.170.23', '169.254.42.42', '169.254.0.23'],
  ...['100.100.100.200', '192.0.0.192', '168.63.129.16'],
  ...['fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254', 'fd00:c1::a9fe:a9fe', 'fd00:42::42', 'fd00:a9fe:a9fe::1'],
  ...['fe80::a9fe:a9fe'],
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

  it.each(metadata)('refuses the metadata endpoint %s in every form, whatever is allowed', (address) => {
    const everything = { allow: ['0.0.0.0/0', '::/0', address] };
    expect([isAllowedAddress(address, {}), isAllowedAddress(address, everything)]).toEqual([false, false]);
    for (const form of ipaddr.IPv4.isValid(address) ? [...disguises(address), ...translations(address)] : []) {
      expect([form, isAllowedAddress(form, everything)]).toEqual([form, false]);
    }
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
