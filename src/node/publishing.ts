import type { StorageConfig, StoreConfig } from '../config/schema/schema.js';
import type { SidepipeError } from '../errors.js';
import type { NodeEvents } from '../events/stream-events.js';
import { openStore } from '../storage/open.js';
import { readProcessWitness } from '../storage/process-witness.js';
import type { StorePublisher } from '../storage/publish/types.js';
import { createPublisher } from '../storage/publisher.js';
import type { ObjectStore } from '../storage/store.js';
import { observeUploads, tellTroubles, tellUploads } from '../stream/uploads/publisher-events.js';
import type { Traces } from '../stream/uploads/traces.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';

export interface PublishingOptions {
  readonly storage: StorageConfig;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Called with the events of streams on the store. */
  readonly events: Pick<NodeEvents, 'emit'>;
  /** Whether the stream exists. Default: yes. */
  readonly isKnown?: (stream: string) => boolean;
  /** Called with every upload. */
  readonly traces?: Pick<Traces, 'observe'> | undefined;
}

/** Access to the configured stores. */
export interface Publishing {
  readonly publisher: StorePublisher;
  /** The first store. */
  readonly store: ObjectStore;
  /** The public URL of a store, by the publisher's name for the store. */
  urlOf(store: string): string | undefined;
  /** Why a store accepts nothing; undefined while it does. */
  troubleOf(store: string): SidepipeError | undefined;
  /** Reloads credentials and retries rejected uploads at once: the operator may have fixed the cause. Never rejects. */
  renew(): Promise<void>;
  /** Completes pending uploads within the deadline, then closes the stores. */
  close(deadlineMs: number): Promise<void>;
}

/** The connections of `storage.s3.concurrency` also serve playlists, so uploads get half of them. */
const CONNECTIONS_AN_UPLOAD = 1.5;

/**
 * Opens the configured stores and a publisher on them; undefined without a store. Throws `storage-misconfigured` if one cannot
 * be opened; then neither is open. Makes no request.
 */
export async function openPublishing(options: PublishingOptions): Promise<Publishing | undefined> {
  const { storage, log, metrics, events, isKnown, traces } = options;
  if (storage.type === 'memory') return undefined;
  const { fallback, lease, audit, orphanIntervalSeconds, backlogBytes } = storage;
  const first = await open(storage, log);
  const second = fallback && asFallback(await open(fallback, log).catch((error) => closing(first, error)));
  const tellTrouble = tellTroubles(events);
  const count = observeUploads(metrics, isKnown);
  const publisher = createPublisher({
    store: first,
    publicUrl: urlIn(storage),
    backlogBytes,
    ...(fallback &&
      second && {
        fallback: {
          store: second,
          publicUrl: urlIn(fallback),
          afterMs: fallback.afterSeconds * 1000,
          handBackAfterMs: fallback.handBackAfterSeconds * 1000,
        },
      }),
    ...(storage.s3 && { concurrency: Math.max(1, Math.floor(storage.s3.concurrency / CONNECTIONS_AN_UPLOAD)) }),
    lease: lease.enabled && { ttlMs: lease.ttlSeconds * 1000, witness: await readProcessWitness() },
    audit: audit.enabled && { intervalMs: audit.intervalSeconds * 1000 },
    orphanIntervalMs: orphanIntervalSeconds * 1000,
    log: tellUploads(log, events),
    observe: (metric) => {
      count(metric);
      tellTrouble(metric);
      traces?.observe(metric);
    },
  });
  publisher.start();
  const forget = metrics.onCollect((gauges) => {
    gauges.uploadBacklogBytes.set(publisher.backlogBytes);
    for (const { store, error } of publisher.stores) gauges.storeUp.set({ store }, error ? 0 : 1);
  });
  const statusOf = (name: string) => publisher.stores.find(({ store }) => store === name);
  return {
    publisher,
    store: first,
    urlOf: (store) => statusOf(store)?.publicUrl,
    troubleOf: (store) => statusOf(store)?.error,
    async renew() {
      await Promise.all([first.renewCredentials?.(), second?.renewCredentials?.()]);
      publisher.retryNow();
    },
    async close(deadlineMs) {
      await publisher.close({ deadlineMs });
      forget();
      await Promise.all([first.close(), second?.close()]);
    },
  };
}

async function open(config: StoreConfig, log: Logger): Promise<ObjectStore> {
  const facts = { event: 'store-notice', store: '' };
  const store = await openStore(config, {
    onNotice: (message) => log.warn({ ...facts, notice: message }, 'store notice'),
  });
  facts.store = store.description;
  return store;
}

/** Both can have a bucket of the same name, and must be told apart. */
function asFallback(store: ObjectStore): ObjectStore {
  return { ...store, description: `${store.description} (fallback)` };
}

function urlIn({ type, s3 }: StoreConfig): string | undefined {
  return type === 's3' ? s3?.publicUrl : undefined;
}

async function closing(store: ObjectStore, error: unknown): Promise<never> {
  await store.close();
  throw error;
}
