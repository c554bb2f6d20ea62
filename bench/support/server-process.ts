import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { until } from '../../test/support/wait.js';

/** A server in a process of its own, which ends with this one whatever happens. */
export interface ServerProcess {
  readonly child: ChildProcess;
  /** Ends it and removes its folder. */
  close(): Promise<void>;
}

export interface ServerProcessOptions {
  /** A program and its arguments. */
  readonly command: readonly string[];
  /** Of its own; removed with it. */
  readonly folder: string;
  readonly spawn: SpawnOptions;
  /** Whether it answers here. */
  readonly answersAt: string;
  readonly isUp?: (response: Response) => boolean;
  /** What to say when there is no such program. */
  readonly missing?: string;
}

/** Starts it and waits until it answers. Throws when it does not; nothing of it is left then. */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const { folder, answersAt, isUp = () => true } = options;
  const [program, ...args] = options.command;
  const child = spawn(program!, args, options.spawn);
  let failure: Error | undefined;
  child.once('error', (cause) => {
    failure = new Error(options.missing ?? `${program} did not start`, { cause });
  });
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  const close = async () => {
    await end(child);
    process.off('exit', kill);
    await rm(folder, { recursive: true, force: true });
  };
  const answers = async () => {
    if (failure !== undefined) throw failure;
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`);
    return fetch(answersAt).then(isUp, () => false);
  };
  try {
    await until(`${program} to answer`, answers, { timeoutMs: 30_000 });
  } catch (error) {
    await close();
    throw error;
  }
  return { child, close };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}
