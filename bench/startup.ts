import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { until } from '../test/support/wait.js';
import { makeClip } from './support/clip.js';
import { startNodeProcess } from './support/node-process.js';
import type { Answer, QuestionOptions } from './support/question.js';
import { median } from './support/statistics.js';

interface Start {
  readonly answers: number;
  readonly playable: number;
  readonly fresh: number;
}

/** How long after its start does a node answer, play, and show a picture? Beside a Node.js that does nothing. */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  const clip = await makeClip({ seconds: 20 });
  const starts: Start[] = [];
  const bare: number[] = [];
  for (let index = 0; index < (quick ? 1 : 9); index += 1) {
    starts.push(await start(clip));
    bare.push(await bareNode());
  }
  const of = (part: keyof Start) => median(starts.map((each) => each[part]));
  const row = (name: string, value: number) => ({ name, value, unit: 'ms', better: 'less' }) as const;
  return {
    question:
      'From the spawn of the command, a copied 1080p file as its one stream (2-s segments, so that a first one takes 2 s)',
    rows: [
      row('the node answers on /healthz', of('answers')),
      row('its playlist can be played', of('playable')),
      row('its thumbnail is fresh', of('fresh')),
      row('a bare Node.js starts and ends', median(bare)),
    ],
    ratios: [{ name: 'answers ÷ a bare Node.js', value: of('answers') / median(bare), better: 'less' }],
  };
}

async function start(clip: string): Promise<Start> {
  const startedAt = performance.now();
  const node = await startNodeProcess({
    config: { streams: [{ name: 'clip', source: clip, thumbnail: { intervalSeconds: 2 } }] },
  });
  const reached = (path: string, isThere: (answer: Response) => boolean) =>
    until(
      path,
      async () => {
        const answer = await fetch(`${node.url}${path}`);
        await answer.arrayBuffer();
        return isThere(answer) && performance.now() - startedAt;
      },
      { timeoutMs: 30_000, intervalMs: 10 },
    );
  try {
    const [playable, fresh] = await Promise.all([
      reached('/live/clip/source/index.m3u8', ({ ok }) => ok),
      reached('/live/clip/thumbnail.jpg', ({ headers }) => headers.get('sidepipe-image-state') === 'fresh'),
    ]);
    return { answers: node.startedMs, playable, fresh };
  } finally {
    await node.close();
  }
}

async function bareNode(): Promise<number> {
  const startedAt = performance.now();
  await promisify(execFile)(process.execPath, ['-e', '0']);
  return performance.now() - startedAt;
}
