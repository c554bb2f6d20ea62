import type { StoreConfig } from '../config/schema/schema.js';
import type { Check, CheckResult } from './check.js';

/** The results of a store probe, in the order of its steps. */
export type StoreProbe = (
  storage: StoreConfig,
  segmentBytes: number,
  signal: AbortSignal,
) => Promise<readonly Pick<CheckResult, 'check' | 'ok' | 'detail' | 'remedy'>[]>;

export interface StoreCheckOptions {
  readonly config: { readonly storage: StoreConfig };
  /** Name in the table. Default `store`. */
  readonly area?: string;
  readonly probeStore?: StoreProbe | undefined;
  /** The size of the largest segment of the streams. */
  readonly segmentBytes?: (signal: AbortSignal) => Promise<number>;
  readonly timeoutMs?: number;
}

/** No usual segment is larger than this: 2 s at 32 Mbit/s. */
export const LEAST_SEGMENT_BYTES = 8_000_000;

/** Whether the configured object store supports everything that the publisher needs. */
export function storeChecks(options: StoreCheckOptions): Check {
  const { area = 'store', probeStore, segmentBytes = async () => LEAST_SEGMENT_BYTES } = options;
  const { storage } = options.config;
  return {
    area,
    timeoutMs: options.timeoutMs ?? 120_000,
    async run(signal) {
      if (storage.type === 'memory') {
        const detail = 'storage.type is memory: nothing is uploaded';
        return [{ area, check: 'object store', ok: 'skipped', detail }];
      }
      if (probeStore === undefined) {
        return [{ area, check: 'object store', ok: 'skipped', detail: 'this build has no store probe' }];
      }
      const found = await probeStore(storage, await segmentBytes(signal), signal);
      return found.map((result) => ({ area, ...result }));
    },
  };
}
