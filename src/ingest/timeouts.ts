import type { Source, UnknownSource } from './source.js';

/** How long a source is waited for, in seconds. */
export interface SourceTimeouts {
  /** Until it has been opened and its streams are known; undefined: for ever. */
  readonly connectSeconds: number | undefined;
  /** Until the next byte. */
  readonly readSeconds: number;
  /** What ffmpeg itself waits for a connection and for a byte. It has better words for what is wrong, so it comes first. */
  readonly socketSeconds: number;
}

export interface TimeoutSettings {
  readonly connectTimeoutSeconds?: number | undefined;
  readonly readTimeoutSeconds?: number | undefined;
}

/** A local source answers at once or not at all; a playlist's segments may be as far apart as they are long. */
const byKind: Readonly<Record<(Source | UnknownSource)['kind'], readonly [connect: number, read: number]>> = {
  test: [20, 10],
  push: [30, 30],
  file: [20, 10],
  directory: [20, 10],
  device: [20, 5],
  rtsp: [20, 10],
  rtmp: [20, 10],
  srt: [20, 5],
  http: [20, 15],
  mjpeg: [20, 10],
  hls: [30, 20],
  unknown: [20, 10],
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
    socketSeconds: Math.max(settings.connectTimeoutSeconds ?? 0, settings.readTimeoutSeconds ?? read),
  };
}

/** The longest wait before a source is opened again, in milliseconds; undefined: as for every other. Pure. */
export function longestWaitMs({ kind }: Pick<Source | UnknownSource, 'kind'>, isListener = false): number | undefined {
  // Nobody can call while nobody listens, and a device that is plugged in again is there at once.
  if (isListener) return 1000;
  return kind === 'device' || kind === 'directory' ? 5000 : undefined;
}
