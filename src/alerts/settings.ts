import type { Config } from '../config/schema/schema.js';
import type { AlertThresholds } from './alert.js';

/** The alert thresholds of each stream: its own settings override the node's; undefined if disabled. Pure. */
export function thresholdsOf({ alerts, streams }: Pick<Config, 'alerts' | 'streams'>) {
  const byName = new Map<string, AlertThresholds | undefined>();
  for (const { name, alerts: own } of streams) {
    const { enabled, ...overrides } = own;
    const told = Object.entries(overrides).filter(([, value]) => value !== undefined);
    byName.set(name, enabled ? thresholds({ ...alerts, ...Object.fromEntries(told) }) : undefined);
  }
  const others = thresholds(alerts);
  return (stream: string): AlertThresholds | undefined => (byName.has(stream) ? byName.get(stream) : others);
}

function thresholds(alerts: Config['alerts']): AlertThresholds {
  return {
    raisedAfterSeconds: {
      stale: alerts.staleAfterSeconds,
      black: alerts.blackAfterSeconds,
      flat: alerts.flatAfterSeconds,
      frozen: alerts.frozenAfterSeconds,
      offline: alerts.offlineAfterSeconds,
      lagging: alerts.laggingAfterSeconds,
      unpublished: alerts.unpublishedAfterSeconds,
      unreadable: alerts.unreadableAfterSeconds,
      refused: alerts.refusedAfterSeconds,
      gaps: alerts.gapsAfterSeconds,
    },
    clearedAfterSeconds: alerts.clearedAfterSeconds,
  };
}
