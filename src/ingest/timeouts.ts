import type { Source, UnknownSource } from './source.js';

/** Timeouts for a source, in seconds. */
export interface SourceTimeouts {
  /** Until the source is opened and its streams are known; undefined: no limit. */
  readonly connectSeconds: number | undefined;
  /** Until the next byte. */
  readonly readSeconds: number;
  /** ffmpeg's own timeout for connecting and for each byte. Its error messages are more specific, so it must expire first. */
  readonly socketSeconds: number;
}

export interface TimeoutSettings {
  readonly connectTimeoutSeconds?: number | undefined;
  readonly readTimeoutSeconds?: number | undefined;
}

/** Local sources respond at once or not at all. HLS sources may be silent for the length of a segment. */
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

/** The configured timeouts, with defaults by kind of source. A listener waits for a caller without a limit. Pure. */
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

/** The maximum delay before a source is opened again, in milliseconds; undefined: the general maximum. Pure. */
export function longestWaitMs({ kind }: Pick<Source | UnknownSource, 'kind'>, isListener = false): number | undefined {
  // A caller can only connect while ffmpeg listens, and a device is available as soon as it is plugged in again.
  if (isListener) return 1000;
  return kind === 'device' || kind === 'directory' ? 5000 : undefined;
}
