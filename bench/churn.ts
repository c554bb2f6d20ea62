import { setTimeout as delay } from 'node:timers/promises';
import type { StreamDescription } from '../src/stream/description.js';
import { until } from '../test/support/wait.js';
import { type NodeProcess, startNodeProcess } from './support/node-process.js';
import { type Answer, atMost, type QuestionOptions } from './support/question.js';
import { median } from './support/statistics.js';

const TOKEN = 'bench-0123456789abcdef';
const AT_ONCE = 4;

interface State {
  readonly residentMegabytes: number;
  readonly heapMegabytes: number;
  readonly openFiles: number;
  readonly series: number;
}

/** What is left of streams that came and went? */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  const count = quick ? 24 : 1000;
  const node = await startNodeProcess({ config: { admin: { token: TOKEN } }, collects: true });
  try {
    // The first ones load what only streams need.
    await comeAndGo(node, 0, AT_ONCE * 2);
    const before = await settled(node, quick);
    await comeAndGo(node, AT_ONCE * 2, count / 2);
    const half = await settled(node, quick);
    await comeAndGo(node, AT_ONCE * 2 + count / 2, count / 2);
    const after = await settled(node, quick);
    const row = (name: string, value: number, unit: string) => ({ name, value, unit, better: 'less' }) as const;
    const rowsOf = (name: string, { residentMegabytes, heapMegabytes, openFiles, series }: State) => [
      row(`${name}: memory`, residentMegabytes, 'MB'),
      row(`${name}: heap after a full collection`, heapMegabytes, 'MB'),
      row(`${name}: file descriptors`, openFiles, ''),
      row(`${name}: time series in /metrics`, series, ''),
    ];
    return {
      question: `Streams made through the API, shown for their first picture and removed, ${AT_ONCE} at a time; read after full collections, file descriptors without the connections of whoever asks`,
      rows: [
        ...rowsOf(`after ${AT_ONCE * 2}`, before),
        ...rowsOf(`after ${count / 2} more`, half),
        ...rowsOf(`after ${count} more`, after),
      ],
      ratios: [
        atMost('heap after the second half ÷ after the first', after.heapMegabytes / half.heapMegabytes, 1.1),
        atMost('memory after the second half ÷ after the first', after.residentMegabytes / half.residentMegabytes, 1.1),
        atMost('file descriptors more', after.openFiles - before.openFiles, 0),
        atMost('time series more', after.series - before.series, 0),
      ],
    };
  } finally {
    await node.close();
  }
}

async function comeAndGo(node: NodeProcess, from: number, count: number): Promise<void> {
  let next = from;
  const one = async () => {
    while (next < from + count) {
      const name = `stream-${next}`;
      next += 1;
      await call(node, 'POST', '', { name, source: 'test', thumbnail: { intervalSeconds: 0.5, width: 320 } });
      const isShown = async () => {
        const answer = await fetch(`${node.url}/api/v1/streams/${name}`);
        return ((await answer.json()) as StreamDescription).thumbnail.captured > 0;
      };
      await until(`a picture of ${name}`, isShown, { timeoutMs: 60_000, intervalMs: 50 });
      await call(node, 'DELETE', `/${name}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  await until('no stream', async () => (await node.streams()).length === 0, { timeoutMs: 30_000 });
}

async function call(node: NodeProcess, method: string, path: string, body?: unknown): Promise<void> {
  const answer = await fetch(`${node.url}/api/v1/streams${path}`, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
}

/** Medians over some seconds, each reading after a full collection. */
async function settled(node: NodeProcess, quick: boolean): Promise<State> {
  const samples: State[] = [];
  for (let index = 0; index < (quick ? 1 : 20); index += 1) {
    await delay(1000);
    const heapMegabytes = (await node.collectedHeapBytes()) / 1e6;
    const metrics = await (await fetch(`${node.url}/metrics`)).text();
    samples.push({
      residentMegabytes: (await node.residentBytes()) / 1e6,
      heapMegabytes,
      openFiles: await node.openFiles(),
      series: metrics.split('\n').filter((line) => line.startsWith('sidepipe_') && line.includes('stream=')).length,
    });
  }
  const of = (part: keyof State) => median(samples.map((sample) => sample[part]));
  return {
    residentMegabytes: of('residentMegabytes'),
    heapMegabytes: of('heapMegabytes'),
    openFiles: of('openFiles'),
    series: of('series'),
  };
}
