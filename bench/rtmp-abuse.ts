import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createKeyring } from '../src/ingest/rtmp/keys.js';
import { createRtmpServer } from '../src/ingest/rtmp/server.js';
import { fakeMedia, publisherBytes } from '../test/support/rtmp-bytes.js';
import { createRtmpClient } from '../test/support/rtmp-client.js';

// Does a publisher notice what strangers do at the same port? An 8 Mbit/s publisher of 50 frames a second beside nobody,
// 500 connections that say nothing, slow handshakes, and 1,000 wrong keys a second; the last with and without the limit
// of failures for an address. `tsx bench/rtmp-abuse.ts [--seconds 8]`

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '8' }, port: { type: 'string' }, role: { type: 'string' } },
});
const seconds = Number(values.seconds);
const port = Number(values.port);
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const roles: Readonly<Record<string, () => Promise<void>>> = { publisher, idle, slow, keys };
await (roles[values.role ?? ''] ?? measure)();

async function publisher(): Promise<void> {
  const client = await createRtmpClient({ port });
  await client.publish('cam?key=key');
  const startedAt = performance.now();
  const media = fakeMedia({ frames: 50 * seconds, frameBytes: 20_000 });
  for (let index = 0; index < media.length; index += 2) {
    await pause(startedAt + index * 10 - performance.now());
    for (const message of media.slice(index, index + 2)) await client.send(message);
  }
  client.socket.end();
  await client.closed;
}

async function idle(): Promise<void> {
  for (let count = 0; count < 500; count++) connect({ host: '127.0.0.1', port }).on('error', () => undefined);
  await pause(seconds * 1000);
  process.exit();
}

async function slow(): Promise<void> {
  const sockets = Array.from({ length: 500 }, () => connect({ host: '127.0.0.1', port }).on('error', () => undefined));
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) {
    for (const socket of sockets) socket.write(Uint8Array.of(3));
    await pause(100);
  }
  process.exit();
}

async function keys(): Promise<void> {
  const attempt = publisherBytes('cam?key=wrong', []);
  const startedAt = performance.now();
  let sent = 0;
  while (performance.now() - startedAt < seconds * 1000) {
    for (const due = performance.now() - startedAt; sent < due; sent++) {
      const socket = connect({ host: '127.0.0.1', port }).on('error', () => undefined);
      socket.on('data', () => undefined).write(attempt);
    }
    await pause(5);
  }
  process.exit();
}

async function measure(): Promise<void> {
  const limited = { connectionsPerAddress: 1024, failuresPerAddress: 20 };
  const unlimited = { ...limited, failuresPerAddress: 1e9 };
  for (const [name, role, limits] of [
    ['nobody', undefined, limited],
    ['500 silent connections', 'idle', limited],
    ['500 slow handshakes', 'slow', limited],
    ['1000 wrong keys a second, limited', 'keys', limited],
    ['1000 wrong keys a second, no limit', 'keys', unlimited],
  ] as const) {
    process.stdout.write(`${JSON.stringify({ beside: name, ...(await measureBeside(role, limits)) })}\n`);
  }
}

async function measureBeside(role: string | undefined, limits: Readonly<Record<string, number>>) {
  const streams = Array.from({ length: 100 }, (_, index) => ({ name: `s${index}`, keys: [`key-${index}`] }));
  const ring = createKeyring([{ name: 'cam', keys: ['key'] }, ...streams]);
  const gaps: number[] = [];
  let strangers = 0;
  let begin: () => void;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const server = createRtmpServer({
    host: '127.0.0.1',
    port: 0,
    limits,
    authorise(request) {
      const stream = ring.find(request.revealKey(), request.stream);
      return stream === undefined ? { accept: false, reason: 'bad-key' } : { accept: true, stream, whenBusy: 'reject' };
    },
    onPublish(incoming) {
      let last = performance.now();
      const write = (bytes: Buffer, _encoding: string, done: () => void) => {
        const now = performance.now();
        if (bytes.length > 10_000) {
          gaps.push(now - last);
          last = now;
        }
        done();
      };
      void incoming.pipe(new Writable({ write }));
      begin();
    },
    observe: () => {
      strangers += 1;
    },
  });
  await server.start();
  const start = (name: string) => {
    const args = ['--port', String(server.addresses.rtmp!.port), '--role', name, '--seconds', String(seconds)];
    return fork(fileURLToPath(import.meta.url), args);
  };
  const publishing = start('publisher');
  await begun;
  const abusing = role === undefined ? undefined : start(role);
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const before = process.cpuUsage();
  await once(publishing, 'exit');
  const { user, system } = process.cpuUsage(before);
  delay.disable();
  abusing?.kill('SIGKILL');
  await server.close();
  gaps.sort((a, b) => a - b);
  const at = (part: number) => Math.round(gaps[Math.floor((gaps.length - 1) * part)]!);
  return {
    frames: gaps.length,
    ...{ frameGapMedianMs: at(0.5), frameGap99Ms: at(0.99), frameGapMostMs: at(1) },
    coreShare: Number(((user + system) / 1e6 / seconds).toFixed(3)),
    loopDelay99Ms: Math.round(delay.percentile(99) / 1e6) - 10,
    strangers,
  };
}
