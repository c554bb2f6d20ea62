import { isRecord } from './tree.js';

/** Defaults that apply only if the user wrote the enclosing setting. */
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
 * Defaults of a profile, structured like a configuration. The one entry of a list applies to all entries. A setting that the user
 * wrote is never replaced, and an optional mapping is filled in only if the user wrote it.
 */
const profiles: Readonly<Record<string, unknown>> = {
  edge: {
    storage: { backlogBytes: 16 * 1024 ** 2, s3: optional({ concurrency: 4 }) },
    streams: [
      {
        // Segments use most of the memory of a stream. A low-latency viewer sends ten requests per second instead of one.
        hls: { lowLatency: false, windowSegments: 4 },
        // Up to a width of 640, keyframes are decoded without deblocking.
        thumbnail: { intervalSeconds: 10, width: 640 },
        preview: { frames: 4, width: 320 },
        storyboard: { intervalSeconds: 10 },
        renditions: optional([{ height: 480, bitrate: 1_000_000, preset: 'ultrafast' }]),
      },
    ],
  },
};

/** Fills in the defaults of the configuration's `profile`. Without a profile, or with an unknown one, nothing changes. Pure. */
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
