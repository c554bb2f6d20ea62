import { type ChildProcess, type SpawnOptions as ProcessOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { createDeadline } from '../deadline.js';
import { SidepipeError } from '../errors.js';
import { ALLOCATOR_DEFAULTS, childEnvironment } from './environment.js';

/** How a child process ended. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One child process with its pipes. */
export interface Child {
  readonly pid: number;
  /** Null unless requested. */
  readonly stdin: Writable | null;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** The child's file descriptor 3. */
  readonly side: Readable;
  /** The child's file descriptor 4. */
  readonly packets: Readable;
  /** The child's file descriptor 5; null unless requested. */
  readonly snapshots: Readable | null;
  /** The child's file descriptor 6; null unless requested. */
  readonly media: Writable | null;
  /** The child's file descriptor 7; null unless requested. */
  readonly monitor: Readable | null;
  /** The child's file descriptors from 8 on: one per rendition. */
  readonly renditions: readonly Readable[];
  /** The child's file descriptor after those of the renditions; null unless requested. */
  readonly audio: Readable | null;
  /** The child's last file descriptors: access units for WebRTC, in the order of its outputs. */
  readonly accessUnits: readonly Readable[];
  /** Settles when the process is gone and its pipes are drained; never rejects. */
  readonly exited: Promise<ChildExit>;
  kill(signal: NodeJS.Signals): void;
}

export interface SpawnOptions {
  readonly path: string;
  readonly args: readonly string[];
  readonly stdin?: boolean;
  readonly snapshots?: boolean;
  /** True: a pipe. A number: this open file descriptor of the node becomes the child's file descriptor 6. */
  readonly media?: boolean | number;
  readonly monitor?: boolean;
  /** Number of renditions that it writes. */
  readonly renditions?: number;
  /** Whether it reports when silent audio starts. */
  readonly audio?: boolean;
  /** Number of outputs of access units for WebRTC. */
  readonly accessUnits?: number;
  /** Added to the variables that `childEnvironment` keeps of the node's own. */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * The only place that starts a process. No shell, so arguments need no quoting. The child leads its own process group, so that a Ctrl-C
 * in the terminal reaches only the node, which then closes in order.
 */
export async function spawnChild(options: SpawnOptions): Promise<Child> {
  const child = await begin(options).catch((cause: unknown) => {
    throw startError(options.path, cause);
  });
  void preferForKilling(child.pid!);
  let isOver = false;
  const exited = new Promise<ChildExit>((resolve) => {
    child.once('close', (code, signal) => {
      isOver = true;
      resolve({ code, signal });
    });
  });
  // Without a listener, a failed kill later would crash the node; `exited` reports everything that matters.
  child.on('error', () => {});
  // A child that dies while it is written to breaks the pipe; `exited` reports that too.
  child.stdin?.on('error', () => {});
  const [snapshots = null, media = null, monitor = null, ...others] = (
    child.stdio as (Readable | Writable | null)[]
  ).slice(5);
  const renditions = others.slice(0, options.renditions ?? 0);
  media?.on('error', () => {});
  return {
    pid: child.pid!,
    stdin: child.stdin,
    stdout: child.stdout!,
    stderr: child.stderr!,
    side: child.stdio[3] as Readable,
    packets: child.stdio[4] as Readable,
    snapshots: snapshots as Readable | null,
    media: media as Writable | null,
    monitor: monitor as Readable | null,
    renditions: renditions as Readable[],
    audio: (options.audio ? (others[renditions.length] ?? null) : null) as Readable | null,
    accessUnits: others.slice(renditions.length + (options.audio ? 1 : 0)) as Readable[],
    exited,
    kill: (signal) => {
      if (!isOver) killGroup(child, signal);
    },
  };
}

/** Errors of a machine without resources for another process. They are never the fault of the program to start. */
const shortages: Readonly<Record<string, string>> = {
  EMFILE: 'this process has too many open files (EMFILE). Raise its limit (ulimit -n, LimitNOFILE in systemd).',
  ENFILE: 'the machine has too many open files (ENFILE). Raise fs.file-max.',
  EAGAIN: 'the process limit is reached (EAGAIN). Raise ulimit -u, TasksMax or pids.max.',
  ENOMEM: 'the machine is out of memory (ENOMEM).',
};

function startError(path: string, cause: unknown): SidepipeError {
  const shortage = shortages[(cause as NodeJS.ErrnoException | undefined)?.code ?? ''];
  return new SidepipeError(shortage === undefined ? `Cannot start ${path}.` : `Cannot start ffmpeg: ${shortage}`, {
    code: shortage === undefined ? 'ffmpeg-unusable' : 'machine-exhausted',
    fault: 'node',
    retryable: true,
    cause,
  });
}

/** By how much the kernel prefers a child over the node when memory runs out, out of 1000. */
const OOM_SCORE_ABOVE = 300;

/** Makes the kernel end one stream's ffmpeg instead of the node when memory runs out. Linux only; no effect elsewhere. */
async function preferForKilling(pid: number): Promise<void> {
  try {
    const own = Number(await readFile('/proc/self/oom_score_adj', 'utf8'));
    // Never creates a file: the process may have exited.
    await writeFile(`/proc/${pid}/oom_score_adj`, String(Math.min(1000, own + OOM_SCORE_ABOVE)), { flag: 'r+' });
  } catch {
    // The process has exited, or this is not permitted here.
  }
}

async function begin(options: SpawnOptions): Promise<ChildProcess> {
  // Throws for some errors, such as a command line that is too long, and reports others by an event.
  const { path, args, environment } = options;
  const settings: ProcessOptions = {
    stdio: [
      ...([pipe(options.stdin), 'pipe', 'pipe', 'pipe', 'pipe'] as const),
      pipe(options.snapshots),
      typeof options.media === 'number' ? options.media : pipe(options.media),
      pipe(options.monitor),
      ...Array.from(
        { length: (options.renditions ?? 0) + (options.audio ? 1 : 0) + (options.accessUnits ?? 0) },
        () => 'pipe' as const,
      ),
    ],
    env: { ...ALLOCATOR_DEFAULTS, ...childEnvironment(process.env), ...environment },
    detached: true,
    shell: false,
    windowsHide: true,
  };
  const child = spawn(path, args, settings);
  if (child.pid === undefined) await once(child, 'spawn');
  return child;
}

function pipe(isWanted = false): 'pipe' | 'ignore' {
  return isWanted ? 'pipe' : 'ignore';
}

/** Signals the whole group, because the program can be a script around ffmpeg, and ffmpeg is what must end. */
function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, signal);
  } catch {
    // The process has exited, or the system has no process groups.
    child.kill(signal);
  }
}

