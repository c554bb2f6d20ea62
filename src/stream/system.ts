import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { NodeClock } from '../clock.js';
import { cpuSecondsOf } from '../ffmpeg/cpu.js';

/** Time, chance and the machine as a stream sees them; tests replace them. */
export interface StreamSystem {
  /** Steady time in milliseconds (see `NodeClock`): everything inside a stream is measured with it. */
  readonly now: () => number;
  /** The date of a moment of steady time, in milliseconds since the epoch: used for everything that leaves the stream. */
  readonly dateOf: (at: number) => number;
  /** Settles after `ms`; rejects when the signal aborts. */
  readonly delay: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly random: () => number;
  /** 8 hexadecimal digits, different each time. */
  readonly randomId: () => string;
  readonly cpuSecondsOf: (pid: number | undefined) => Promise<number | undefined>;
}

export function systemOf({ now, dateOf }: Pick<NodeClock, 'now' | 'dateOf'>): StreamSystem {
  return {
    now,
    dateOf,
    delay: (ms, signal) => delay(ms, undefined, signal === undefined ? {} : { signal }),
    random: Math.random,
    randomId: () => randomBytes(4).toString('hex'),
    cpuSecondsOf: async (pid) => (pid === undefined ? undefined : cpuSecondsOf(pid)),
  };
}
