import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { createMemoryStore } from '../src/storage/memory.js';
import { createPublisher, type PublishMetric, type StreamPublication } from '../src/storage/publisher.js';
import { createS3Store } from '../src/storage/s3.js';
import type { ObjectStore, StoredObject } from '../src/storage/store.js';
import { s3ConfigFor } from '../test/support/s3/config.js';
import { type Answer, atLeast, atMost } from './support/question.js';
import { startS3Process } from './support/s3-process.js';
import { median, quantile } from './support/statistics.js';

/** What the publisher costs over bare puts: throughput, time to visibility, memory. */

const concurrency = 8;

export async function run({ quick }: { readonly quick: boolean }): Promise<Answer> {
  const server = await startS3Process();
  const store = await createS3Store(s3ConfigFor(server, { concurrency: concurrency * 2 }));
  const client = new S3Client({
    endpoint: server.endpoint,
    region: 'us-east-1',
    credentials: server.credentials,
    forcePathStyle: true,
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  try {
    await store.capabilities();
    const rounds = quick ? 2 : 7;
    // Each connection at 4 MB/s, as over a network: the publisher's waiting would show, its processor time hides.
    await server.limitLink(4_000_000);
    const network = await compareThroughput({
      client,
      store,
      name: 'n',
      rounds,
      objects: quick ? 24 : 80,
      unverified: false,
    });
    // No limit but the processor, which the server shares: every request shows.
    await server.limitLink(undefined);
    const loopback = await compareThroughput({
      client,
      store,
      name: 'l',
      rounds,
      objects: quick ? 32 : 150,
      unverified: true,
    });
    const visibility = await compareVisibility({ client, store, streams: 10, rounds: quick ? 1 : 15 });
    const behindMs = visibility.visibleMs - visibility.bareMs;
    const memory = await measureMemory(quick ? 32 : 64);
    return {
      question: 'What does the publisher cost over bare PutObject calls?',
      rows: [
        { name: 'network: bare PutObject, 1-MB objects, 8 at once', value: median(network.bare), unit: 'MB/s' },
        { name: 'network: publisher, each segment verified', value: median(network.verified), unit: 'MB/s' },
        { name: 'loopback: bare PutObject', value: median(loopback.bare), unit: 'MB/s' },
        { name: 'loopback: publisher, each segment verified', value: median(loopback.verified), unit: 'MB/s' },
        { name: 'loopback: publisher, not verified', value: median(loopback.unverified), unit: 'MB/s' },
        { name: 'loopback: throughput, verified / bare', value: ratioToBare(loopback, 'verified'), unit: 'ratio' },
        { name: 'bare PutObject, p95', value: visibility.bareMs, unit: 'ms' },
        { name: 'segment complete to playlist on the store, p50', value: visibility.visibleP50Ms, unit: 'ms' },
        { name: 'segment complete to playlist on the store, p95', value: visibility.visibleMs, unit: 'ms' },
      ],
      ratios: [
        atLeast('network: throughput, verified / bare (at least)', ratioToBare(network, 'verified'), 0.95),
        atLeast('loopback: throughput, not verified / bare (at least)', ratioToBare(loopback, 'unverified'), 0.95),
        // The 95th percentile of ten is the slowest of them: no aim can be judged by it.
        quick
          ? { name: 'the slowest of 10 to visible minus that of a bare put, ms', value: behindMs, better: 'less' }
          : atMost('p95 to visible minus p95 of a bare put, ms (at most)', behindMs, 30),
        atMost('memory per queued byte (at most)', memory, 1.2),
      ],
    };
  } finally {
    client.destroy();
    await store.close();
    await server.close();
  }
}

function segment(stream: string, sequence: number, body: Uint8Array): StoredObject {
  return { key: `${stream}/source/bench-${sequence}.ts`, body, contentType: 'video/mp2t' };
}

function open(
  store: ObjectStore,
  names: readonly string[],
  options: {
    readonly verify?: boolean;
    readonly observe?: (metric: PublishMetric) => void;
    readonly backlogBytes?: number;
  },
) {
  const publisher = createPublisher({ store, concurrency, backlogBytes: 2 ** 32, audit: false, ...options });
  publisher.start();
  const streams = names.map((name) => {
    const publication = publisher.stream({ name, windowSegments: 6, targetDurationSeconds: 2, cleanup: 'delete' });
    const lane = publication.rendition<string>({
      name: 'source',
      render: (list) => ({
        key: `${name}/source/index.m3u8`,
        body: Buffer.from(
          `#EXTM3U\n#EXT-X-TARGETDURATION:2\n${list.map(({ entry }) => `#EXTINF:2,\n${entry}\n`).join('')}`,
        ),
        contentType: 'application/vnd.apple.mpegurl',
      }),
    });
    const append = (sequence: number, body: Uint8Array): void => {
      const object = segment(name, sequence, body);
      lane.append({ object, durationSeconds: 2, entry: `bench-${sequence}.ts` });
    };
    return { publication, append };
  });
  return { publisher, streams };
}

/** Megabytes a second of each round. */
type Rates = Record<'bare' | 'verified' | 'unverified', readonly number[]>;

async function compareThroughput(options: {
  readonly client: S3Client;
  readonly store: ObjectStore;
  readonly name: string;
  readonly rounds: number;
  readonly objects: number;
  /** Whether to publish without looking at what was put, too. */
  readonly unverified: boolean;
}): Promise<Rates> {
  const { client, store, rounds, objects } = options;
  const body = Buffer.alloc(1_000_000, 7);
  const rates = { bare: [] as number[], verified: [] as number[], unverified: [] as number[] };
  let run = 0;
  const published = async (verify: boolean): Promise<number> => {
    run += 1;
    const name = `${options.name}${run}`;
    let left = objects;
    let begun = 0;
    const seconds = await new Promise<number>((resolve) => {
      const observe = (metric: PublishMetric): void => {
        if (metric.type !== 'upload' || metric.kind !== 'segment' || metric.result !== 'stored') return;
        left -= 1;
        if (left === 0) resolve((performance.now() - begun) / 1000);
      };
      const { publisher, streams } = open(store, [name], { verify, observe });
      closing.push(() => publisher.close({ deadlineMs: 0 }));
      void leased(streams[0]!.publication).then(() => {
        begun = performance.now();
        for (let i = 0; i < objects; i += 1) streams[0]!.append(i, body);
      });
    });
    for (const close of closing.splice(0)) await close();
    return objects / seconds;
  };
  const closing: (() => Promise<void>)[] = [];
  const bare = async (): Promise<number> => {
    run += 1;
    let next = 0;
    const begun = performance.now();
    const worker = async (): Promise<void> => {
      for (let i = next++; i < objects; i = next++) {
        const { key } = segment(`${options.name}${run}`, i, body);
        await client.send(new PutObjectCommand({ Bucket: 'live', Key: key, Body: body, ContentType: 'video/mp2t' }));
      }
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
    return (objects * 1000) / (performance.now() - begun);
  };
  await bare();
  for (let round = 0; round < rounds; round += 1) {
    rates.bare.push(await bare());
    rates.verified.push(await published(true));
    if (options.unverified) rates.unverified.push(await published(false));
  }
  return rates;
}

/** Each round against its own bare run: a busy machine is busy for all. */
function ratioToBare(rates: Rates, way: 'verified' | 'unverified'): number {
  return median(rates[way].map((value, round) => value / rates.bare[round]!));
}

async function leased(publication: StreamPublication): Promise<void> {
  while (publication.status().state !== 'publishing') await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Streams of one segment every 2 s, begun evenly apart, beside bare puts of the same objects at the same pace. */
async function compareVisibility(options: {
  readonly client: S3Client;
  readonly store: ObjectStore;
  readonly streams: number;
  readonly rounds: number;
}): Promise<{ bareMs: number; visibleMs: number; visibleP50Ms: number }> {
  const { client, store, rounds } = options;
  const body = Buffer.alloc(1_000_000, 9);
  const names = Array.from({ length: options.streams }, (_, i) => `v${i}`);
  const begun = new Map<string, number>();
  const visible: number[] = [];
  const bare: number[] = [];
  const observe = (metric: PublishMetric): void => {
    const at = metric.type === 'upload' && metric.kind === 'playlist' ? begun.get(metric.stream) : undefined;
    if (at === undefined || metric.type !== 'upload' || metric.result !== 'stored') return;
    begun.delete(metric.stream);
    visible.push(performance.now() - at);
  };
  const { publisher, streams } = open(store, names, { observe });
  await Promise.all(streams.map(({ publication }) => leased(publication)));
  for (let round = 0; round < rounds; round += 1) {
    for (const [i, { append }] of streams.entries()) {
      begun.set(names[i]!, performance.now());
      append(round, body);
      await new Promise((resolve) => setTimeout(resolve, 1000 / names.length));
      const at = performance.now();
      const Key = `bare/source/bench-${round}-${i}.ts`;
      await client.send(new PutObjectCommand({ Bucket: 'live', Key, Body: body, ContentType: 'video/mp2t' }));
      bare.push(performance.now() - at);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, 1000 / names.length - (performance.now() - at))));
    }
  }
  await publisher.close({ deadlineMs: 2000 });
  return { bareMs: quantile(bare, 0.95), visibleMs: quantile(visible, 0.95), visibleP50Ms: quantile(visible, 0.5) };
}

/** Segments that wait for a store which takes the lease and nothing else. */
async function measureMemory(count: number): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const used = async (): Promise<number> => {
    for (let turn = 0; turn < 4; turn += 1) {
      collect();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const memory = createMemoryStore();
  const hanging: ObjectStore = {
    ...memory,
    put: (object, options) => (object.key.endsWith('.ts') ? new Promise(() => {}) : memory.put(object, options)),
  };
  const { publisher, streams } = open(hanging, ['m'], {});
  await leased(streams[0]!.publication);
  const before = await used();
  for (let i = 0; i < count; i += 1) streams[0]!.append(i, Buffer.alloc(1_000_000, i));
  const after = await used();
  const perByte = (after - before) / publisher.backlogBytes;
  await publisher.close({ deadlineMs: 0 });
  return perByte;
}
