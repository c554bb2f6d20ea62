import { z } from 'zod';
import { flag, numeric, seconds } from './values.js';

/** When a machine has too much to do. */

const share = numeric(z.number().min(0).max(1));

interface Limits {
  readonly cpu: number;
  readonly loadPerCore: number;
  readonly loopDelayMs: number;
  readonly memoryAvailable: number;
  readonly encoderDropped: number;
}

/** What counts where nothing is set; one of a pair follows the other where that is set: `derived.ts`. */
export const limitDefaults = {
  slow: { cpu: 0.9, loadPerCore: 1.5, loopDelayMs: 200, memoryAvailable: 0.08, encoderDropped: 0.25 },
  refuse: { cpu: 0.95, loadPerCore: 3, loopDelayMs: 1000, memoryAvailable: 0.04, encoderDropped: 0.6 },
} as const;

/** Zod takes a default for the whole as it is, so each limit has its own. */
const limits = (effect: string, defaults: Limits) =>
  z
    .strictObject({
      cpu: share
        .default(defaults.cpu)
        .describe(
          `Share of the processors' time in use, niced programs aside; counts only together with \`loadPerCore\`. ${effect}`,
        ),
      loadPerCore: numeric(z.number().min(0).max(1000))
        .default(defaults.loadPerCore)
        .describe(
          'Programs that run or wait for a processor, a processor, averaged over a minute. Not known in a control ' +
            `group with a part of the processors. ${effect}`,
        ),
      loopDelayMs: numeric(z.number().min(1).max(60_000))
        .default(defaults.loopDelayMs)
        .describe(`By how much one in a hundred timers of the node is late. ${effect}`),
      memoryAvailable: share
        .default(defaults.memoryAvailable)
        .describe(`Share of the memory, of the machine or its control group, that is left. ${effect}`),
      encoderDropped: share
        .default(defaults.encoderDropped)
        .describe(`Share of the frames that found the picture encoder busy. ${effect}`),
    })
    .prefault({});

export const guard = z
  .strictObject({
    enabled: flag
      .default(true)
      .describe(
        "Whether the machine's load is watched. See " +
          '[monitoring](monitoring.md#when-the-machine-has-too-much-to-do).',
      ),
    intervalSeconds: seconds.default(5).describe('Time from one look to the next.'),
    raiseAfterSeconds: seconds
      .default(15)
      .describe(
        'How long it must have been too much before pictures are slowed, and as long again before streams are ' +
          'refused.',
      ),
    calmAfterSeconds: seconds
      .default(60)
      .describe('How long it must have been well below before each step is taken back.'),
    slow: limits(
      'From here on pictures are slowed. Unset: as shown, or the limit of `guard.refuse` where that is reached first.',
      limitDefaults.slow,
    ),
    refuse: limits(
      'From here on the API makes no stream either. Unset: as shown, or the limit of `guard.slow` where that is reached later.',
      limitDefaults.refuse,
    ),
  })
  .superRefine(({ slow, refuse }, context) => {
    for (const name of ['cpu', 'loadPerCore', 'loopDelayMs', 'memoryAvailable', 'encoderDropped'] as const) {
      const isRight = name === 'memoryAvailable' ? refuse[name] <= slow[name] : refuse[name] >= slow[name];
      const word = name === 'memoryAvailable' ? 'more' : 'less';
      if (!isRight) {
        const message = `must not be ${word} than guard.slow.${name} (${slow[name]})`;
        context.addIssue({ code: 'custom', path: ['refuse', name], message });
      }
    }
  });
