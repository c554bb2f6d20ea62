import { isRecord } from './tree.js';

/** Defaults that only count where the user wrote something. */
class Optional {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

function optional(value: unknown): Optional {
  return new Optional(value);
}

/**
 * Defaults of a profile, in the shape of a configuration. A list has one entry that stands for all; what the user wrote is
 * never replaced, and a mapping that may be absent as a whole is only filled in where the user wrote it.
 */
const profiles: Readonly<Record<string, unknown>> = {
  edge: {
    storage: { backlogBytes: 16 * 1024 ** 2, s3: optional({ concurrency: 4 }) },
    streams: [
      {
        // Segments are most of what a stream holds in memory. A low-latency viewer sends ten requests a second in place of one.
        hls: { lowLatency: false, windowSegments: 4 },
        // Up to 640 wide, keyframes are decoded without their block edges smoothed.
        thumbnail: { intervalSeconds: 10, width: 640 },
        preview: { frames: 4, width: 320 },
        storyboard: { intervalSeconds: 10 },
        renditions: optional([{ height: 480, bitrate: 1_000_000, preset: 'ultrafast' }]),
      },
    ],
  },
};

/** A configuration with what its `profile` fills in. One that names none, or none that there is, stays as it is. Pure. */
export function withProfile(value: unknown): unknown {
  if (!isRecord(value) || typeof value['profile'] !== 'string') return value;
  const defaults = Object.hasOwn(profiles, value['profile']) ? profiles[value['profile']] : undefined;
  return defaults === undefined ? value : fill(value, defaults);
}

function fill(value: unknown, defaults: unknown): unknown {
  if (defaults instanceof Optional) return value === undefined ? undefined : fill(value, defaults.value);
  if (Array.isArray(defaults)) return Array.isArray(value) ? value.map((item) => fill(item, defaults[0])) : value;
  if (!isRecord(defaults)) return value === undefined ? defaults : value;
  if (value !== undefined && !isRecord(value)) return value;
  const filled = Object.entries(defaults).map(([name, each]) => [name, fill(value?.[name], each)] as const);
  return { ...value, ...Object.fromEntries(filled.filter(([, each]) => each !== undefined)) };
}