export interface LadderOptions {
  /** Settles when the wait for a step is over; rejects when the signal aborts. */
  readonly delay: (ms: number, signal: AbortSignal) => Promise<void>;
  /** How long ffmpeg may take to finish its last segment and playlist. */
  readonly askMs?: number;
  readonly terminateMs?: number;
}

/** Stops a child in steps: end of input and SIGINT, wait, SIGTERM, wait, SIGKILL. Settles when it has exited. */
export async function stopChild(child: Child, options: LadderOptions): Promise<ChildExit> {
  const rungs = [
    { signal: 'SIGINT', waitMs: options.askMs ?? 3000 },
    { signal: 'SIGTERM', waitMs: options.terminateMs ?? 1000 },
  ] as const;
  const gone = new AbortController();
  void child.exited.then(() => gone.abort());
  child.stdin?.end();
  child.media?.end();
  for (const { signal, waitMs } of rungs) {
    child.kill(signal);
    // An unfinished wait would keep the node from exiting.
    const waited = options.delay(waitMs, gone.signal).catch(() => {});
    await Promise.race([child.exited, waited]);
    if (gone.signal.aborted) return child.exited;
  }
  child.kill('SIGKILL');
  return child.exited;
}

export interface RunOptions {
  readonly path: string;
  readonly args: readonly string[];
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly environment?: Readonly<Record<string, string>>;
}

const MAX_OUTPUT_BYTES = 4 * 1024 ** 2;
/** The first part of standard error, because the cause comes first. */
const MAX_STDERR_LENGTH = 4096;

/** Runs a short-lived program and returns its output. Rejects if it fails, prints too much or takes too long. */
export async function runToEnd(options: RunOptions): Promise<string> {
  const child = await spawnChild(options);
  const deadline = createDeadline(options.timeoutMs, [options.signal]);
  const { signal } = deadline;
  const end = () => child.kill('SIGKILL');
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  const pieces: Buffer[] = [];
  let bytes = 0;
  child.stdout.on('data', (piece: Buffer) => {
    bytes += piece.length;
    if (bytes > MAX_OUTPUT_BYTES) end();
    else pieces.push(piece);
  });
  let stderr = '';
  child.stderr.on('data', (piece: Buffer) => {
    if (stderr.length < MAX_STDERR_LENGTH) stderr += piece.toString('utf8');
  });
  child.side.resume();
  child.packets.resume();
  const { code } = await child.exited;
  deadline.clear();
  if (code !== 0 || signal.aborted) {
    throw new SidepipeError(`${options.path} ${options.args.join(' ')} failed.`, {
      code: 'ffmpeg-unusable',
      fault: 'node',
      cause: signal.aborted ? signal.reason : undefined,
      details: { code, stderr: stderr.slice(0, MAX_STDERR_LENGTH) },
    });
  }
  return Buffer.concat(pieces).toString('utf8');
}
