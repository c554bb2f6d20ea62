import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { builtProgram, configFile, startChild } from '../support/child-node.js';
import { runFfmpeg, temporaryFolder } from '../support/clip.js';
import { measureOutage } from '../support/outage.js';
import { startS3Server } from '../support/s3/server.js';
import { until } from '../support/wait.js';

/** A quarter of what the outage makes; 20 MB are a third for 120 s of 4 Mbit/s. */
const backlogBytes = 18_000_000;
const outageSeconds = 24;
const bitsPerSecond = 24_000_000;

it('outages of four times the backlog: memory within the bound, viewers unharmed, gaps only beyond it', async () => {
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
        hls: { segmentSeconds: 0.5, windowSegments: 6 },
        thumbnail: { intervalSeconds: 1, width: 160, staleAfterSeconds: 15 },
      },
    ],
  };
  const args = ['serve', '--config', await configFile(config)];
  // So that what is counted is what is held, not what the collector has not come to yet.
  const collect = 'data:text/javascript,setInterval(() => globalThis.gc(), 500).unref()';
  const script = ['--expose-gc', '--import', collect, join(program, 'cli.js'), ...args];
  const node = await startChild({ program, script });
  const url = await node.url();
  await until('a picture', async () => (await fetch(`${url}/readyz?streams=all`)).ok, {
    timeoutMs: 60_000,
    intervalMs: 100,
  });
  // A store that is away, and one that answers but takes nothing: uploads begin again and again then.
  for (const [outage, more] of [
    ['no answer', { settleSeconds: 8 }],
    ['no writes', { settleSeconds: 4, method: 'PUT' }],
  ] as const) {
    const facts = await measureOutage({ url, pid: node.pid, server, beforeSeconds: 8, outageSeconds, ...more });
    expect(facts.remoteProblems, outage).toEqual([]);
    expect(facts.localProblems, outage).toEqual([]);
    expect(facts.localPolls, outage).toBeGreaterThan(20);
    expect(facts.remotePolls, outage).toBeGreaterThan(100);
    expect(facts.backlogBytes, outage).toBeLessThanOrEqual(backlogBytes);
    // What is resident is for the bench: the allocator moves that by tens of megabytes on its own.
    expect(facts.externalOutage - facts.externalBefore, outage).toBeLessThanOrEqual(backlogBytes * 1.2);
    expect(facts.producedBytes, outage).toBeGreaterThan(backlogBytes * 2);
    expect(facts.gaps, outage).toBeGreaterThan(0);
    // What was being sent when the store went, or when it came back, is not given up.
    expect(facts.keptOutOfTurn, outage).toBeLessThanOrEqual(facts.kept / 2);
    // Until the store has all, what is made anew pushes out more of what was made before.
    expect(facts.keptBytes, outage).toBeGreaterThan(backlogBytes / 3);
  }
}, 240_000);
