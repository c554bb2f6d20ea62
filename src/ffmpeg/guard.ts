import { type Child, runToEnd, spawnChild } from './child.js';

/**
 * Sees to it that no ffmpeg outlives the node, however the node dies. A broken pipe does not end ffmpeg: only the output that
 * was on it closes, and the others go on for good.
 */
export interface OrphanGuard {
  readonly way: 'parent-death-signal' | 'reaper';
  /** The command that stands in for `path args`. */
  wrap(path: string, args: readonly string[]): { path: string; args: readonly string[] };
  /** Tells the guard of a child that runs; the answer tells it that the child is gone. */
  watch(pid: number): () => void;
  close(): Promise<void>;
}

/**
 * Reads `+ pid` and `- pid` until its input ends, which is when the node is gone, in order or not, and then kills what is
 * left, with its group. It leads a session of its own, so that what kills the node's group does not kill it.
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

export interface GuardOptions {
  /** For tests: leave `setpriv` alone, as on boards that do not have it. */
  readonly setpriv?: string | null;
}

/**
 * `setpriv` (util-linux) replaces itself by ffmpeg with a signal set that the kernel sends when the parent dies: no second
 * process. Where it is missing, one small shell a node does it.
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
