import type { StoreConfig } from '../config/schema.js';
import type { Check, CheckResult } from './check.js';

/** What a probe of the store found, in the order of the steps. */
export type StoreProbe = (
  storage: StoreConfig,
  signal: AbortSignal,
) => Promise<readonly Pick<CheckResult, 'check' | 'ok' | 'detail' | 'remedy'>[]>;

export interface StoreCheckOptions {
  readonly config: { readonly storage: StoreConfig };
  /** How the table calls it. Default `store`. */
  readonly area?: string;
  readonly probeStore?: StoreProbe | undefined;
}

/** Whether the configured object store does what the publisher will ask of it. */
export function storeChecks({ config: { storage }, area = 'store', probeStore }: StoreCheckOptions): Check {
  return {
    area,
    async run(signal) {
      if (storage.type === 'memory') {
        const detail = 'storage.type is memory: nothing leaves this node';
        return [{ area, check: 'object store', ok: 'skipped', detail }];
      }
      if (probeStore === undefined) {
        return [{ area, check: 'object store', ok: 'skipped', detail: 'this build has no probe for stores' }];
      }
      const found = await probeStore(storage, signal);
      return found.map((result) => ({ area, ...result }));
    },
  };
}
