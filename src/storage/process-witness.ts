import { createHash } from 'node:crypto';
import { readFile, readlink } from 'node:fs/promises';
import type { ProcessIdentity, ProcessWitness } from './publish/lease/lease.js';

/** What the operating system reports about processes. */
export interface ProcessFacts {
  /** Changes with every boot. */
  bootId(): Promise<string>;
  /** Identifies the PID namespace of this process. */
  pidNamespace(): Promise<string>;
  /** The content of `/proc/[pid]/stat`. */
  stat(pid: number): Promise<string>;
  /** Throws `ESRCH` if there is no such process. */
  probe(pid: number): void;
  readonly pid: number;
}

const linux: ProcessFacts = {
  bootId: () => readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
  pidNamespace: () => readlink('/proc/self/ns/pid'),
  stat: (pid) => readFile(`/proc/${pid}/stat`, 'utf8'),
  probe: (pid) => void process.kill(pid, 0),
  pid: process.pid,
};

/** Undefined if the system lacks this information: then no process can be proven dead. Linux has it. */
export async function readProcessWitness(facts: ProcessFacts = linux): Promise<ProcessWitness | undefined> {
  const self = await identify(facts).catch(() => undefined);
  return self && { self, isDead: (other) => isDead(facts, self, other) };
}

async function identify(facts: ProcessFacts): Promise<ProcessIdentity | undefined> {
  const { pid } = facts;
  const [bootId, pidNamespace, stat] = await Promise.all([facts.bootId(), facts.pidNamespace(), facts.stat(pid)]);
  const startedAt = startOf(stat);
  if (bootId.trim() === '' || pidNamespace === '' || startedAt === undefined) return undefined;
  const realm = createHash('sha256').update(`${bootId.trim()} ${pidNamespace}`).digest('hex').slice(0, 32);
  return { realm, pid, startedAt };
}

async function isDead(facts: ProcessFacts, self: ProcessIdentity, other: ProcessIdentity): Promise<boolean> {
  if (other.realm !== self.realm) return false;
  try {
    facts.probe(other.pid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return true;
  }
  // A process with this id exists: a different start time means that it is another one.
  const startedAt = await facts.stat(other.pid).then(startOf, () => undefined);
  return startedAt !== undefined && startedAt !== other.startedAt;
}

/** Field 22 of `/proc/[pid]/stat`; the second field is a name in parentheses that may contain anything. */
function startOf(stat: string): number | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[19]);
  return Number.isSafeInteger(ticks) && ticks > 0 ? ticks : undefined;
}
