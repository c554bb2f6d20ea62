import { randomUUID } from 'node:crypto';
import { steadyNow } from '../../clock.js';
import type { FailoverLimits } from './failover.js';
import type { ProcessWitness } from './lease/lease.js';
import type { Clock, PublishEvent, PublishMetric, PublishTiming, StorePublisherOptions } from './types.js';

/** The system clock. */
const systemClock: Clock = {
  now: steadyNow,
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

/** How this node takes leases. */
export interface LeaseSettings {
  readonly ttlMs: number;
  readonly owner: string;
  readonly witness: ProcessWitness | undefined;
}

/** The options of a publisher with every default filled in. */
export interface PublisherSettings {
  readonly clock: Clock;
  readonly random: () => number;
  readonly concurrency: number;
  readonly verify: boolean;
  /** Undefined: any number of writers. */
  readonly lease: LeaseSettings | undefined;
  readonly failover: FailoverLimits;
  readonly audit: { readonly intervalMs: number } | undefined;
  readonly orphanIntervalMs: number;
  readonly timing: PublishTiming;
  log(event: PublishEvent): void;
  observe(metric: PublishMetric): void;
}

export function settingsOf(options: StorePublisherOptions): PublisherSettings {
  const lease = options.lease === false ? undefined : (options.lease ?? {});
  const audit = options.audit === false ? undefined : (options.audit ?? {});
  return {
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    concurrency: Math.max(1, options.concurrency ?? 8),
    verify: options.verify ?? true,
    lease: lease && { ttlMs: lease.ttlMs ?? 12_000, owner: lease.owner ?? randomUUID(), witness: lease.witness },
    failover: {
      afterMs: options.fallback?.afterMs ?? 30_000,
      handBackAfterMs: options.fallback?.handBackAfterMs ?? 10_000,
    },
    audit: audit && { intervalMs: audit.intervalMs ?? 60_000 },
    orphanIntervalMs: options.orphanIntervalMs ?? 600_000,
    timing: {
      retryBaseMs: 200,
      retryCapMs: 5000,
      probeCapMs: 1000,
      probeTimeoutMs: 3000,
      refusedCapMs: 30_000,
      trialCapMs: 10_000,
      quietMs: 30_000,
      refusedSegmentMs: 90_000,
      attemptMs: 8000,
      minimumBytesPerSecond: 64 * 1024,
      coalesceMs: 1000,
      ...options.timing,
    },
    log: options.log ?? (() => {}),
    observe: options.observe ?? (() => {}),
  };
}
