import { z } from 'zod';
import { flag, numeric, seconds } from './schema-values.js';

/** When a machine has too much to do. */

const share = numeric(z.number().min(0).max(1));
/** Zod takes a default for the whole as it is, so each limit has its own. */
const limits = (defaults: { cpu: number; loadPerCore: number; loopDelayMs: number; memory: number; dropped: number }) =>
  z
    .strictObject({
      /** Share of the processors' time that is used, niced programs aside. Only together with `loadPerCore`. */
      cpu: share.default(defaults.cpu),
      /** Programs that run or wait for a processor, averaged over a minute, for each processor. */
      loadPerCore: numeric(z.number().min(0).max(1000)).default(defaults.loadPerCore),
      /** By how much one in a hundred timers of the node is late. */
      loopDelayMs: numeric(z.number().min(1).max(60_000)).default(defaults.loopDelayMs),
      /** Share of the memory that is still to be had. */
      memoryAvailable: share.default(defaults.memory),
      /** Share of the frames that were dropped because the picture encoder was busy. */
      encoderDropped: share.default(defaults.dropped),
    })
    .prefault({});

export const guard = z
  .strictObject({
    enabled: flag.default(true),
    intervalSeconds: seconds.default(5),
    /** How long it must have been too much before something is done, one step at a time. */
    raiseAfterSeconds: seconds.default(15),
    /** How long it must have been well below before a step is taken back. */
    calmAfterSeconds: seconds.default(60),
    /** From here on pictures are slowed. */
    slow: limits({ cpu: 0.9, loadPerCore: 1.5, loopDelayMs: 200, memory: 0.08, dropped: 0.25 }),
    /** From here on no further stream is taken either. */
    refuse: limits({ cpu: 0.95, loadPerCore: 3, loopDelayMs: 1000, memory: 0.04, dropped: 0.6 }),
  })
  .superRefine(({ slow, refuse }, context) => {
    for (const name of ['cpu', 'loadPerCore', 'loopDelayMs', 'memoryAvailable', 'encoderDropped'] as const) {
      const isRight = name === 'memoryAvailable' ? refuse[name] <= slow[name] : refuse[name] >= slow[name];
      const word = name === 'memoryAvailable' ? 'more' : 'less';
      if (!isRight)
        context.addIssue({ code: 'custom', path: ['refuse', name], message: `must not be ${word} than in guard.slow` });
    }
  });
