import { measureOutage, type OutageFacts } from '../test/support/outage.js';
import { startS3Server } from '../test/support/s3/server.js';
import { until } from '../test/support/wait.js';
import { makeClip } from './support/clip.js';
import { startNodeProcess } from './support/node-process.js';
import { type Answer, atMost, type QuestionOptions } from './support/question.js';

/** Minutes: asked for by its name. */
export const isLong = true;

const MEGABYTE = 1e6;
const BACKLOG_BYTES = 20 * MEGABYTE;

/** What does an outage of the object store cost in memory, and what is lost? */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  const scale = quick ? 1 / 6 : 1;
  const backlogBytes = BACKLOG_BYTES * scale;
  const outageSeconds = 120 * scale;
  const clip = await makeClip({ seconds: 60, kilobits: 3800 });
  const server = await startS3Server();
  const { endpoint, region, credentials } = server;
  const storage = { type: 's3', backlogBytes, s3: { ...credentials, endpoint, region, bucket: 'live' } };
  const streams = [{ name: 'cam', source: clip }];
  const node = await startNodeProcess({ config: { storage, streams, log: { level: 'silent' } } });
  try {
    const isReady = async () => (await fetch(`${node.url}/readyz`)).ok;
    await until('the node to be ready', isReady, { timeoutMs: 60_000, intervalMs: 200 });
    const [settleSeconds, beforeSeconds] = quick ? [10, 10] : [60, 120];
    const facts = await measureOutage({
      ...{ url: node.url, pid: node.pid, server },
      ...{ settleSeconds, beforeSeconds, outageSeconds },
    });
    return answerOf(facts, { backlogBytes, outageSeconds });
  } finally {
    await node.close();
    await server.close();
  }
}

function answerOf(facts: OutageFacts, set: { readonly backlogBytes: number; readonly outageSeconds: number }): Answer {
  const { backlogBytes, outageSeconds } = set;
  const megabytes = (name: string, bytes: number) => ({ name, value: bytes / MEGABYTE, unit: 'MB' });
  const count = (name: string, value: number) => ({ name, value, unit: '' });
  const less = { better: 'less' } as const;
  const grown = facts.residentOutage - facts.residentBefore;
  const problems = facts.remoteProblems.length + facts.localProblems.length;
  return {
    question: `One copied 1080p stream at 4 Mbit/s, ${backlogBytes / MEGABYTE} MB of backlog, the store away for ${outageSeconds} s: the node's memory and what is lost`,
    rows: [
      megabytes('resident before, the most', facts.residentBefore),
      megabytes('resident through the outage, the most', facts.residentOutage),
      megabytes('waiting, the most', facts.backlogBytes),
      megabytes('made during the outage', facts.producedBytes),
      megabytes('of that on the store afterwards', facts.keptBytes),
      { ...count('gaps', facts.gaps), unit: 'segments' },
      { name: 'until the playlist had caught up', value: facts.recoverySeconds, unit: 's', ...less },
      { ...count('playlists read on the store', facts.remotePolls) },
      { ...count('polls of the node itself', facts.localPolls) },
      { ...count('wrong playlists, missing segments, old pictures', problems), ...less },
    ],
    ratios: [
      atMost('memory grown ÷ bound', grown / backlogBytes, 1.2),
      atMost('waiting ÷ bound', facts.backlogBytes / backlogBytes, 1.2),
      atMost('lost ÷ what was beyond the bound', lostBeyond(facts, backlogBytes), 1.1),
      atMost('wrong playlists, missing segments, old pictures', problems, 0),
    ],
  };
}

/** 1: no byte was lost that there was room for, but for one segment that did not fit. */
function lostBeyond({ producedBytes, keptBytes, largestSegmentBytes }: OutageFacts, backlogBytes: number): number {
  return (producedBytes - keptBytes) / (producedBytes - backlogBytes + largestSegmentBytes);
}
