import { measureOutage, type OutageFacts } from '../test/support/outage.js';
import { startS3Server } from '../test/support/s3/server.js';
import { until } from '../test/support/wait.js';
import { ALLOCATOR_SETTINGS, assignments } from './support/allocator.js';
import { makeClip } from './support/clip.js';
import { startNodeProcess } from './support/node-process.js';
import { type Answer, atMost, type QuestionOptions, type Ratio } from './support/question.js';

const MEGABYTE = 1e6;
/** Quick: three segments come in the time, of which two fit. */
const sizes = {
  whole: { kilobits: 3800, backlogBytes: 20 * MEGABYTE, settleSeconds: 60, beforeSeconds: 120, outageSeconds: 120 },
  // The bit rate of the other questions' clip: to encode one more would take longer than to ask.
  quick: { kilobits: 4500, backlogBytes: 2.6 * MEGABYTE, settleSeconds: 0, beforeSeconds: 1, outageSeconds: 6 },
};

/** What does an outage of the object store cost in memory, and what is lost? */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  // Two nodes at once: they see the same machine.
  const [usual, tuned] = await Promise.all([{}, ALLOCATOR_SETTINGS].map((environment) => measure(quick, environment)));
  return answerOf(usual!, tuned!, quick);
}

interface Measured extends OutageFacts {
  readonly limitBytes: number;
  readonly outageSeconds: number;
}

async function measure(quick: boolean, environment: Readonly<Record<string, string>>): Promise<Measured> {
  const { kilobits, backlogBytes, settleSeconds, beforeSeconds, outageSeconds } = quick ? sizes.quick : sizes.whole;
  const clip = await makeClip({ seconds: 60, kilobits });
  const server = await startS3Server();
  const { endpoint, region, credentials } = server;
  const storage = { type: 's3', backlogBytes, s3: { ...credentials, endpoint, region, bucket: 'live' } };
  const streams = [{ name: 'cam', source: clip }];
  const config = { storage, streams, log: { level: 'silent' } };
  const node = await startNodeProcess({ config, environment });
  try {
    const isReady = async () => (await fetch(`${node.url}/readyz?streams=all`)).ok;
    await until('the node to be ready', isReady, { timeoutMs: 60_000, intervalMs: 200 });
    const facts = await measureOutage({
      ...{ url: node.url, pid: node.pid, server },
      ...{ settleSeconds, beforeSeconds, outageSeconds },
    });
    return { ...facts, limitBytes: backlogBytes, outageSeconds };
  } finally {
    await node.close();
    await server.close();
  }
}

function answerOf(usual: Measured, tuned: Measured, quick: boolean): Answer {
  const { limitBytes, outageSeconds } = usual;
  const megabytes = (name: string, bytes: number) => ({ name, value: bytes / MEGABYTE, unit: 'MB' });
  const count = (name: string, value: number) => ({ name, value, unit: '' });
  const less = { better: 'less' } as const;
  const grown = (name: string, { residentOutage, residentBefore }: Measured): Ratio => {
    const value = (residentOutage - residentBefore) / limitBytes;
    // A node that has just begun grows by more than the little that waits in a quick run.
    return quick ? { name, value, better: 'less' } : atMost(name, value, 1.2);
  };
  const problems = [usual, tuned].flatMap((facts) => [...facts.remoteProblems, ...facts.localProblems]).length;
  const wrong = 'wrong playlists, missing segments, old pictures';
  return {
    question: `One copied 1080p stream at ${quick ? 4.5 : 4} Mbit/s, ${limitBytes / MEGABYTE} MB of backlog, the store away for ${outageSeconds} s: the node's memory and what is lost; tuned: ${assignments(ALLOCATOR_SETTINGS)}`,
    rows: [
      megabytes('resident before, the most', usual.residentBefore),
      megabytes('resident through the outage, the most', usual.residentOutage),
      megabytes('tuned: resident before, the most', tuned.residentBefore),
      megabytes('tuned: resident through the outage, the most', tuned.residentOutage),
      megabytes('waiting, the most', usual.backlogBytes),
      megabytes('made during the outage', usual.producedBytes),
      megabytes('of that on the store afterwards', usual.keptBytes),
      { ...count('gaps', usual.gaps), unit: 'segments' },
      { name: 'until the playlist had caught up', value: usual.recoverySeconds, unit: 's', ...less },
      count('playlists read on the store', usual.remotePolls),
      count('polls of the node itself', usual.localPolls),
      { ...count(wrong, problems), ...less },
    ],
    ratios: [
      grown('memory grown ÷ bound', usual),
      grown('tuned: memory grown ÷ bound', tuned),
      atMost('waiting ÷ bound', usual.backlogBytes / limitBytes, 1.2),
      atMost('lost ÷ what was beyond the bound', lostBeyond(usual), 1.1),
      atMost(wrong, problems, 0),
    ],
  };
}

/** 1: no byte was lost that there was room for, but for one segment that did not fit. */
function lostBeyond({ producedBytes, keptBytes, largestSegmentBytes, limitBytes }: Measured): number {
  return (producedBytes - keptBytes) / (producedBytes - limitBytes + largestSegmentBytes);
}
