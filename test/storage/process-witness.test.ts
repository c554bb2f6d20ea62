import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ProcessFacts, readProcessWitness } from '../../src/storage/process-witness.js';
import { decodeLease, encodeLease } from '../../src/storage/publish/lease/lease.js';

const boot = '7d0cf7d2-52a5-4f0c-9d52-0f7c0c1f6a11\n';

/** The name in brackets may hold anything, brackets too. */
const statOf = (pid: number, startedAt: number) =>
  `${pid} (a) b (c) S 1 ${Array.from({ length: 17 }, (_, i) => i).join(' ')} ${startedAt} 0 0\n`;

/** A machine with these processes: pid and start. */
function machine(processes: Readonly<Record<number, number>>, more: Partial<ProcessFacts> = {}): ProcessFacts {
  const fail = (code: string) => Object.assign(new Error(code), { code });
  return {
    pid: 20,
    bootId: async () => boot,
    pidNamespace: async () => 'pid:[4026531836]',
    stat: async (pid) => {
      const startedAt = processes[pid];
      if (startedAt === undefined) throw fail('ENOENT');
      return statOf(pid, startedAt);
    },
    probe: (pid) => {
      if (processes[pid] === undefined) throw fail('ESRCH');
    },
    ...more,
  };
}

const selfOf = async (facts: ProcessFacts) => (await readProcessWitness(facts))!.self;

describe('readProcessWitness', () => {
  it('knows a process of this machine as dead when there is none of its number, or one of another start', async () => {
    const dead = await selfOf(machine({ 20: 500 }));
    for (const [now, expected] of [
      [{ 21: 900 }, true],
      [{ 20: 800, 21: 900 }, true],
      [{ 20: 500, 21: 900 }, false],
    ] as const) {
      const witness = await readProcessWitness(machine(now, { pid: 21 }));
      expect(await witness!.isDead(dead)).toBe(expected);
    }
  });

  it('calls nothing dead that is of another start of the machine, or of another container', async () => {
    const elsewhere = [
      machine({ 20: 500 }, { bootId: async () => '00000000-52a5-4f0c-9d52-0f7c0c1f6a11\n' }),
      machine({ 20: 500 }, { pidNamespace: async () => 'pid:[4026532999]' }),
    ];
    const witness = await readProcessWitness(machine({ 21: 900 }, { pid: 21 }));
    for (const facts of elsewhere) expect(await witness!.isDead(await selfOf(facts))).toBe(false);
  });

  it('calls nothing dead that it may not look at', async () => {
    const dead = await selfOf(machine({ 20: 500 }));
    const hidden = machine(
      { 21: 900 },
      {
        pid: 21,
        probe: () => {
          throw Object.assign(new Error('EPERM'), { code: 'EPERM' });
        },
      },
    );
    expect(await (await readProcessWitness(hidden))!.isDead(dead)).toBe(false);
  });

  it('is not there where the system does not tell', async () => {
    const refuse = async (): Promise<never> => {
      throw new Error('ENOENT');
    };
    for (const more of [{ bootId: refuse }, { pidNamespace: refuse }, { stat: refuse }, { stat: async () => 'x' }])
      expect(await readProcessWitness(machine({ 20: 500 }, more))).toBeUndefined();
  });

  it.runIf(process.platform === 'linux')('sees a real process alive, and dead once it was killed', async () => {
    const child = spawn(process.execPath, [
      '-e',
      'setInterval(() => {}, 1000); process.stdout.write(require("fs").readFileSync("/proc/self/stat", "utf8"))',
    ]);
    const [stat] = (await once(child.stdout, 'data')) as [Buffer];
    const witness = (await readProcessWitness())!;
    expect(witness.self.pid).toBe(process.pid);
    expect(await witness.isDead(witness.self)).toBe(false);
    const startedAt = Number(
      stat
        .toString()
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')[19],
    );
    const other = { ...witness.self, pid: child.pid!, startedAt };
    expect(await witness.isDead(other)).toBe(false);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await witness.isDead(other)).toBe(true);
  });
});

describe('the process in a lease', () => {
  it('is read as it was written, and neither names the machine nor is believed when it is nonsense', async () => {
    const process = await selfOf(machine({ 20: 500 }));
    const body = encodeLease({ owner: 'me', ttlMs: 5000, count: 1, process });
    expect(decodeLease(body)).toEqual({ owner: 'me', ttlMs: 5000, count: 1, process });
    expect(Buffer.from(body).toString()).not.toContain(boot.trim());
    const odd = fc.oneof(
      fc.json(),
      fc.constant('{"realm":"","pid":1,"startedAt":1}'),
      fc
        .record({ realm: fc.string(), pid: fc.constantFrom(-1, 0, 0.5), startedAt: fc.nat() })
        .map((v) => JSON.stringify(v)),
    );
    fc.assert(
      fc.property(odd, (text) => {
        const read = decodeLease(Buffer.from(`{"owner":"me","ttlMs":5000,"count":1,"process":${text}}`));
        expect(read?.owner).toBe('me');
        expect(read?.process).toBeUndefined();
      }),
    );
  });
});
