import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClientReaderOptions, createClientReader } from '../../../src/http/access/client.js';

function read(options: ClientReaderOptions, address: string, headers: Record<string, string>) {
  return createClientReader(options)({ address, scheme: 'http' }, (name) => headers[name]);
}

const trustedProxies = ['10.0.0.0/8', '2001:db8:1::/48', '192.0.2.7'];

describe('createClientReader', () => {
  it('takes the word of nobody unless told', () => {
    const headers = {
      host: 'Node:8080',
      'x-forwarded-for': '203.0.113.5',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'evil.example',
      forwarded: 'for=203.0.113.5;proto=https',
    };
    const direct = { address: '10.0.0.1', scheme: 'http', host: 'node:8080' };
    expect(read({}, '10.0.0.1', headers)).toEqual(direct);
    expect(read({ trustedProxies }, '198.51.100.1', headers)).toEqual({ ...direct, address: '198.51.100.1' });
  });

  it.each([
    ['10.1.2.3', '203.0.113.5', '203.0.113.5'],
    ['::ffff:10.1.2.3', '203.0.113.5', '203.0.113.5'],
    ['2001:db8:1:9::4', '2001:db8:9::1', '2001:db8:9::1'],
    ['192.0.2.7', '203.0.113.5:4711', '203.0.113.5'],
    ['10.1.2.3', '[2001:db8:9::1]:4711', '2001:db8:9::1'],
    // What the client wrote itself stands before the address that the proxy saw.
    ['10.1.2.3', '1.1.1.1, 203.0.113.5, 10.9.9.9', '203.0.113.5'],
    ['10.1.2.3', 'hello, 10.9.9.9', '10.9.9.9'],
    ['10.1.2.3', '', '10.1.2.3'],
    ['10.1.2.3', '1', '10.1.2.3'],
    ['10.1.2.3', '10.9.9.9', '10.9.9.9'],
  ])('from %s with X-Forwarded-For %j is %s', (address, chain, client) => {
    expect(read({ trustedProxies }, address, { 'x-forwarded-for': chain }).address).toBe(client);
  });

  it('reads scheme and host from a trusted proxy, where they can be such', () => {
    const from = (headers: Record<string, string>) =>
      read({ trustedProxies }, '10.0.0.1', { host: 'inner', ...headers });
    expect(from({ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'Live.Example' })).toEqual({
      address: '10.0.0.1',
      scheme: 'https',
      host: 'live.example',
    });
    expect(from({ 'x-forwarded-proto': 'gopher', 'x-forwarded-host': 'a b/c' })).toMatchObject({
      scheme: 'http',
      host: 'inner',
    });
  });

  it('reads Forwarded where that is what the proxies write, and then nothing else', () => {
    const options: ClientReaderOptions = { trustedProxies, proxyHeaders: 'forwarded' };
    const headers = {
      host: 'inner',
      forwarded: 'for="[2001:db8:9::1]:47";proto=https;host="live.example", for=10.4.4.4',
      'x-forwarded-for': '1.2.3.4',
    };
    const outcome = { address: '2001:db8:9::1', scheme: 'https', host: 'live.example' };
    expect(read(options, '10.0.0.1', headers)).toEqual(outcome);
    expect(read({ trustedProxies }, '10.0.0.1', headers).address).toBe('1.2.3.4');
    expect(read(options, '10.0.0.1', { forwarded: 'for=_hidden, for=unknown' }).address).toBe('10.0.0.1');
  });

  it('never gives more than an address, whatever is written', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom('x-forwarded' as const, 'forwarded' as const), (text, proxyHeaders) => {
        const headers = { 'x-forwarded-for': text, forwarded: text, 'x-forwarded-host': text };
        const { address, host } = read({ trustedProxies, proxyHeaders }, '10.0.0.1', headers);
        expect(address).toMatch(/^[0-9a-fA-F.:]+(?:%\w+)?$/);
        expect(host).toMatch(/^[a-z0-9.:[\]_-]*$/);
      }),
    );
  });
});
