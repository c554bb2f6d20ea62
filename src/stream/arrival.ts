import { SidepipeError } from '../errors.js';
import type { Publisher } from '../ingest/rtmp/server-types.js';

export interface ArrivalOptions {
  /** The stream's publisher, now or when one comes; undefined when the signal aborts first. */
  readonly next: (signal: AbortSignal) => Promise<Publisher | undefined>;
  /** How long a publisher that was here is waited for; undefined when there was none. */
  readonly graceMs: number | undefined;
  /** The publisher did not come back in time. */
  readonly onGone: () => Promise<void>;
  readonly delay: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Waits for a publisher: first within the grace of the one before, then for as long as it takes. */
export async function awaitPublisher(options: ArrivalOptions): Promise<Publisher | undefined> {
  const { next, graceMs, onGone, delay, signal } = options;
  if (graceMs !== undefined) {
    const settled = new AbortController();
    const limits = AbortSignal.any([signal, settled.signal]);
    void delay(graceMs, limits).then(
      () => settled.abort(),
      () => {},
    );
    const back = await next(limits);
    settled.abort();
    if (back !== undefined || signal.aborted) return back;
    await onGone();
  }
  return next(signal);
}

/** Why a publisher was sent away while its media came; undefined where it was not. */
export async function publisherRefused(publisher: Publisher | undefined): Promise<SidepipeError | undefined> {
  const end = await Promise.race([publisher?.closed, Promise.resolve()]);
  if (end !== 'source-unsupported' || publisher === undefined) return undefined;
  const { video, audio } = publisher.codecs;
  const codecs = [video, audio].filter((codec) => codec !== undefined).join(' and ');
  return new SidepipeError(
    `the publisher sends ${codecs}, which this ffmpeg cannot read from RTMP: name a newer one as ffmpeg.path`,
    { code: 'source-unsupported', fault: 'source', retryable: true },
  );
}
