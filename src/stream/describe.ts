import type { SidepipeError } from '../errors.js';
import type { EncoderChoice } from '../ffmpeg/output/encoders.js';
import { type DecodeChoice, FIRST_CHOICE } from '../frames/decode.js';
import type { MediaDescription } from '../hls/inspect.js';
import type { Monitor } from '../monitor/monitor.js';
import type { PublicationStatus } from '../storage/publish/types.js';
import type { StreamState } from '../terms.js';
import type { WhepStatus } from '../webrtc/whep/broadcast.js';
import type { PlaybackUrls, StreamDescription } from './description.js';
import type { StreamEnvironment } from './environment.js';
import type { HlsOutput } from './hls/hls-output.js';
import { fixedDecode, monitorPlan } from './outputs/plan.js';
import { type RenditionVideo, wantedRenditions } from './outputs/rendition-plan.js';
import type { StreamImages } from './pictures/stream-images.js';
import type { StreamRun } from './run/run.js';
import { copyWarnings } from './run/source-warnings.js';

export interface DescribedStream {
  readonly env: StreamEnvironment;
  readonly hls: HlsOutput;
  readonly images: StreamImages;
  readonly viewers: number;
  readonly uploads: PublicationStatus | undefined;
  readonly run: StreamRun | undefined;
  readonly state: StreamState;
  readonly since: number;
  readonly reason: SidepipeError | undefined;
  /** Steady time, like `since`; undefined while a run is active. */
  readonly nextAttemptAt?: number | undefined;
  readonly restarts: number;
  /** Undefined: the initial choice. */
  readonly decode?: DecodeChoice;
  /** By rendition; empty before the first run. */
  readonly encoders?: ReadonlyMap<string, EncoderChoice>;
  readonly decoderErrors: number;
  readonly monitor: Monitor['status'] | undefined;
  readonly whep?: WhepStatus | undefined;
}

/** A stream as the API shows it. Contains no secret: URLs are redacted, errors are sentences. */
export function describeStream(stream: DescribedStream): StreamDescription {
  const { env, state, since, reason, nextAttemptAt, run, restarts } = stream;
  const { redact, system } = env.services;
  const isRunning = state !== 'idle';
  return {
    name: env.config.name,
    origin: env.origin,
    source: { kind: env.source.kind, url: redact(env.config.source), warnings: describeWarnings(stream) },
    state,
    reason: reason === undefined ? null : { code: reason.code, message: redact(reason.message) },
    nextAttemptAt: nextAttemptAt === undefined || !isRunning ? null : timestamp(system.dateOf(nextAttemptAt)),
    since: timestamp(system.dateOf(since)),
    viewers: stream.viewers,
    playback: describePlayback(stream),
    thumbnail: describeThumbnail(stream),
    hls: describeHls(stream),
    storage: describeStorage(stream),
    monitor: describeMonitor(stream),
    webrtc: describeWebRtc(stream),
    ffmpeg: {
      pid: isRunning ? (run?.pid ?? null) : null,
      restarts,
      speed: run?.progress?.speed ?? null,
      fps: run?.progress?.fps ?? null,
    },
  };
}

function describeWarnings({ env, run }: DescribedStream): StreamDescription['source']['warnings'] {
  const { video, lacksParameterSets } = run?.facts ?? {};
  return [...copyWarnings({ config: env.config, source: env.source, video, lacksParameterSets })];
}

function describePlayback({ env, images }: DescribedStream): StreamDescription['playback'] {
  const base = `${env.services.publicUrl ?? ''}/live/${env.config.name}`;
  const { hash, state } = images.status;
  const named = hash !== undefined && state !== 'offline';
  return {
    access: env.playbackKeys() === undefined ? 'open' : 'signed',
    ...playbackAt(base, env),
    thumbnailImmutable: named ? `${base}/thumbnail-${hash}.${formatOf(env)}` : null,
  };
}

function playbackAt(base: string, env: StreamEnvironment): PlaybackUrls {
  return {
    hls: `${base}/index.m3u8`,
    thumbnail: `${base}/thumbnail.${formatOf(env)}`,
    preview: `${base}/preview.${env.config.preview.format}`,
    storyboard: `${base}/storyboard.vtt`,
  };
}

function formatOf({ config }: StreamEnvironment): string {
  return config.thumbnail.formats[0] ?? 'jpg';
}

function describeThumbnail({ images, decoderErrors, ...stream }: DescribedStream): StreamDescription['thumbnail'] {
  const { dateOf } = stream.env.services.system;
  const { capturedAt, ageSeconds, state, width, height, bytes } = images.status;
  const { captured, dropped, rejected, failed, gate, placeholder, dominantColour } = images.status;
  return {
    capturedAt: capturedAt === undefined ? null : timestamp(dateOf(capturedAt)),
    ageSeconds: ageSeconds === undefined ? null : Math.round(ageSeconds * 1000) / 1000,
    state,
    width: width ?? null,
    height: height ?? null,
    bytes: bytes ?? null,
    captured,
    dropped,
    rejected,
    failed,
    decoderErrors,
    decode: describeDecode(stream),
    gate: gate === undefined ? null : { state: gate.state, since: timestamp(dateOf(gate.since)) },
    placeholder: placeholder ?? null,
    dominantColour: dominantColour ?? null,
  };
}

