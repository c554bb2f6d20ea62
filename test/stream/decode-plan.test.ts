import { describe, expect, it } from 'vitest';
import { firstChoice } from '../../src/frames/decode.js';
import { DecodePlan } from '../../src/stream/decode-plan.js';

const first = firstChoice('auto', 5);
const dear = { mode: 'references', reason: 'a test', longestGapSeconds: Number.POSITIVE_INFINITY } as const;

function makePlan() {
  const clock = { now: 1_800_000_000_000 };
  return { clock, plan: new DecodePlan({ first, now: () => clock.now }) };
}

describe('DecodePlan', () => {
  it('keeps a dear choice over restarts, and tries the first one again at a restart ten minutes later', () => {
    const { clock, plan } = makePlan();
    expect(plan.choice).toBe(first);
    plan.take(dear);
    plan.lost();
    clock.now += 599_000;
    plan.lost();
    expect(plan.choice).toBe(dear);
    clock.now += 1000;
    expect(plan.choice).toBe(dear);
    plan.lost();
    expect(plan.choice).toBe(first);
  });

  it('begins with the first choice for another source', () => {
    const { plan } = makePlan();
    plan.take(dear);
    plan.anew();
    expect(plan.choice).toBe(first);
  });
});
