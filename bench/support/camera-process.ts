import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createChunkWriter } from '../../src/ingest/rtmp/protocol/chunk-writer.js';
import { chunkSizeMessage } from '../../test/support/rtmp-bytes.js';
import { createRtmpClient } from '../../test/support/rtmp-client.js';
import { pace, rtmpUnits, type Unit } from './live-source.js';
import { rtspClip, serveRtsp } from './rtsp-camera.js';

/** Many cameras in one process, each a copy of one FLV clip in real time, encoded once: they take little of the machine. */
export interface CameraProcess {
  /** Of the RTSP server; 0 for publishers. */
  readonly port: number;
  close(): Promise<void>;
}

export interface Publishers {
  readonly kind: 'publish';
  readonly clip: string;
  /** Where they go to, and as what: an RTMP stream key each. */
  readonly targets: readonly { readonly port: number; readonly key: string }[];
  /** From one start to the next. Unset: all start within `SPREAD_MS`. */
  readonly startEveryMs?: number;
}

export interface RtspCameras {
  readonly kind: 'rtsp';
  readonly clip: string;
}

/** As OBS. */
const CHUNK_BYTES = 4096;
/** Cameras do not make their keyframes at the same time. */
const SPREAD_MS = 2000;
/** Steps through the spread that no two of many cameras share. */
const STEP_MS = 137;

export async function startCameras(options: Publishers | RtspCameras): Promise<CameraProcess> {
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(options)], { execArgv: process.execArgv });
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  const [port] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`the cameras ended with ${code}`))),
  ])) as [number];
  return {
    port,
    async close() {
      process.off('exit', kill);
      if (child.exitCode !== null) return;
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

const ending = new AbortController();

async function publish({ clip, targets, startEveryMs }: Publishers): Promise<number> {
  const { heads, units } = rtmpUnits(await readFile(clip), 0);
  const writer = createChunkWriter({ compressHeaders: true });
  const start = [chunkSizeMessage(CHUNK_BYTES), ...heads].map((message) => writer.write(message));
  const encoded = units.map((unit) => ({ ...unit, data: writer.write(unit.data) }));
  await Promise.all(
    targets.map(async ({ port, key }, index) => {
      await delay(startEveryMs === undefined ? (index * STEP_MS) % SPREAD_MS : index * startEveryMs);
      const client = await createRtmpClient({ port });
      // Some servers ask for the URL too.
      const code = await client.publish(key, { tcUrl: `rtmp://127.0.0.1:${port}/live` });
      if (code !== 'NetStream.Publish.Start') throw new Error(`publishing: ${code}`);
      for (const head of start) client.socket.write(head);
      play(client.socket, encoded);
    }),
  );
  return 0;
}

async function serve({ clip }: RtspCameras): Promise<number> {
  const { description, units } = rtspClip(await readFile(clip));
  let players = 0;
  return serveRtsp(description, (socket) => {
    players += 1;
    void delay((players * STEP_MS) % SPREAD_MS).then(() => play(socket, units));
  });
}

function play(socket: Socket, units: readonly Unit<Uint8Array>[]): void {
  const over = new AbortController();
  socket.once('close', () => over.abort());
  const send = (data: Uint8Array) => void (socket.writable && socket.write(data));
  void pace(units, send, () => {}, AbortSignal.any([over.signal, ending.signal]));
}

if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  process.once('disconnect', () => process.exit());
  const options = JSON.parse(process.argv[2]!) as Publishers | RtspCameras;
  process.send(await (options.kind === 'publish' ? publish(options) : serve(options)));
}
