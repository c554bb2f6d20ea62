import type { SidepipeError } from '../errors.js';
import type { PublicationStatus } from '../storage/publish/types.js';
import type { StreamEnvironment } from './environment.js';
import type { HlsOutput } from './hls-output.js';
import type { Pictures } from './pictures.js';
import type { StreamRun } from './run.js';
import type { StreamDescription, StreamState } from './types.js';

export interface DescribedStream {
  readonly env: StreamEnvironment;
  readonly hls: HlsOutput;
  readonly images: Pictures;
  readonly uploads: PublicationStatus | undefined;
  readonly run: StreamRun | undefined;
  readonly state: StreamState;
  readonly since: number;
  readonly reason: SidepipeError | undefined;
  readonly restarts: number;
}

/** A stream as the API shows it. Holds no secret: addresses are redacted, errors are sentences. */
export function describeStream(stream: DescribedStream): StreamDescription {
  const { env, state, since, reason, run, restarts } = stream;
  const isRunning = state !== 'idle';
  return {
    name: env.config.name,
    source: { kind: env.source.kind, url: env.redact(env.config.source) },
    state,
    reason: reason === undefined ? null : { code: reason.code, message: env.redact(reason.message) },
    since: timestamp(since),
    playback: playbackAt(`${env.publicUrl ?? ''}/live/${env.config.name}`, env),
    thumbnail: describeThumbnail(stream),
    hls: describeHls(stream.hls),
    storage: describeStorage(stream),
    ffmpeg: {
      pid: isRunning ? (run?.pid ?? null) : null,
      restarts,
      speed: run?.progress?.speed ?? null,
      fps: run?.progress?.fps ?? null,
    },
  };
}

function playbackAt(base: string, env: StreamEnvironment): StreamDescription['playback'] {
  return { hls: `${base}/index.m3u8`, thumbnail: `${base}/thumbnail.${env.config.thumbnail.formats[0] ?? 'jpg'}` };
}

function describeThumbnail({ images }: DescribedStream): StreamDescription['thumbnail'] {
  const { capturedAt, ageSeconds, state, width, height, bytes, captured, dropped, failed } = images.status;
  return {
    capturedAt: capturedAt === undefined ? null : timestamp(capturedAt),
    ageSeconds: ageSeconds === undefined ? null : Math.round(ageSeconds * 1000) / 1000,
    state,
    width: width ?? null,
    height: height ?? null,
    bytes: bytes ?? null,
    captured,
    dropped,
    rejected: failed,
  };
}

function describeHls(hls: HlsOutput): StreamDescription['hls'] {
  const { segments, seconds, heldBytes, mediaSequence, discontinuitySequence, bandwidth } = hls.counters();
  const described = hls.description;
  const resolution = described?.width && described.height ? `${described.width}x${described.height}` : null;
  return {
    segments,
    windowBytes: heldBytes,
    windowSeconds: Math.round(seconds * 1000) / 1000,
    mediaSequence,
    discontinuitySequence,
    bandwidth: bandwidth === null ? null : Math.round(bandwidth),
    codecs: described?.codecs ?? null,
    resolution,
    frameRate: described?.frameRate ?? null,
  };
}

function describeStorage({ env, uploads }: DescribedStream): StreamDescription['storage'] {
  return {
    type: env.storageType,
    playback:
      uploads === undefined || env.storageUrl === undefined
        ? null
        : playbackAt(`${env.storageUrl}/${env.config.name}`, env),
    backlogBytes: uploads?.backlogBytes ?? 0,
    uploaded: uploads?.uploaded ?? 0,
    failed: uploads?.failed ?? 0,
    playlistLagSeconds: uploads?.playlistLagSeconds ?? null,
    lastError: uploads?.lastError == null ? null : env.redact(uploads.lastError.message),
  };
}

function timestamp(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
