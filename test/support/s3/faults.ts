/** Faults on demand: rules that are asked for every request. */

export type Fault =
  /** Answers this much later. */
  | { readonly kind: 'latency'; readonly ms: number }
  /** Answers with an error; `after-commit`: although the work was done. */
  | {
      readonly kind: 'error';
      readonly status: number;
      readonly code: string;
      readonly when?: 'before-commit' | 'after-commit';
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Something else than the store answers: a proxy, a firewall, a captive portal. */
  | {
      readonly kind: 'page';
      readonly status: number;
      readonly body: string;
      /** Default: `text/html`. */
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Cuts the connection: in the middle of the upload, after it and before the commit, or after the commit. */
  | { readonly kind: 'reset'; readonly when: 'during-body' | 'before-commit' | 'after-commit' }
  /** Reads and writes bodies at this speed. */
  | { readonly kind: 'trickle'; readonly bytesPerSecond: number }
  /** Takes the request and never answers; nothing is committed. */
  | { readonly kind: 'stall' }
  /** After a PUT that succeeds, this many GETs and HEADs of the key answer 404. */
  | { readonly kind: 'hide'; readonly reads: number };

export interface FaultRule {
  readonly fault: Fault;
  readonly method?: string;
  /** Tested against the key; the empty text for requests to the bucket. */
  readonly key?: RegExp;
  /** 0 to 1; unset: always. */
  readonly probability?: number;
  /** Requests that match and are let through before the rule begins. */
  readonly skip?: number;
  /** How often the rule fires at most. */
  readonly count?: number;
}

export interface FaultPlan {
  add(...rules: readonly FaultRule[]): void;
  clear(): void;
  /** The faults that befall this request. */
  choose(method: string, key: string): Fault[];
  /** How often each kind fired. */
  readonly fired: Readonly<Record<string, number>>;
}

export function createFaultPlan(seed: number): FaultPlan {
  const random = createRandom(seed);
  const fired: Record<string, number> = {};
  let rules: { rule: FaultRule; matched: number; fired: number }[] = [];
  return {
    fired,
    add(...added) {
      rules.push(...added.map((rule) => ({ rule, matched: 0, fired: 0 })));
    },
    clear() {
      rules = [];
    },
    choose(method, key) {
      const chosen: Fault[] = [];
      for (const state of rules) {
        const { rule } = state;
        if (rule.method !== undefined && rule.method !== method) continue;
        if (rule.key !== undefined && !rule.key.test(key)) continue;
        state.matched += 1;
        if (state.matched <= (rule.skip ?? 0) || state.fired >= (rule.count ?? Number.POSITIVE_INFINITY)) continue;
        if (rule.probability !== undefined && random() >= rule.probability) continue;
        state.fired += 1;
        fired[rule.fault.kind] = (fired[rule.fault.kind] ?? 0) + 1;
        chosen.push(rule.fault);
      }
      return chosen;
    },
  };
}

/** Mulberry32: the same seed, the same faults. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}
