import { type Child, runToEnd, spawnChild } from './child.js';

/**
 * Ensures that no ffmpeg outlives the node, however the node dies. A broken pipe does not end ffmpeg: only the output on that pipe
 * closes, and the others continue indefinitely.
 */
export interface OrphanGuard {
  readonly way: 'parent-death-signal' | 'reaper';
  /** The command to run instead of `path args`. */
  wrap(path: string, args: readonly string[]): { path: string; args: readonly string[] };
  /** Registers a running child; the returned function unregisters it. */
  watch(pid: number): () => void;
  close(): Promise<void>;
}

/**
 * Reads `+ pid` and `- pid` until its input ends, which means that the node has exited for any reason, and then kills the remaining
 * processes and their groups. It leads its own session, so that a signal to the node's group does not kill it.
 */
const REAPER = `
trap '' INT TERM HUP
pids=' '
while read -r sign pid; do
  case $sign in
    +) pids="$pids$pid " ;;
    -) case $pids in *" $pid "*) pids="\${pids%% $pid *} \${pids#* $pid }" ;; esac ;;
  esac
done
for pid in $pids; do kill -KILL -- "-$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null; done
`;

/** How the guard against orphaned ffmpeg processes works. */
export interface GuardOptions {
  /** For tests: do not use `setpriv`, as on boards without it. */
  readonly setpriv?: string | null;
}

/**
 * `setpriv` (util-linux) replaces itself with ffmpeg and makes the kernel send a signal when the parent dies, without a second process.
 * Without `setpriv`, one small shell per node does the job.
 */
export async function createOrphanGuard(options: GuardOptions = {}): Promise<OrphanGuard> {
  const setpriv = options.setpriv === undefined ? 'setpriv' : options.setpriv;
  const args = ['--pdeathsig', 'KILL', '--'];
  if (setpriv !== null && (await works(setpriv, [...args, process.execPath, '--version']))) {
    return {
      way: 'parent-death-signal',
      wrap: (path, rest) => ({ path: setpriv, args: [...args, path, ...rest] }),
      watch: () => () => {},
      close: async () => {},
    };
  }
  return reaperGuard(await spawnChild({ path: '/bin/sh', args: ['-c', REAPER], stdin: true }));
}

function reaperGuard(reaper: Child): OrphanGuard {
  reaper.stdout.resume();
  reaper.stderr.resume();
  reaper.side.resume();
  reaper.packets.resume();
  const tell = (sign: '+' | '-', pid: number) => void reaper.stdin!.write(`${sign} ${pid}\n`);
  return {
    way: 'reaper',
    wrap: (path, args) => ({ path, args }),
    watch: (pid) => {
      tell('+', pid);
      return () => tell('-', pid);
    },
    close: async () => {
      reaper.stdin!.end();
      await reaper.exited;
    },
  };
}

async function works(path: string, args: readonly string[]): Promise<boolean> {
  return runToEnd({ path, args, timeoutMs: 5000 }).then(
    () => true,
    () => false,
  );
}
