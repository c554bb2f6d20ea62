import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signatureHeaders } from '../../src/alerts/signature.js';
import { verifyWebhook } from '../../src/index.js';

const secret = 'a secret of some length';
const body = '{"id":"1","stream":"höf"}';
const now = 1_800_000_000_000;
const headers = signatureHeaders({ secret, body, timestamp: now / 1000 });

describe('verifyWebhook', () => {
  it('signs as documented', () => {
    const hex = createHmac('sha256', secret).update(`1800000000.${body}`).digest('hex');
    expect(headers).toEqual({ 'sidepipe-timestamp': '1800000000', 'sidepipe-signature': `v1=${hex}` });
  });

  it('takes what was signed, in each form of headers and body', () => {
    expect(verifyWebhook({ secret, headers, body, now })).toBe(true);
    expect(verifyWebhook({ secret, headers: new Headers(headers), body: Buffer.from(body), now })).toBe(true);
    const capital = { 'Sidepipe-Timestamp': '1800000000', 'Sidepipe-Signature': headers['sidepipe-signature'] };
    expect(verifyWebhook({ secret, headers: capital, body, now })).toBe(true);
  });

  it('takes one of several signatures, for a secret that is changed', () => {
    const both = { ...headers, 'sidepipe-signature': `v1=${'0'.repeat(64)}, ${headers['sidepipe-signature']}` };
    expect(verifyWebhook({ secret, headers: both, body, now })).toBe(true);
  });

  it('refuses another secret, body or time, and what is missing', () => {
    expect(verifyWebhook({ secret: `${secret}.`, headers, body, now })).toBe(false);
    expect(verifyWebhook({ secret, headers, body: `${body} `, now })).toBe(false);
    expect(verifyWebhook({ secret, headers: { ...headers, 'sidepipe-timestamp': '1800000001' }, body, now })).toBe(
      false,
    );
    expect(verifyWebhook({ secret, headers: {}, body, now })).toBe(false);
    expect(verifyWebhook({ secret, headers: { ...headers, 'sidepipe-signature': undefined }, body, now })).toBe(false);
  });

  it('refuses what is too old, or from the future', () => {
    for (const offset of [-301_000, 301_000])
      expect(verifyWebhook({ secret, headers, body, now: now + offset })).toBe(false);
    for (const offset of [-300_000, 300_000])
      expect(verifyWebhook({ secret, headers, body, now: now + offset })).toBe(true);
    expect(verifyWebhook({ secret, headers, body, now: now + 2000, toleranceSeconds: 1 })).toBe(false);
    expect(verifyWebhook({ secret, headers, body, now: Number.NaN })).toBe(false);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (timestamp, signature, text) => {
        const made = { 'sidepipe-timestamp': timestamp, 'sidepipe-signature': signature };
        expect(verifyWebhook({ secret, headers: made, body: text, now })).toBe(false);
      }),
    );
  });
});
