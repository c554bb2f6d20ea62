import { type ChildProcess, type SpawnOptions as ProcessOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { SidepipeError } from '../errors.js';
import { ALLOCATOR_DEFAULTS, childEnvironment } from './environment.js';

/** How a child ended. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One child process with its pipes. */
export interface Child {
  readonly pid: number;
  /** Null unless asked for. */
  readonly stdin: Writable | null;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** The child's file descriptor 3. */
  readonly side: Readable;
  /** The child's file descriptor 4. */
  readonly packets: Readable;
  /** The child's file descriptor 5; null unless asked for. */
  readonly snapshots: Readable | null;
  /** The child's file descriptor 6; null unless asked for. */
  readonly media: Writable | null;
  /** The child's file descriptor 7; null unless asked for. */
  readonly monitor: Readable | null;
  /** The child's file descriptors from 8 on: one a rendition. */
  readonly renditions: readonly Readable[];
  /** The child's file descriptor behind those of the renditions; null unless asked for. */
  readonly audio: Readable | null;
  /** Settles when the process is gone and its pipes are drained; never rejects. */
  readonly exited: Promise<ChildExit>;
  kill(signal: NodeJS.Signals): void;
}

export interface SpawnOptions {
  readonly path: string;
  readonly args: readonly string[];
  readonly stdin?: boolean;
  readonly snapshots?: boolean;
  /** True: a pipe. A number: this open file of the node's, as the child's file descriptor 6. */
  readonly media?: boolean | number;
  readonly monitor?: boolean;
  /** How many renditions it writes. */
  readonly renditions?: number;
  /** Whether it reports audio that was silent. */
  readonly audio?: boolean;
  /** Set on top of what `childEnvironment` leaves of the node's own. */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * The only place in the tree where a process begins. No shell: an argument is an argument, whatever is in it. The child
 * leads a process group of its own, so that a Ctrl-C in the terminal reaches the node alone, which then closes in order.
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
  // Without a listener, the failure of a later kill would end the node; `exited` tells all that matters.
  child.on('error', () => {});
  // A child that dies while it is written to breaks the pipe; that too is told by `exited`.
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
    audio: (others[renditions.length] ?? null) as Readable | null,
    exited,
    kill: (signal) => {
      if (!isOver) killGroup(child, signal);
    },
  };
}

/** What a machine without room for another process says. None of it is the program's fault, whichever was to be started. */
const shortages: Readonly<Record<string, string>> = {
  EMFILE: 'this process has too many open files (EMFILE): raise its limit, ulimit -n or LimitNOFILE',
  ENFILE: 'the machine has too many open files (ENFILE): raise fs.file-max',
  EAGAIN: 'the limit of processes is reached (EAGAIN): raise ulimit -u, TasksMax or pids.max',
  ENOMEM: 'the machine has no memory left (ENOMEM)',
};

function startError(path: string, cause: unknown): SidepipeError {
  const shortage = shortages[(cause as NodeJS.ErrnoException | undefined)?.code ?? ''];
  return new SidepipeError(shortage === undefined ? `cannot start ${path}` : `cannot start ffmpeg: ${shortage}`, {
    code: shortage === undefined ? 'ffmpeg-unusable' : 'machine-exhausted',
    fault: 'node',
    retryable: true,
    cause,
  });
}

/** How much likelier than the node a child is chosen when memory runs out, of 1000. */
const OOM_SCORE_ABOVE = 300;

/** Where memory runs out, one stream's ffmpeg ends and not the node with all streams. Linux only; elsewhere nothing happens. */
async function preferForKilling(pid: number): Promise<void> {
  try {
    const own = Number(await readFile('/proc/self/oom_score_adj', 'utf8'));
    // Never creates a file: the process may be gone.
    await writeFile(`/proc/${pid}/oom_score_adj`, String(Math.min(1000, own + OOM_SCORE_ABOVE)), { flag: 'r+' });
  } catch {
    // Gone already, or not allowed here.
  }
}

async function begin(options: SpawnOptions): Promise<ChildProcess> {
  // Throws by itself for some faults, such as too long a command line, and tells of others by an event.
  const { path, args, environment } = options;
  const settings: ProcessOptions = {
    stdio: [
      ...([pipe(options.stdin), 'pipe', 'pipe', 'pipe', 'pipe'] as const),
      pipe(options.snapshots),
      typeof options.media === 'number' ? options.media : pipe(options.media),
      pipe(options.monitor),
      ...Array.from({ length: (options.renditions ?? 0) + (options.audio ? 1 : 0) }, () => 'pipe' as const),
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

/** The whole group: where the program is a script around ffmpeg, ffmpeg is what has to end. */
function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, signal);
  } catch {
    // Gone already, or a system without groups.
    child.kill(signal);
  }
}

export interface LadderOptions {
  /** Settles when the wait on a rung is over; rejects when the signal aborts. */
  readonly delay: (ms: number, signal: AbortSignal) => Promise<void>;
  /** How long ffmpeg may take to finish its last segment and playlist. */
  readonly askMs?: number;
  readonly terminateMs?: number;
}

/** Ends a child: asks it (end of input, interrupt), waits, terminates it, waits, kills it. Settles when it is gone. */
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
    // A wait that nobody needs any more would keep the node from ending.
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
/** Of what it says on standard error: the beginning, where the cause is. */
const MAX_STDERR_LENGTH = 4096;

/** Runs a short-lived program and gives what it printed. Rejects when it fails, prints too much or takes too long. */
export async function runToEnd(options: RunOptions): Promise<string> {
  const child = await spawnChild(options);
  const deadline = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
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
  signal.removeEventListener('abort', end);
  if (code !== 0 || signal.aborted) {
    throw new SidepipeError(`${options.path} ${options.args.join(' ')} failed`, {
      code: 'ffmpeg-unusable',
      fault: 'node',
      cause: signal.aborted ? signal.reason : undefined,
      details: { code, stderr: stderr.slice(0, MAX_STDERR_LENGTH) },
    });
  }
  return Buffer.concat(pieces).toString('utf8');
}
