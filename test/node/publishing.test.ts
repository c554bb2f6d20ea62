import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { NodeEvents } from '../../src/events/stream-events.js';
import { openPublishing } from '../../src/node/publishing.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { startBucket } from '../support/bucket.js';
import { emptyFolder } from '../support/child-node.js';

async function open(storage: Record<string, unknown>) {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const log = createLogger({ level: 'info', secrets: [], destination });
  const metrics = createMetrics();
  const publishing = await openPublishing({
    storage: parseConfig({ storage }).storage,
    log,
    metrics,
    events: new NodeEvents(Date.now),
  });
  if (publishing) onTestFinished(() => publishing.close(1000));
  return { publishing, lines, metrics };
}

it('opens nothing where nothing leaves the node', async () => {
  expect((await open({})).publishing).toBeUndefined();
});

it('opens no store when one of the two cannot be', async () => {
  const path = await emptyFolder();
  const fallback = { type: 's3', s3: { bucket: 'live', region: 'x', caFile: join(path, 'missing.pem') } };
  await expect(open({ type: 'directory', directory: { path }, fallback })).rejects.toMatchObject({
    code: 'storage-misconfigured',
  });
});

it('knows each store by its name, and why the one in use takes nothing', async () => {
  const bucket = await startBucket();
  const fallback = { type: 's3', s3: { ...bucket.s3, publicUrl: 'https://spare.example.org' }, afterSeconds: 600 };
  const { publishing, lines, metrics } = await open({ type: 's3', s3: bucket.s3, fallback });
  expect(publishing!.urlOf('s3://live/site/')).toBe(bucket.s3.publicUrl);
  expect(publishing!.urlOf('s3://live/site/ (fallback)')).toBe('https://spare.example.org');
  bucket.server.faults.add({ fault: { kind: 'error', status: 403, code: 'AccessDenied' } });
  const options = { name: 'cam', windowSegments: 4, targetDurationSeconds: 1, cleanup: 'delete' } as const;
  const picture = { key: 'cam/thumbnail.jpg', body: new Uint8Array(1), contentType: 'image/jpeg' };
  // A store is asked for the first time when there is something to publish.
  publishing!.publisher.stream(options).image({ ...picture, cacheControl: 'max-age=1' });
  await vi.waitFor(() => expect(publishing!.troubleOf('s3://live/site/')?.code).toBe('storage-denied'), 10_000);
  expect(publishing!.troubleOf('s3://live/site/ (fallback)')).toBeUndefined();
  expect(lines.map(({ event }) => event)).toEqual(['store-refused']);
  const { body } = await metrics.render();
  expect(body).toMatch(/^sidepipe_store_up\{store="s3:\/\/live\/site\/"\} 0$/m);
  expect(body).toMatch(/^sidepipe_store_up\{store="s3:\/\/live\/site\/ \(fallback\)"\} 1$/m);
});

it('writes nothing until a stream has something', async () => {
  const path = await emptyFolder();
  const { publishing } = await open({ type: 'directory', directory: { path } });
  await publishing!.close(1000);
  expect(await readdir(path)).toEqual([]);
});
