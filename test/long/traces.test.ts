import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { cam, startBucket } from '../support/bucket.js';
import { builtProgram, configFile, startChild } from '../support/child-node.js';
import { startNode } from '../support/node.js';
import { until } from '../support/wait.js';

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
  readonly status?: { readonly code?: number; readonly message?: string };
}

/** A collector that takes OTLP/HTTP in JSON. */
async function startCollector() {
  const spans: Span[] = [];
  const requests: { path: string | undefined; headers: Record<string, unknown>; text: string }[] = [];
  const collector = { spans, requests, status: 200, endpoint: '' };
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const text = Buffer.concat(pieces).toString();
      requests.push({ path: request.url, headers: request.headers, text });
      response.writeHead(collector.status, { 'content-type': 'application/json' }).end('{}');
      if (collector.status !== 200) return;
      for (const { scopeSpans } of JSON.parse(text).resourceSpans)
        for (const scope of scopeSpans) spans.push(...scope.spans);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  collector.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return collector;
}

const patience = { timeoutMs: 60_000, intervalMs: 100 };
const attributesOf = ({ attributes }: Span) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

it('traces pictures and segments from their capture to the store', async () => {
  const collector = await startCollector();
  const bucket = await startBucket();
  const secret = 'the-collectors-secret-value';
  const node = await startNode({
    storage: { type: 's3', s3: bucket.s3 },
    telemetry: { otlp: { endpoint: collector.endpoint, headers: { 'x-team': secret } } },
    streams: [cam],
  });
  const { spans } = collector;
  const stepsOf = (root: Span) =>
    spans.filter(({ traceId, parentSpanId }) => traceId === root.traceId && parentSpanId === root.spanId);
  const whole = (name: string, steps: readonly string[]) =>
    spans.find(
      (span) =>
        span.name === name &&
        !span.parentSpanId &&
        stepsOf(span)
          .map((s) => s.name)
          .join() === steps.join(),
    );
  const thumbnailSteps = ['capture', 'gate', 'encode', 'upload'];
  const segmentSteps = ['capture', 'list', 'upload', 'remote playlist'];
  const thumbnail = await until('a whole thumbnail', () => whole('thumbnail', thumbnailSteps), patience);
  const segment = await until('a whole segment', () => whole('segment', segmentSteps), patience);
  for (const root of [thumbnail, segment]) {
    expect(root.status?.code ?? 0).toBe(0);
    expect(attributesOf(root)['sidepipe.stream']).toBe('cam');
    let before = BigInt(root.startTimeUnixNano);
    for (const step of stepsOf(root)) {
      expect(BigInt(step.startTimeUnixNano) >= before, `${step.name} begins in order`).toBe(true);
      expect(BigInt(step.endTimeUnixNano) >= BigInt(step.startTimeUnixNano)).toBe(true);
      before = BigInt(step.startTimeUnixNano);
      expect(attributesOf(step)).toEqual({ 'sidepipe.stream': 'cam' });
    }
    expect(root.endTimeUnixNano).toBe(stepsOf(root).at(-1)!.endTimeUnixNano);
  }
  const { 'sidepipe.segment': file, 'sidepipe.bytes': bytes } = attributesOf(segment);
  expect(bucket.server.log.some(({ method, key }) => method === 'PUT' && key?.endsWith(`/${file}`))).toBe(true);
  expect(Number(bytes)).toBeGreaterThan(1000);
  const [first] = collector.requests;
  expect(first).toMatchObject({ path: '/v1/traces', headers: { 'x-team': secret } });
  expect(first?.text).toContain('"sidepipe"');
  const all = collector.requests.map(({ text }) => text).join();
  for (const text of [secret, bucket.s3.secretAccessKey!, bucket.s3.accessKeyId!]) expect(all).not.toContain(text);
  expect(JSON.stringify(node.log)).not.toContain(secret);
});

it('harms nobody when the collector takes nothing, and says so once', async () => {
  const collector = await startCollector();
  collector.status = 400;
  const node = await startNode({ telemetry: { otlp: { endpoint: collector.endpoint } }, streams: [cam] });
  await until('some refusals', () => collector.requests.length > 3, patience);
  const told = node.log.filter(({ episode }) => episode === 'traces-failed');
  expect(told).toHaveLength(1);
  expect(JSON.stringify(told)).not.toContain(collector.endpoint);
  expect((await node.stream('cam')).state).toBe('live');
  collector.status = 200;
  await until(
    'the end to be told',
    () => node.log.filter(({ episode }) => episode === 'traces-failed').length > 1,
    patience,
  );
  await until('a segment', () => collector.spans.some(({ name }) => name === 'segment'), patience);
});

it('is begun by the variable of OpenTelemetry, and loads nothing without it', async () => {
  const program = await builtProgram();
  const collector = await startCollector();
  const args = ['serve', '--config', await configFile({ http: { host: '127.0.0.1', port: 0 }, streams: [cam] })];
  // Tells of every module that is loaded.
  const hook = `
    import { register } from 'node:module';
    register('data:text/javascript,' + encodeURIComponent(\`
      import { writeSync } from 'node:fs';
      export async function load(url, context, next) {
        if (url.includes('@opentelemetry')) writeSync(2, 'LOADED ' + url + '\\\\n');
        return next(url, context);
      }
    \`));`;
  const script = ['--import', `data:text/javascript,${encodeURIComponent(hook)}`, join(program, 'cli.js'), ...args];
  const without = await startChild({ program, script });
  const url = await without.url();
  await until('the node to be ready', async () => (await fetch(`${url}/readyz?streams=all`)).ok, patience);
  expect(without.stderr()).not.toContain('LOADED');
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc',
  };
  const traced = await startChild({ program, script, env });
  await until('a segment', () => collector.spans.some(({ name }) => name === 'segment'), patience);
  expect(traced.stderr()).toContain('LOADED');
  expect(collector.requests[0]?.headers).toMatchObject({ authorization: 'Bearer abc' });
});
