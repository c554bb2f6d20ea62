import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { cpuSecondsOf } from '../ffmpeg/cpu.js';
import type { StreamEnvironment } from '../stream/environment.js';

/** Access to the machine for streams; tests replace it. */
export const system: Pick<StreamEnvironment, 'delay' | 'random' | 'randomId' | 'cpuSecondsOf'> = {
  delay: (ms, signal) => delay(ms, undefined, signal === undefined ? {} : { signal }),
  random: Math.random,
  randomId: () => randomBytes(4).toString('hex'),
  cpuSecondsOf: async (pid) => (pid === undefined ? undefined : cpuSecondsOf(pid)),
};
