import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBearer } from '../../src/http/auth.js';

const token = 'the-right-token-of-all';
const right = `Bearer ${token}`;
const now = 1_800_000_000_000;
const address = '192.0.2.1';

describe('createBearer', () => {
  it('lets the token pass, in any case of the scheme', () => {
    const bearer = createBearer({ token });
    for (const authorization of [right, `bearer ${token}`, `BEARER   ${token} `]) {
      expect(bearer.refusal({ authorization, address, now })).toBeUndefined();
    }
  });

  it('refuses everything else, and says how to ask', () => {
    const bearer = createBearer({ token, failures: 1000 });
    for (const authorization of [
      undefined,
      '',
      token,
      `Basic ${token}`,
      `Bearer ${token}x`,
      `Bearer ${token.slice(1)}`,
    ]) {
      const problem = bearer.refusal({ authorization, address, now });
      expect(problem?.status).toBe(401);
      expect(problem?.headers?.['www-authenticate']).toContain('Bearer');
      expect(problem?.detail).not.toContain(token);
    }
  });

  it('never takes what only looks alike', () => {
    const bearer = createBearer({ token, failures: Number.POSITIVE_INFINITY });
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(text.trim() !== token);
        expect(bearer.refusal({ authorization: `Bearer ${text}`, address, now })?.status).toBe(401);
      }),
    );
  });

  it('stops a guesser, the right token included, until the window is over', () => {
    const bearer = createBearer({ token, failures: 3, windowMs: 60_000 });
    for (let each = 0; each < 3; each += 1) bearer.refusal({ authorization: 'Bearer wrong', address, now });
    const refused = bearer.refusal({ authorization: right, address, now: now + 1000 });
    expect(refused?.status).toBe(429);
    expect(refused?.headers?.['retry-after']).toBe('59');
    expect(bearer.refusal({ authorization: right, address: '192.0.2.2', now })).toBeUndefined();
    expect(bearer.refusal({ authorization: right, address: `::ffff:${address}`, now })?.status).toBe(429);
    expect(bearer.refusal({ authorization: right, address, now: now + 60_000 })).toBeUndefined();
    expect(bearer.remembered).toBe(0);
  });

  it('does not count who asks without a token', () => {
    const bearer = createBearer({ token, failures: 1 });
    for (let each = 0; each < 5; each += 1) bearer.refusal({ authorization: undefined, address, now });
    expect(bearer.refusal({ authorization: right, address, now })).toBeUndefined();
  });

  it('takes an IPv6 network for one address', () => {
    const bearer = createBearer({ token, failures: 2 });
    for (const last of [1, 2]) bearer.refusal({ authorization: 'Bearer no', address: `2001:db8:1:2::${last}`, now });
    expect(bearer.refusal({ authorization: right, address: '2001:0db8:1:2:3::9', now })?.status).toBe(429);
    expect(bearer.refusal({ authorization: right, address: '2001:db8:1:3::1', now })).toBeUndefined();
  });

  it('remembers a bounded number of addresses', () => {
    const bearer = createBearer({ token, remembered: 50 });
    for (let each = 0; each < 500; each += 1) {
      bearer.refusal({ authorization: 'Bearer no', address: `10.0.${each >> 8}.${each & 255}`, now });
    }
    expect(bearer.remembered).toBe(50);
  });
});
