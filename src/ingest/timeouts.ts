import type { Source, UnknownSource } from './source.js';

/** How long a source is waited for, in seconds. */
export interface SourceTimeouts {
  /** Until it has been opened and its streams are known; undefined: for ever. */
  readonly connectSeconds: number | undefined;
  /** Until the next byte. */
  readonly readSeconds: number;
}

export interface TimeoutSettings {
  readonly connectTimeoutSeconds?: number | undefined;
  readonly readTimeoutSeconds?: number | undefined;
}

/** A local source answers at once or not at all; a playlist's segments may be as far apart as they are long. */
const byKind: Readonly<Record<(Source | UnknownSource)['kind'], readonly [connect: number, read: number]>> = {
  test: [10, 10],
  push: [30, 30],
  file: [10, 10],
  directory: [10, 10],
  device: [10, 5],
  rtsp: [10, 10],
  rtmp: [10, 10],
  srt: [10, 5],
  http: [15, 15],
  mjpeg: [10, 10],
  hls: [20, 20],
  unknown: [10, 10],
};

/** What is set, else what suits the kind of the source. Whoever listens waits for ever to be called. Pure. */
export function timeoutsOf(
  { kind }: Pick<Source | UnknownSource, 'kind'>,
  settings: TimeoutSettings,
  isListener = false,
): SourceTimeouts {
  const [connect, read] = byKind[kind];
  return {
    connectSeconds: settings.connectTimeoutSeconds ?? (isListener ? undefined : connect),
    readSeconds: settings.readTimeoutSeconds ?? read,
  };
}

/** The longest wait before a source is opened again, in milliseconds; undefined: as for every other. Pure. */
export function longestWaitMs({ kind }: Pick<Source | UnknownSource, 'kind'>, isListener = false): number | undefined {
  // Nobody can call while nobody listens, and a device that is plugged in again is there at once.
  if (isListener) return 1000;
  return kind === 'device' || kind === 'directory' ? 5000 : undefined;
}
