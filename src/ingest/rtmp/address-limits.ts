import { addressGroup } from '../../net/address.js';
import { createRateLimit } from '../../net/rate-limit.js';

export interface AddressLimitsOptions {
  /** Maximum number of open connections per address. */
  readonly connections: number;
  /** Wrong keys from an address within the window before it is refused for the rest of the window. */
  readonly failures: number;
  readonly failureWindowMs: number;
  /** Maximum number of addresses whose failures are remembered. */
  readonly remembered: number;
}

export interface AddressLimits {
  /** Reserves a slot for a connection, or returns why there is none. */
  admit(address: string, now: number): 'admitted' | 'too-many-connections' | 'too-many-failures';
  /** Releases the slot. */
  release(address: string): void;
  /** Counts a wrong key. */
  fail(address: string, now: number): void;
  /** Number of entries, for tests and metrics. */
  readonly size: number;
}

/** Counts connections and failures per address, in bounded memory. An IPv6 address counts as its /64. */
export function createAddressLimits(options: AddressLimitsOptions): AddressLimits {
  const connections = new Map<string, number>();
  const failures = createRateLimit({
    limit: options.failures,
    windowMs: options.failureWindowMs,
    remembered: options.remembered,
  });

  return {
    get size() {
      return connections.size + failures.size;
    },
    admit(address, now) {
      const group = addressGroup(address);
      if (failures.look(group, now).remaining <= 0) return 'too-many-failures';
      const open = connections.get(group) ?? 0;
      if (open >= options.connections) return 'too-many-connections';
      connections.set(group, open + 1);
      return 'admitted';
    },
    release(address) {
      const group = addressGroup(address);
      const open = (connections.get(group) ?? 0) - 1;
      if (open > 0) connections.set(group, open);
      else connections.delete(group);
    },
    fail(address, now) {
      failures.hit(addressGroup(address), now);
    },
  };
}
