import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { builtProgram, configFile, startChild } from '../support/child-node.js';
import { runFfmpeg, temporaryFolder } from '../support/clip.js';
import { measureOutage } from '../support/outage.js';
import { startS3Server } from '../support/s3/server.js';
import { until } from '../support/wait.js';

/** A third of what the outage makes: as 20 MB are for 120 s of 4 Mbit/s. */
const backlogBytes = 18_000_000;
const outageSeconds = 18;
const bitsPerSecond = 24_000_000;

it('an outage of three times the backlog: memory within the bound, viewers unharmed, gaps only beyond it', async () => {
  const program = await builtProgram();
  const clip = join(await temporaryFolder(), 'clip.ts');
  await runFfmpeg([
    ...['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25,noise=alls=60:allf=t', '-t', '4'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '12', '-sc_threshold', '0'],
    ...[
      '-b:v',
      `${bitsPerSecond}`,
      '-minrate',
      `${bitsPerSecond}`,
      '-maxrate',
      `${bitsPerSecond}`,
      '-bufsize',
      '4M',
      clip,
    ],
  ]);
  const server = await startS3Server();
  onTestFinished(() => server.close());
  const { endpoint, region, credentials } = server;
  const config = {
    http: { host: '127.0.0.1', port: 0 },
    storage: { type: 's3', backlogBytes, s3: { ...credentials, endpoint, region, bucket: 'live' } },
    streams: [
      {
        name: 'cam',
        source: clip,
        hls: { segmentSeconds: 0.5, windowSegments: 8 },
        thumbnail: { intervalSeconds: 1, width: 160, staleAfterSeconds: 5 },
      },
    ],
  };
  const node = await startChild({ program, args: ['serve', '--config', await configFile(config)] });
  const url = await node.url();
  await until('a picture', async () => (await fetch(`${url}/readyz`)).ok, { timeoutMs: 60_000, intervalMs: 100 });
  const facts = await measureOutage({
    ...{ url, pid: node.pid, server },
    ...{ settleSeconds: 10, beforeSeconds: 20, outageSeconds },
  });
  expect(facts.remoteProblems).toEqual([]);
  expect(facts.localProblems).toEqual([]);
  expect(facts.localPolls).toBeGreaterThan(20);
  expect(facts.remotePolls).toBeGreaterThan(100);
  // What is being sent is over and above: it is not given up.
  expect(facts.backlogBytes).toBeLessThanOrEqual(backlogBytes * 1.2);
  expect(facts.residentOutage - facts.residentBefore).toBeLessThanOrEqual(backlogBytes * 1.2);
  expect(facts.producedBytes).toBeGreaterThan(backlogBytes * 2);
  expect(facts.gaps).toBeGreaterThan(0);
  expect(facts.gapsAreTheOldest).toBe(true);
  expect(facts.keptBytes).toBeGreaterThan(backlogBytes - 2 * facts.largestSegmentBytes);
}, 180_000);
