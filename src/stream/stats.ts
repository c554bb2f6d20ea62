import type { PublicationStatus } from '../storage/publish/types.js';
import type { StreamEnvironment } from './environment.js';
import type { RecordedEvent, StreamStats } from './feed-schema.js';
import type { HlsOutput, ListedSegment } from './hls-output.js';
import type { Readings } from './meter.js';
import type { PicturesStatus } from './pictures.js';
import type { StreamState } from './types.js';

export interface MeasuredStream {
  readonly name: string;
  readonly state: StreamState;
  readonly readings: Readings;
  readonly hls: Pick<HlsOutput, 'counters'>;
  readonly images: PicturesStatus;
  readonly uploads: PublicationStatus | undefined;
  readonly keyframeIntervalSeconds: number | undefined;
  readonly viewers: number;
  readonly restarts: number;
}

/** One stream at this moment, as charts show it. */
export function statsOf(stream: MeasuredStream): StreamStats {
  const { name, state, readings, hls, images, uploads, keyframeIntervalSeconds, viewers, restarts } = stream;
  const { segments, listedBytes, seconds } = hls.counters();
  const isRunning = state !== 'idle';
  return {
    stream: name,
    state,
    ...(isRunning ? readings : { fps: null, speed: null, driftSeconds: null }),
    bitrate: isRunning && segments > 0 && seconds > 0 ? Math.round((listedBytes * 8) / seconds) : null,
    keyframeIntervalSeconds: keyframeIntervalSeconds === undefined ? null : milli(keyframeIntervalSeconds),
    thumbnail: {
      ageSeconds: images.ageSeconds === undefined ? null : milli(images.ageSeconds),
      state: images.state,
      gate: images.gate?.state ?? null,
      captured: images.captured,
      dropped: images.dropped,
      rejected: images.rejected,
    },
    upload: {
      state: uploads?.state ?? null,
      lagSeconds: uploads?.playlistLagSeconds ?? null,
      backlogBytes: uploads?.backlogBytes ?? 0,
      uploaded: uploads?.uploaded ?? 0,
      failed: uploads?.failed ?? 0,
    },
    viewers,
    restarts,
  };
}

/** `at`: milliseconds since the epoch. */
export function segmentEvent(stream: string, rendition: string, segment: ListedSegment, at: number): RecordedEvent {
  const { file, body, entry, mediaSequence } = segment;
  return {
    ...{ type: 'segment', stream, at: new Date(at).toISOString(), rendition, file, mediaSequence },
    ...{ bytes: body.byteLength, durationSeconds: entry.durationSeconds },
  };
}

export function traceSegment(
  { config, traces, now, publisher }: Pick<StreamEnvironment, 'config' | 'traces' | 'now' | 'publisher'>,
  { rendition, file, body, entry, completedAtMs }: ListedSegment,
): void {
  traces?.segment({
    ...{ stream: config.name, rendition, file, bytes: body.byteLength },
    ...{ durationSeconds: entry.durationSeconds, startsAt: entry.programDateTime },
    ...{ completedAt: completedAtMs, listedAt: now(), uploads: publisher !== undefined },
  });
}

function milli(value: number): number {
  return Math.round(value * 1000) / 1000;
}
