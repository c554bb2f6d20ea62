import { z } from 'zod';
import { flag, numeric, seconds } from './values.js';

/** Load limits: when an overloaded machine gets fewer thumbnails and no new streams. */

const share = numeric(z.number().min(0).max(1));

interface Limits {
  readonly cpu: number;
  readonly loadPerCore: number;
  readonly loopDelayMs: number;
  readonly memoryAvailable: number;
  readonly encoderDropped: number;
}

/** Used when neither limit of a pair is set. If one is set, the other follows it: see `derived.ts`. */
export const limitDefaults = {
  slow: { cpu: 0.9, loadPerCore: 1.5, loopDelayMs: 200, memoryAvailable: 0.08, encoderDropped: 0.25 },
  refuse: { cpu: 0.95, loadPerCore: 3, loopDelayMs: 1000, memoryAvailable: 0.04, encoderDropped: 0.6 },
} as const;

/** Zod uses the default of an object as it is, so each limit has its own default. */
const limits = (effect: string, defaults: Limits) =>
  z
    .strictObject({
      cpu: share
        .default(defaults.cpu)
        .describe(
          `CPU utilization, 0 to 1, without niced processes. Counts only together with \`loadPerCore\`. ${effect}`,
        ),
      loadPerCore: numeric(z.number().min(0).max(1000))
        .default(defaults.loadPerCore)
        .describe(
          'One-minute load average per core: processes that run or wait for a CPU. Unknown in a control group with a ' +
            `CPU quota. ${effect}`,
        ),
      loopDelayMs: numeric(z.number().min(1).max(60_000))
        .default(defaults.loopDelayMs)
        .describe(`Event loop delay of the node, 99th percentile, in milliseconds. ${effect}`),
      memoryAvailable: share
        .default(defaults.memoryAvailable)
        .describe(`Available share of the memory of the machine or its control group, 0 to 1. ${effect}`),
      encoderDropped: share
        .default(defaults.encoderDropped)
        .describe(`Share of frames dropped because the thumbnail encoder was busy, 0 to 1. ${effect}`),
    })
    .prefault({});

export const guard = z
  .strictObject({
    enabled: flag
      .default(true)
      .describe(
        "Watches the machine's load and reduces work when it is too high. See " +
          '[monitoring](monitoring.md#when-the-machine-has-too-much-to-do).',
      ),
    intervalSeconds: seconds.default(5).describe('Time between two load checks.'),
    raiseAfterSeconds: seconds
      .default(15)
      .describe(
        'How long the load must be too high before thumbnails are slowed, and for as long again before new streams are rejected.',
      ),
    calmAfterSeconds: seconds
      .default(60)
      .describe('How long the load must be well below the limit before each step is reverted.'),
    slow: limits(
      'Beyond this limit thumbnails are slowed. Unset: as shown, or the limit of `guard.refuse` if that is reached first.',
      limitDefaults.slow,
    ),
    refuse: limits(
      'Beyond this limit the API also rejects new streams. Unset: as shown, or the limit of `guard.slow` if that is reached later.',
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
