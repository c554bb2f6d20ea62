import { type ChildProcess, spawn } from 'node:child_process';

export interface Daemons {
  /** Starts one; throws nothing: `mustRun` tells. */
  start(name: string, command: string, args: readonly string[]): void;
  /** Throws when the daemon has ended by itself. */
  mustRun(name: string): void;
  signal(name: string, signal: NodeJS.Signals): void;
  /** Kills it and waits for its end. */
  stop(name: string): Promise<void>;
  /** Kills all, and removes the folder. */
  close(): Promise<void>;
}

export interface DaemonsOptions {
  /** Of this set alone: removed with it. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Servers beside a test. They end with this process, however it ends: each has it as the reason for its own SIGKILL, also
 * while it is stopped, and a shell that sees this process's pipe close removes their folder.
 */
export function createDaemons({ folder, env }: DaemonsOptions): Daemons {
  const running = new Map<string, ChildProcess>();
  // A group of its own: what is sent to the group of the tests does not reach it.
  const janitor = spawn('sh', ['-c', 'read -r _; sleep 1; rm -rf "$1"', 'sh', folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  const janitorEnded = ended(janitor);
  const daemons: Daemons = {
    start(name, command, args) {
      running.set(name, spawn('setpriv', ['--pdeathsig', 'KILL', command, ...args], { env, stdio: 'ignore' }));
    },
    mustRun(name) {
      const child = running.get(name);
      if (child && !isOver(child)) return;
      throw new Error(`${name} has ended: ${child?.exitCode ?? child?.signalCode ?? 'it was stopped'}`);
    },
    signal: (name, signal) => void running.get(name)?.kill(signal),
    async stop(name) {
      const child = running.get(name);
      running.delete(name);
      if (!child || isOver(child)) return;
      const end = ended(child);
      child.kill('SIGKILL');
      await end;
    },
    async close() {
      for (const name of [...running.keys()]) await daemons.stop(name);
      janitor.stdin.end();
      await janitorEnded;
    },
  };
  return daemons;
}

const isOver = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once('exit', () => resolve()));
}
