import { availableParallelism, cpus, freemem, loadavg, totalmem } from 'node:os';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { type CgroupReading, readCgroup } from './cgroup.js';
import type { MachineReading } from './measures.js';

/** Reads what the machine has to do, again and again. */
export interface Machine {
  read(): Promise<MachineReading>;
  close(): void;
}

const RESOLUTION_MS = 20;

/** The machine that this process runs on, or the part of it that its control group may have. */
export function openMachine(): Machine {
  const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  loop.enable();
  return {
    async read() {
      const group = await readCgroup();
      const late = loop.percentile(99) / 1e6 - RESOLUTION_MS;
      loop.reset();
      return { ...processorOf(group), loopDelayMs: Math.max(0, late), memory: memoryOf(group) };
    },
    close: () => void loop.disable(),
  };
}

function processorOf({ cpu }: CgroupReading): Pick<MachineReading, 'cpu' | 'loadPerCore'> {
  const cores = Math.max(1, availableParallelism());
  // Others queue for the rest of the machine: its load average says nothing about a part of it.
  if (cpu !== undefined && cpu.cores < cores) {
    return { cpu: { usedMs: cpu.usedMs, givenMs: performance.now() * cpu.cores }, loadPerCore: undefined };
  }
  const times = cpus().map((each) => each.times);
  const sum = (pick: (time: (typeof times)[number]) => number) => times.reduce((all, time) => all + pick(time), 0);
  // What is niced gives way, so it counts as free.
  const usedMs = sum(({ user, sys, irq }) => user + sys + irq);
  const givenMs = usedMs + sum(({ nice, idle }) => nice + idle);
  const [load = 0] = loadavg();
  // Windows has none.
  return { cpu: { usedMs, givenMs }, loadPerCore: process.platform === 'win32' ? undefined : load / cores };
}

function memoryOf({ memory }: CgroupReading): MachineReading['memory'] {
  // macOS counts as free only what nobody used yet, which is next to nothing on a healthy machine.
  if (process.platform === 'darwin') return undefined;
  const machine = { availableBytes: freemem(), totalBytes: totalmem() };
  if (memory === undefined || memory.totalBytes >= machine.totalBytes) return machine;
  return memory.availableBytes / memory.totalBytes < machine.availableBytes / machine.totalBytes ? memory : machine;
}
