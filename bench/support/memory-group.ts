import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { until } from '../../test/support/wait.js';

/** A control group that bounds the memory of all processes in it together, page cache included. Linux, as root. */
export interface MemoryGroup {
  /** What stands before a command to start it, and all that it starts, in the group. */
  readonly wrapper: readonly string[];
  reading(): Promise<MemoryReading>;
  /** Waits until nobody is left in it and removes it. */
  close(): Promise<void>;
}

interface MemoryReading {
  /** What the processes hold by themselves: files that are read through the page cache do not count. */
  readonly ownBytes: number;
  /** The most at any moment, page cache included; undefined where the kernel does not tell (version 2 before Linux 5.19). */
  readonly peakBytes: number | undefined;
  /** Processes that the kernel killed for want of memory. */
  readonly killed: number;
  readonly processes: number;
}

/** Where the two versions of control groups keep the same things. */
interface Layout {
  readonly parent: string;
  readonly limit: string;
  readonly peak: string;
  /** A line of `memory.stat`. */
  readonly own: string;
  /** A file with a line `oom_kill`. */
  readonly kills: string;
}

const layouts: readonly Layout[] = [
  {
    ...{ parent: '/sys/fs/cgroup/memory', limit: 'memory.limit_in_bytes', peak: 'memory.max_usage_in_bytes' },
    ...{ own: 'total_rss', kills: 'memory.oom_control' },
  },
  {
    ...{ parent: '/sys/fs/cgroup', limit: 'memory.max', peak: 'memory.peak' },
    ...{ own: 'anon', kills: 'memory.events' },
  },
];

/** Throws where the kernel has no control groups for memory, or this user may not make one. */
export async function makeMemoryGroup(name: string, limitBytes: number): Promise<MemoryGroup> {
  const failures: unknown[] = [];
  for (const layout of layouts) {
    const path = `${layout.parent}/${name}`;
    try {
      await mkdir(path);
    } catch (error) {
      failures.push(error);
      continue;
    }
    const group = groupAt(path, layout);
    try {
      // Version 2 makes a folder in any case, and these files only where memory is delegated.
      await writeFile(`${path}/${layout.limit}`, String(limitBytes));
      const limit = Number(await readFile(`${path}/${layout.limit}`, 'utf8'));
      if (limit !== limitBytes) throw new Error(`${layout.limit} is ${limit}`);
      return group;
    } catch (error) {
      failures.push(error);
      await group.close();
    }
  }
  throw new AggregateError(failures, 'this needs root, and a kernel with control groups for memory');
}

function groupAt(path: string, { own, peak, kills }: Layout): MemoryGroup {
  const read = (file: string) => readFile(`${path}/${file}`, 'utf8');
  return {
    wrapper: ['sh', '-c', `echo $$ > ${path}/cgroup.procs && exec "$@"`, 'sh'],
    async reading() {
      const most = await read(peak).catch(() => undefined);
      return {
        ownBytes: lineOf(await read('memory.stat'), own),
        peakBytes: most === undefined ? undefined : Number(most),
        killed: lineOf(await read(kills), 'oom_kill'),
        processes: (await read('cgroup.procs')).split('\n').filter(Boolean).length,
      };
    },
    close: async () => {
      const isGone = () =>
        rmdir(path).then(
          () => true,
          () => false,
        );
      await until('an empty control group', isGone);
    },
  };
}

/** A number of a file of names and numbers. Pure. */
export function lineOf(text: string, name: string): number {
  const value = new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1];
  if (value === undefined) throw new Error(`no ${name}`);
  return Number(value);
}
