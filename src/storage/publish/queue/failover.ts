/** Pure: which of two stores is in use. */

export interface FailoverFacts {
  readonly active: 'first' | 'second';
  /** Since when the first store takes nothing; undefined while it does. Milliseconds since the epoch. */
  readonly firstTroubledSince: number | undefined;
  /** Since when every probe of the first store was answered; undefined after one that was not. */
  readonly firstAnswersSince: number | undefined;
  readonly secondTroubled: boolean;
  readonly now: number;
}

export interface FailoverLimits {
  /** The first store may take nothing for this long. */
  readonly afterMs: number;
  /** The first store must answer for this long before it is handed back to. */
  readonly handBackAfterMs: number;
}

/** Never flees from one store that is down to another that is, but always returns to the first when it is well. */
export function chooseStore(facts: FailoverFacts, limits: FailoverLimits): 'first' | 'second' {
  const { active, firstTroubledSince, firstAnswersSince, secondTroubled, now } = facts;
  if (active === 'first') {
    const lost = firstTroubledSince !== undefined && now - firstTroubledSince >= limits.afterMs;
    return lost && !secondTroubled ? 'second' : 'first';
  }
  return firstAnswersSince !== undefined && now - firstAnswersSince >= limits.handBackAfterMs ? 'first' : 'second';
}
