import { mkdtemp, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { StreamDescription } from '../../src/stream/description.js';
import { benchFolder } from './clip.js';
import { openFilesOf } from './descriptors.js';
import { freePort } from './free-port.js';
import { collectedHeapBytes, heapArguments } from './heap.js';
import { startServerProcess } from './server-process.js';

/** A node in a process of its own, as a user runs it. */
export interface NodeProcess {
  readonly url: string;
  readonly pid: number;
  /** From its spawn to its first answer, in milliseconds. */
  readonly startedMs: number;
  /** Open file descriptors, without connections that whoever asks it keeps. Linux only. */
  openFiles(): Promise<number>;
  /** What of the process is in memory, in bytes, ffmpeg not counted. Linux only. */
  residentBytes(): Promise<number>;
  /** What V8's heap holds after full collections, in bytes. Only where `collects` was set. */
  collectedHeapBytes(): Promise<number>;
  streams(): Promise<readonly StreamDescription[]>;
  /** The value of one of its metrics, by name; of those without labels. */
  metric(name: string): Promise<number>;
  close(): Promise<void>;
}

export interface NodeProcessOptions {
  readonly config: Readonly<Record<string, unknown>>;
  readonly environment?: Readonly<Record<string, string>>;
  /** What stands before Node.js's path; it must become that program, not start it. */
  readonly wrapper?: readonly string[];
  /** Whether its heap is to be looked at. Default false. */
  readonly collects?: boolean;
  /** The built command line of another version. */
  readonly cli?: string;
}

const ownCli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** Starts the built command line. Throws when it has not been built or does not come up. */
export async function startNodeProcess(options: NodeProcessOptions): Promise<NodeProcess> {
  const { cli = ownCli } = options;
  if ((await stat(cli).catch(() => undefined)) === undefined) throw new Error(`npm run build first: no ${cli}`);
  const folder = await mkdtemp(join(await benchFolder(), 'node-'));
  const { collects = false } = options;
  const port = await freePort();
  const spawnedAt = performance.now();
  const config = { http: { host: '127.0.0.1', port }, log: { level: 'error' }, ...options.config };
  await writeFile(join(folder, 'config.yaml'), stringify(config));
  const url = `http://127.0.0.1:${port}`;
  const { child, close } = await startServerProcess({
    command: [
      ...(options.wrapper ?? []),
      ...[process.execPath, ...(collects ? heapArguments : [])],
      ...[cli, 'serve', '--config', 'config.yaml'],
    ],
    folder,
    spawn: {
      cwd: folder,
      // It is asked more often than by people.
      env: { ...process.env, SIDEPIPE_HTTP_RATE_LIMIT_API_PER_MINUTE: '1000000', ...options.environment },
      stdio: ['ignore', 'ignore', 'inherit', ...(collects ? (['ipc'] as const) : [])],
    },
    answersAt: `${url}/healthz`,
    isUp: ({ ok }) => ok,
  });
  const startedMs = performance.now() - spawnedAt;
  return {
    url,
    pid: child.pid!,
    startedMs,
    openFiles: () => openFilesOf(child.pid!, port),
    residentBytes: async () => parseResident(await readFile(`/proc/${child.pid}/status`, 'utf8')),
    collectedHeapBytes: () => collectedHeapBytes(child),
    async streams() {
      const answer = await fetch(`${url}/api/v1/streams`);
      return ((await answer.json()) as { streams: StreamDescription[] }).streams;
    },
    async metric(name) {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1]);
    },
    close,
  };
}

/** VmRSS of /proc/[pid]/status in bytes. Pure. */
export function parseResident(status: string): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kibibytes === undefined) throw new Error('no VmRSS');
  return Number(kibibytes) * 1024;
}