function describeDecode({ env, decode, run }: Pick<DescribedStream, 'env' | 'decode' | 'run'>) {
  const keyframeInterval = run?.keyframeIntervalSeconds;
  const keyframeIntervalSeconds = keyframeInterval === undefined ? null : Math.round(keyframeInterval * 1000) / 1000;
  const { mode, reason } = run?.decode ?? decode ?? fixedDecode(env.config, env.source) ?? FIRST_CHOICE;
  return { mode, reason, keyframeIntervalSeconds };
}

function describeWebRtc({ env, whep }: DescribedStream): StreamDescription['webrtc'] {
  if (whep === undefined) return null;
  const { viewers, dropped, tracks, obstacle } = whep;
  return {
    url: `${env.services.publicUrl ?? ''}/live/${env.config.name}/whep`,
    state: obstacle !== undefined ? 'unplayable' : tracks === undefined ? 'waiting' : 'playable',
    reason: obstacle ?? null,
    video: tracks?.video.codec ?? null,
    audio: tracks?.audio ?? null,
    ...{ viewers, dropped },
  };
}

function describeHls({ env, hls, encoders, run }: DescribedStream): StreamDescription['hls'] {
  const { segments, seconds, heldBytes, mediaSequence, discontinuitySequence, bandwidth } = hls.counters();
  const wanted = new Map(wantedRenditions(env.config, env.source).map(({ name, video }) => [name, video]));
  return {
    segments,
    windowBytes: heldBytes,
    windowSeconds: Math.round(seconds * 1000) / 1000,
    mediaSequence,
    discontinuitySequence,
    bandwidth: bandwidth === null ? null : Math.round(bandwidth),
    ...describeTracks(hls.description),
    aligned: hls.aligned,
    audio: describeAudio(run),
    renditions: hls.status().map((each) => ({
      name: each.name,
      ...describeVideo(wanted.get(each.name), encoders?.get(each.name)),
      segments: each.segments,
      mediaSequence: each.mediaSequence,
      bandwidth: each.bandwidth === null ? null : Math.round(each.bandwidth),
      ...describeTracks(each.description),
    })),
  };
}

function describeAudio(run: DescribedStream['run']): StreamDescription['hls']['audio'] {
  if (run?.facts === undefined) return null;
  const sourceCodec = run.facts.audio?.codec ?? null;
  const { audio, isAudioSilent: isSilent } = run.needs;
  if (audio === 'silence') return { mode: 'silence', sourceCodec, isSilent };
  if (audio === 'none' || sourceCodec === null) return { mode: 'none', sourceCodec, isSilent };
  return { mode: audio === 'aac' ? 'encode' : 'copy', sourceCodec, isSilent };
}

function describeTracks(described: MediaDescription | undefined) {
  const resolution = described?.width && described.height ? `${described.width}x${described.height}` : null;
  return { codecs: described?.codecs ?? null, resolution, frameRate: described?.frameRate ?? null };
}

function describeVideo(video: RenditionVideo | undefined, choice: EncoderChoice | undefined) {
  if (video?.kind !== 'encode') return { video: 'copy', encoder: null, encoderReason: null } as const;
  return { video: 'encode', encoder: choice?.encoder ?? null, encoderReason: choice?.reason ?? null } as const;
}

function describeMonitor({ env, monitor }: DescribedStream): StreamDescription['monitor'] {
  if (monitor === undefined) return null;
  // If the public URL is https, WebSockets use wss.
  const base = env.services.publicUrl?.replace(/^http/, 'ws') ?? '';
  return { url: `${base}/live/${env.config.name}/monitor`, ...monitorPlan(env.config.monitor), ...monitor };
}

function describeStorage({ env, uploads }: DescribedStream): StreamDescription['storage'] {
  const url = uploads && env.storage.urlOf?.(uploads.store);
  const error = uploads && (uploads.lastError ?? env.storage.troubleOf?.(uploads.store));
  return {
    type: env.storage.type,
    state: uploads?.state ?? null,
    store: uploads?.store ?? null,
    playback: url === undefined ? null : playbackAt(`${url}/${env.config.name}`, env),
    backlogBytes: uploads?.backlogBytes ?? 0,
    uploaded: uploads?.uploaded ?? 0,
    failed: uploads?.failed ?? 0,
    playlistLagSeconds: uploads?.playlistLagSeconds ?? null,
    lastError: error === undefined ? null : env.services.redact(error.message),
  };
}

function timestamp(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
