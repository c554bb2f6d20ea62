import { createHash } from 'node:crypto';
import { readFile, readlink } from 'node:fs/promises';
import type { ProcessIdentity, ProcessWitness } from './publish/lease/lease.js';

/** What the system says of processes. */
export interface ProcessFacts {
  /** New at every start of the machine. */
  bootId(): Promise<string>;
  /** Names the namespace of process ids that this process is in. */
  pidNamespace(): Promise<string>;
  /** The content of `/proc/[pid]/stat`. */
  stat(pid: number): Promise<string>;
  /** Throws `ESRCH` when there is no such process. */
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

/** Undefined where the system does not tell all that is needed: then nobody is ever proven dead. Linux does. */
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
  // There is a process of that number: it is another one if it was started at another time.
  const startedAt = await facts.stat(other.pid).then(startOf, () => undefined);
  return startedAt !== undefined && startedAt !== other.startedAt;
}

/** Field 22 of `/proc/[pid]/stat`; the second field is a name in brackets that may hold anything. */
function startOf(stat: string): number | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[19]);
  return Number.isSafeInteger(ticks) && ticks > 0 ? ticks : undefined;
}
