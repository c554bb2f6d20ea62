import type { Check } from './check.js';

/** This program did not exist before. Milliseconds since the epoch. */
const earliest = Date.UTC(2025, 0, 1);
const latest = Date.UTC(2100, 0, 1);

/** Boards without a battery for their clock start in 1970, and then every picture's age and every S3 signature is wrong. */
export function clockChecks(now: () => number = Date.now): Check {
  return {
    area: 'clock',
    async run() {
      const time = now();
      const ok = time >= earliest && time < latest;
      const detail =
        Number.isFinite(time) && Math.abs(time) < 8.64e15 ? new Date(time).toISOString() : 'no time at all';
      const remedy = 'Set the clock and keep it set: timedatectl set-ntp true, or chrony.';
      return [{ area: 'clock', check: 'time of day', ok, detail, ...(ok ? {} : { remedy }) }];
    },
  };
}
