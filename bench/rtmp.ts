import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { concatBytes } from '../src/ingest/rtmp/protocol/bytes.js';
import { createChunkWriter } from '../src/ingest/rtmp/protocol/chunk-writer.js';
import { createRtmpServer } from '../src/ingest/rtmp/server.js';
import { chunkSizeMessage, fakeMedia } from '../test/support/rtmp-bytes.js';
import { createRtmpClient } from '../test/support/rtmp-client.js';

// What does a publisher cost this process by the Mbit, for the chunk sizes of real publishers, and does it keep up with
// 200 Mbit/s? FLV goes down a pipe to another process, as it goes to ffmpeg. `tsx bench/rtmp.ts [--mbit 200] [--seconds 5]`

const { values } = parseArgs({
  options: {
    mbit: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '5' },
    port: { type: 'string' },
    chunk: { type: 'string', default: '60000' },
  },
});
const mbit = Number(values.mbit);
const seconds = Number(values.seconds);
const frameRate = 50;

if (values.port === undefined) await measure();
else await publish(Number(values.port), Number(values.chunk));

async function publish(port: number, chunkSize: number): Promise<void> {
  const { socket, publish: start } = await createRtmpClient({ port });
  await start('cam?key=key');
  // All that follows is encoded beforehand, so that this side costs little: one video and one audio message a frame.
  const writer = createChunkWriter({ compressHeaders: true });
  const frameBytes = Math.round((mbit * 1e6) / 8 / frameRate);
  const media = fakeMedia({ frames: frameRate * seconds, frameBytes });
  const [metadata, videoHeader, audioHeader, ...frames] = media;
  for (const message of [chunkSizeMessage(chunkSize), metadata!, videoHeader!, audioHeader!]) {
    socket.write(writer.write(message));
  }
  const parts = frames.map((message) => writer.write(message));
  const startedAt = performance.now();
  for (let index = 0; index < parts.length; index += 2) {
    const due = startedAt + ((index / 2) * 1000) / frameRate;
    const early = due - performance.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
    if (!socket.write(concatBytes([parts[index]!, parts[index + 1]!]))) await once(socket, 'drain');
  }
  const lateMs = performance.now() - startedAt - seconds * 1000;
  socket.end();
  await once(socket, 'close');
  process.send?.({ lateMs });
}

async function measure(): Promise<void> {
  for (const [publisher, chunkSize] of [
    ['ffmpeg', 60_000],
    ['OBS', 4096],
    ['librtmp', 128],
  ] as const) {
    const reader = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
    const drained = once(reader, 'close');
    let receivedBytes = 0;
    const server = createRtmpServer({
      host: '127.0.0.1',
      port: 0,
      authorise: () => ({ accept: true, stream: 'cam', whenBusy: 'reject' }),
      onPublish(incoming) {
        void incoming.pipe(reader.stdin).then(() => {
          receivedBytes = incoming.receivedBytes;
        });
      },
    });
    await server.start();
    const child = fork(fileURLToPath(import.meta.url), [
      ...['--port', String(server.addresses.rtmp!.port), '--chunk', String(chunkSize)],
      ...['--mbit', String(mbit), '--seconds', String(seconds)],
    ]);
    const before = process.cpuUsage();
    const [{ lateMs }] = (await once(child, 'message')) as [{ lateMs: number }];
    await drained;
    const { user, system } = process.cpuUsage(before);
    await server.close();
    const received = (receivedBytes * 8) / 1e6;
    const cpuMs = (user + system) / 1000;
    const report = {
      ...{
        publisher,
        chunkSize,
        offeredMbitPerSecond: mbit,
        receivedMbit: Math.round(received),
        cpuMs: Math.round(cpuMs),
      },
      cpuMsPerMbit: Number((cpuMs / received).toFixed(3)),
      coreShare: Number((cpuMs / 1000 / seconds).toFixed(3)),
      publisherLateMs: Math.round(lateMs),
    };
    process.stdout.write(`${JSON.stringify(report)}\n`);
  }
}
