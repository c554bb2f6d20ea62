import { SidepipeError } from '../../errors.js';
import type { Publisher } from '../../ingest/publisher.js';
import type { SourceCodecs } from '../outputs/source-needs.js';
import type { RunFeed } from './run-options.js';

export interface ArrivalOptions {
  /** The stream's publisher, now or when one connects; undefined if the signal aborts first. */
  readonly next: (signal: AbortSignal) => Promise<Publisher | undefined>;
  /** How long to wait; undefined: without a limit. */
  readonly graceMs: number | undefined;
  readonly delay: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Waits for a publisher. `gone`: none connected in time. Undefined if the signal aborts first. */
export async function awaitPublisher(options: ArrivalOptions): Promise<Publisher | 'gone' | undefined> {
  const { next, graceMs, delay, signal } = options;
  if (graceMs === undefined) return next(signal);
  const settled = new AbortController();
  const limits = AbortSignal.any([signal, settled.signal]);
  void delay(graceMs, limits).then(
    () => settled.abort(),
    () => {},
  );
  const publisher = await next(limits);
  settled.abort();
  return publisher ?? (signal.aborted ? undefined : 'gone');
}

/** Why a publisher was disconnected while its media arrived; undefined if it was not. */
export async function publisherRefused(
  publisher: Pick<Publisher, 'closed' | 'codecs' | 'tooLarge'> | undefined,
): Promise<SidepipeError | undefined> {
  const end = await Promise.race([publisher?.closed, Promise.resolve()]);
  if (publisher === undefined) return undefined;
  const options = { code: 'source-unsupported', fault: 'source', retryable: true } as const;
  if (end === 'picture-too-large' && publisher.tooLarge !== undefined) {
    return new SidepipeError(publisher.tooLarge, options);
  }
  if (end !== 'source-unsupported') return undefined;
  const { video, audio } = publisher.codecs;
  const codecs = [video, audio].filter((codec) => codec !== undefined).join(' and ');
  return new SidepipeError(
    `The publisher sends ${codecs}, which this ffmpeg cannot read from RTMP. Set ffmpeg.path to a newer version.`,
    options,
  );
}

/** How long a publisher may take to reveal its video codec. */
const CODEC_WAIT_MS = 1500;
/** ffmpeg's names for the FourCCs of Enhanced RTMP. */
const FOUR_CCS: Readonly<Record<string, string>> = {
  avc1: 'h264',
  hvc1: 'hevc',
  av01: 'av1',
  vp09: 'vp9',
  mp4a: 'aac',
  '.mp3': 'mp3',
  Opus: 'opus',
  fLaC: 'flac',
  'ac-3': 'ac3',
  'ec-3': 'eac3',
};

export interface CodecsOptions {
  readonly feed: RunFeed;
  readonly delay: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Stops waiting. */
  readonly signal: AbortSignal;
}

/**
 * The codecs of a publisher as soon as its video codec is known; undefined if that takes too long, or if it is unknown whether there is
 * audio. Throws `source-unsupported` if the publisher was disconnected for its video.
 */
export async function publisherCodecs({ feed, delay, signal }: CodecsOptions): Promise<SourceCodecs | undefined> {
  const settled = new AbortController();
  const limits = AbortSignal.any([signal, settled.signal]);
  const abort = () => settled.abort();
  void delay(CODEC_WAIT_MS, limits).then(abort, abort);
  const video = await feed.videoCodec(limits);
  settled.abort();
  const refusal = await publisherRefused(feed);
  if (refusal !== undefined) throw refusal;
  const audio = feed.audioCodec;
  if (video === undefined || (audio === undefined && !feed.isSilent)) return undefined;
  return { video: FOUR_CCS[video] ?? video, audio: audio && (FOUR_CCS[audio] ?? audio) };
}
