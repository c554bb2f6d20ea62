import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkPlayback, signPlayback } from '../../../src/http/access/playback-token.js';

const now = 1_800_000_000_000;
const key = { id: 'k1', secret: 'a-secret-of-at-least-32-characters' };
const older = { id: 'k0', secret: 'another-secret-of-32-characters-or-so' };
const token = signPlayback({ key, stream: 'door', expiresAt: now + 60_000 });
const check = (given: string | undefined, stream = 'door', at = now, keys = [key]) =>
  checkPlayback(given, { keys, stream, now: at });

describe('signPlayback', () => {
  it('writes key, expiry and signature, all fit for a URL', () => {
    expect(token).toMatch(/^k1\.1800000060\.[A-Za-z0-9_-]{43}$/);
    expect(signPlayback({ key, stream: 'door', expiresAt: new Date(now + 60_000) })).toBe(token);
  });

  it('refuses what cannot be signed', () => {
    expect(() => signPlayback({ key: { ...key, id: 'a.b' }, stream: 'door', expiresAt: now })).toThrow(RangeError);
    expect(() => signPlayback({ key, stream: 'door', expiresAt: Number.NaN })).toThrow(RangeError);
  });

  it('is the same for everyone who signs by the docs', () => {
    // printf 'sidepipe-playback\nk1\ndoor\n1800000060' | openssl dgst -sha256 -hmac SECRET -binary | basenc --base64url
    expect(token).toBe('k1.1800000060.O1twOdQ4H-4pLdHA4jDvcTRMRFakC00bLc8ZK741TjI');
  });
});

describe('checkPlayback', () => {
  it('opens its stream until it expires, and no other', () => {
    expect(check(token)).toEqual({ ok: true, expiresAt: now + 60_000 });
    expect(check(token, 'door', now + 59_999)).toMatchObject({ ok: true });
    expect(check(token, 'door', now + 60_000)).toEqual({ ok: false, reason: 'expired' });
    expect(check(token, 'yard')).toEqual({ ok: false, reason: 'signature' });
    expect(check(token, 'door2')).toEqual({ ok: false, reason: 'signature' });
    expect(check(undefined)).toEqual({ ok: false, reason: 'missing' });
    expect(check('')).toEqual({ ok: false, reason: 'missing' });
  });

  it('takes all keys while they are rotated', () => {
    const old = signPlayback({ key: older, stream: 'door', expiresAt: now + 60_000 });
    expect(check(old)).toEqual({ ok: false, reason: 'signature' });
    expect(check(old, 'door', now, [key, older])).toMatchObject({ ok: true });
    expect(check(old.replace('k0', 'k1'), 'door', now, [key, older])).toEqual({ ok: false, reason: 'signature' });
  });

  it('sees every change of a single character', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.';
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom(...alphabet), (place, letter) => {
        const changed = token.slice(0, place) + letter + token.slice(place + 1);
        expect(check(changed).ok).toBe(changed === token);
      }),
      { numRuns: 500 },
    );
  });

  it('says of a wrong signature that it is wrong before it says that it is old', () => {
    expect(check(token.replace('1800000060', '1000000000'))).toEqual({ ok: false, reason: 'signature' });
  });

  it('is never opened by what it did not sign', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(check(text).ok).toBe(false);
      }),
    );
  });
});
