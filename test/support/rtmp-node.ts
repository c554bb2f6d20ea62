import { spawn } from 'node:child_process';
import { PassThrough, Writable } from 'node:stream';
import ffmpeg from '@ffmpeg-installer/ffmpeg';
import type { PublishRequest } from '../../src/ingest/publisher.js';
import { createKeyring } from '../../src/ingest/rtmp/keys.js';
import { createRtmpServer } from '../../src/ingest/rtmp/server.js';
import type {
  RtmpPublisher,
  RtmpServer,
  RtmpServerEvent,
  RtmpServerLimits,
  RtmpServerOptions,
} from '../../src/ingest/rtmp/server-types.js';
import { testCertificate } from './rtmp-certificate.js';

export interface TestNode {
  readonly server: RtmpServer;
  readonly port: number;
  readonly securePort: number;
  readonly events: readonly RtmpServerEvent[];
  readonly requests: readonly PublishRequest[];
  /** The next publisher that is let in. */
  nextPublisher(): Promise<RtmpPublisher>;
}

/** A server with streams `cam` (keys `cam-key`, `cam-key-2`) and `door` (key `door-key`) on free ports. */
export async function startTestNode(
  options: { limits?: Partial<RtmpServerLimits>; whenBusy?: 'reject' | 'takeover' } & Partial<RtmpServerOptions> = {},
): Promise<TestNode> {
  const ring = createKeyring([
    { name: 'cam', keys: ['cam-key', 'cam-key-2'] },
    { name: 'door', keys: ['door-key'] },
  ]);
  const events: RtmpServerEvent[] = [];
  const requests: PublishRequest[] = [];
  const publishers: RtmpPublisher[] = [];
  const waiting: ((publisher: RtmpPublisher) => void)[] = [];
  const { whenBusy = 'reject', ...own } = options;
  const server = createRtmpServer({
    host: '127.0.0.1',
    port: 0,
    tls: { port: 0, ...testCertificate },
    authorise(request) {
      requests.push(request);
      const stream = ring.find(request.revealKey(), request.stream);
      return stream === undefined ? { accept: false, reason: 'bad-key' } : { accept: true, stream, whenBusy };
    },
    onPublish(publisher) {
      const next = waiting.shift();
      if (next) next(publisher);
      else publishers.push(publisher);
    },
    observe: (event) => events.push(event),
    ...own,
  });
  await server.start();
  return {
    server,
    port: server.addresses.rtmp!.port,
    securePort: server.addresses.rtmps!.port,
    events,
    requests,
    nextPublisher() {
      const ready = publishers.shift();
      return ready ? Promise.resolve(ready) : new Promise((resolve) => waiting.push(resolve));
    },
  };
}

export interface Sink {
  readonly target: Writable;
  bytes(): Buffer;
  readonly length: number;
  /** Resolves when so many bytes are here. */
  holds(length: number): Promise<void>;
}

/** Takes everything at once. */
export function createSink(): Sink {
  const parts: Buffer[] = [];
  let length = 0;
  const target = new PassThrough();
  target.on('data', (bytes: Buffer) => {
    parts.push(bytes);
    length += bytes.length;
  });
  return {
    target,
    bytes: () => Buffer.concat(parts),
    get length() {
      return length;
    },
    holds: (wanted) =>
      new Promise((resolve) => {
        const check = () => {
          if (length < wanted) return;
          target.off('data', check);
          resolve();
        };
        target.on('data', check);
        check();
      }),
  };
}

/** Takes nothing until it is told to. */
export function createStuckTarget(): { target: Writable; taken: () => number; release: () => void } {
  let taken = 0;
  let isFree = false;
  let pending: (() => void) | undefined;
  const target = new Writable({
    highWaterMark: 65_536,
    write(bytes: Buffer, _encoding, done) {
      taken += bytes.length;
      if (isFree) done();
      else pending = done;
    },
  });
  return {
    target,
    taken: () => taken,
    release() {
      isFree = true;
      pending?.();
    },
  };
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs a program to its end. It is killed when the signal aborts. */
export function run(
  command: string,
  args: readonly string[],
  { input, signal }: { input?: Uint8Array; signal?: AbortSignal } = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(signal && { signal }),
      killSignal: 'SIGKILL',
    });
    const stdout: Buffer[] = [];
    let stderr = '';
    child.stdout.on('data', (bytes: Buffer) => stdout.push(bytes));
    child.stderr.on('data', (bytes: Buffer) => {
      stderr += bytes.toString();
    });
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => (signal?.aborted ? undefined : reject(error)));
    child.on('close', (code) => resolve({ code, stdout: Buffer.concat(stdout), stderr }));
    child.stdin.end(input);
  });
}

export const runFfmpeg = (args: readonly string[], options?: Parameters<typeof run>[2]): Promise<Finished> =>
  run(ffmpeg.path, ['-hide_banner', '-loglevel', 'error', ...args], options);

/** ffmpeg's arguments for a moving picture with a tone, as H.264 and AAC, as fast as it goes unless `realTime`. */
export function publishArguments(url: string, { seconds = 2, realTime = false } = {}): string[] {
  return [
    ...(realTime ? ['-re'] : []),
    ...['-f', 'lavfi', '-i', 'testsrc=size=320x180:rate=25', ...(realTime ? ['-re'] : [])],
    ...['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100'],
    ...['-t', String(seconds), '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '25'],
    ...['-c:a', 'aac', '-b:a', '64k', '-f', 'flv', url],
  ];
}

export interface Decoded {
  readonly videoFrames: number;
  readonly audioFrames: number;
  readonly errors: string;
}

/** Decodes FLV from stdin and counts what comes out. */
export async function decodeFlv(bytes: Uint8Array): Promise<Decoded> {
  const { stdout, stderr } = await runFfmpeg(['-f', 'flv', '-i', 'pipe:0', '-map', '0', '-f', 'framecrc', '-'], {
    input: bytes,
  });
  const lines = stdout.toString().split('\n');
  const count = (index: number) => lines.filter((line) => line.startsWith(`${index},`)).length;
  const kinds = new Map<string, number>();
  for (const line of lines) {
    const [, index, kind] = /^#media_type (\d+): (\w+)/.exec(line) ?? [];
    if (index !== undefined && kind !== undefined) kinds.set(kind, Number(index));
  }
  const frames = (kind: string) => (kinds.has(kind) ? count(kinds.get(kind)!) : 0);
  return { videoFrames: frames('video'), audioFrames: frames('audio'), errors: stderr };
}
