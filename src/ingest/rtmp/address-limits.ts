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

interface Failures {
  count: number;
  since: number;
}

/** Counts connections and failures per address, in bounded memory. An IPv6 address counts as its /64. */
export function createAddressLimits(options: AddressLimitsOptions): AddressLimits {
  const connections = new Map<string, number>();
  // Ordered by `since`: the first is the oldest.
  const failures = new Map<string, Failures>();

  function dropExpired(now: number): void {
    for (const [group, { since }] of failures) {
      if (now - since < options.failureWindowMs && now >= since) return;
      failures.delete(group);
    }
  }

  return {
    get size() {
      return connections.size + failures.size;
    },
    admit(address, now) {
      const group = addressGroup(address);
      dropExpired(now);
      if ((failures.get(group)?.count ?? 0) >= options.failures) return 'too-many-failures';
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
      const group = addressGroup(address);
      dropExpired(now);
      const entry = failures.get(group);
      if (entry !== undefined) {
        entry.count += 1;
        return;
      }
      if (failures.size >= options.remembered) {
        for (const oldest of failures.keys()) {
          failures.delete(oldest);
          break;
        }
      }
      failures.set(group, { count: 1, since: now });
    },
  };
}

/** The unit of counting: an IPv4 address, also when mapped into IPv6, or an IPv6 /64, which usually belongs to one host. */
export function addressGroup(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return mapped[1]!;
  if (!address.includes(':')) return address;
  const [head = '', tail] = (address.split('%')[0] ?? '').toLowerCase().split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : new Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0');
  const groups = [...before, ...zeros, ...after].slice(0, 4);
  return `${groups.map((group) => group.replace(/^0+(?=.)/, '')).join(':')}::/64`;
}
