import type { StoreConfig } from '../config/schema/schema.js';
import type { Check, CheckResult } from './check.js';

/** What a probe of the store found, in the order of the steps. */
export type StoreProbe = (
  storage: StoreConfig,
  segmentBytes: number,
  signal: AbortSignal,
) => Promise<readonly Pick<CheckResult, 'check' | 'ok' | 'detail' | 'remedy'>[]>;

export interface StoreCheckOptions {
  readonly config: { readonly storage: StoreConfig };
  /** How the table calls it. Default `store`. */
  readonly area?: string;
  readonly probeStore?: StoreProbe | undefined;
  /** As large as the largest segment of the streams. */
  readonly segmentBytes?: (signal: AbortSignal) => Promise<number>;
  readonly timeoutMs?: number;
}

/** No segment of a usual stream is larger than this: 2 s of 32 Mbit/s. */
export const LEAST_SEGMENT_BYTES = 8_000_000;

/** Whether the configured object store does what the publisher will ask of it. */
export function storeChecks(options: StoreCheckOptions): Check {
  const { area = 'store', probeStore, segmentBytes = async () => LEAST_SEGMENT_BYTES } = options;
  const { storage } = options.config;
  return {
    area,
    timeoutMs: options.timeoutMs ?? 120_000,
    async run(signal) {
      if (storage.type === 'memory') {
        const detail = 'storage.type is memory: nothing leaves this node';
        return [{ area, check: 'object store', ok: 'skipped', detail }];
      }
      if (probeStore === undefined) {
        return [{ area, check: 'object store', ok: 'skipped', detail: 'this build has no probe for stores' }];
      }
      const found = await probeStore(storage, await segmentBytes(signal), signal);
      return found.map((result) => ({ area, ...result }));
    },
  };
}
