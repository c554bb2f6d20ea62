import type { Check } from './check.js';

/** An earlier time is implausible, because this program did not exist. Milliseconds since the epoch. */
const earliest = Date.UTC(2025, 0, 1);
const latest = Date.UTC(2100, 0, 1);

/** Boards without a clock battery start in 1970; then the age of every thumbnail and every S3 signature is wrong. */
export function clockChecks(now: () => number = Date.now): Check {
  return {
    area: 'clock',
    async run() {
      const time = now();
      const ok = time >= earliest && time < latest;
      const detail = Number.isFinite(time) && Math.abs(time) < 8.64e15 ? new Date(time).toISOString() : 'invalid time';
      const remedy = 'Set the clock and synchronise it: timedatectl set-ntp true, or chrony.';
      return [{ area: 'clock', check: 'time of day', ok, detail, ...(ok ? {} : { remedy }) }];
    },
  };
}
