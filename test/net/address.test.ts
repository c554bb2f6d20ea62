import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressGroup, isAddress } from '../../src/net/address.js';

describe('isAddress', () => {
  it('accepts the addresses of both families, and no legacy notation', () => {
    fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => isAddress(address)));
    for (const text of ['', '1', '0x7f.1', '127.1', '1.2.3.4.5', '256.1.1.1', 'localhost', '[::1]', ':::']) {
      expect(isAddress(text)).toBe(false);
    }
  });
});

describe('addressGroup', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:10.1.2.3', '10.1.2.3'],
    ['2001:0db8:1:2:3::9', '2001:db8:1:2'],
    ['2001:db8:0:1:aaaa::1', '2001:db8:0:1'],
    ['2001:0DB8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['not:an:address', 'not:an:address'],
    ['', ''],
  ])('puts %s into %s', (address, group) => {
    expect(addressGroup(address)).toBe(group);
  });

  it('puts an IPv4 address and its mapped form into the same group, and two addresses into two', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), (one, other) => {
        expect(addressGroup(`::ffff:${one}`)).toBe(addressGroup(one));
        expect(addressGroup(one) === addressGroup(other)).toBe(one === other);
      }),
    );
  });

  it('puts IPv6 addresses into one group exactly if their first 64 bits are equal', () => {
    const half = fc.array(fc.integer({ min: 1, max: 0xffff }), { minLength: 4, maxLength: 4 });
    const text = (parts: readonly number[]) => parts.map((part) => part.toString(16)).join(':');
    fc.assert(
      fc.property(half, half, half, (network, host, other) => {
        const group = addressGroup(text([...network, ...host]));
        expect(addressGroup(text([...network, ...other]).toUpperCase())).toBe(group);
        expect(addressGroup(text([...other, ...host])) === group).toBe(text(other) === text(network));
      }),
    );
  });
});
