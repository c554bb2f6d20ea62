import { SidepipeError } from '../../errors.js';
import type { HlsView, LowLatencyView, WantedPosition } from '../../stream/live-stream.js';
import { openToAll } from '../response/headers.js';
import type { Problem } from '../response/problem.js';

/** The delivery directives of a playlist request. RFC 8216bis 6.2.5. */
export interface DeliveryDirectives {
  /** The response waits until the playlist contains this position. */
  readonly wanted: WantedPosition | undefined;
  /** The client accepts a delta update. */
  readonly isDelta: boolean;
}

interface DirectiveRequest {
  query(name: string): string | undefined;
  /** Calls `end` once if the client disconnects. Returns a function that removes the listener. */
  onGone(end: () => void): () => void;
}

/** Parses the delivery directives of a request. */
export function readDirectives(request: DirectiveRequest): DeliveryDirectives | { readonly problem: Problem } {
  const sequence = request.query('_HLS_msn');
  const part = request.query('_HLS_part');
  const skip = request.query('_HLS_skip');
  const isDelta = skip === 'YES' || skip === 'v2';
  if (sequence === undefined) {
    return part === undefined ? { wanted: undefined, isDelta } : refused('_HLS_part', 'requires _HLS_msn');
  }
  const mediaSequence = wholeNumber(sequence);
  if (mediaSequence === undefined) return refused('_HLS_msn', 'must be a media sequence number');
  const partIndex = part === undefined ? undefined : wholeNumber(part);
  if (part !== undefined && partIndex === undefined) return refused('_HLS_part', 'must be the index of a part');
  return { wanted: { mediaSequence, part: partIndex }, isDelta };
}

/**
 * Waits until a playlist contains the requested position. Returns a problem if the position is too far ahead or was not reached in
 * time; settles early when the client disconnects.
 */
export async function waitForPosition(
  hls: HlsView,
  rendition: string,
  wanted: WantedPosition,
  request: DirectiveRequest,
): Promise<Problem | undefined> {
  const low = hls.lowLatency(rendition);
  if (low === undefined || low.isReached(wanted)) return undefined;
  if (low.isTooFarAhead(wanted)) {
    return {
      ...badRequest(`The requested media sequence number is too far ahead: the playlist is at ${low.mediaSequence}.`),
      field: '_HLS_msn',
    };
  }
  const end = await wait(low, wanted, request);
  if (end === 'full') return tooManyWait;
  // RFC 8216bis 6.2.5.2: a server SHOULD return 503 if a request was blocked for three target durations.
  return end === 'late' && !low.isReached(wanted) ? notInTime : undefined;
}

/** Waits for the part in the preload hint. False if the file is another part, or did not become available. */
export async function waitForPart(
  hls: HlsView,
  rendition: string,
  file: string,
  request: DirectiveRequest,
): Promise<boolean> {
  const low = hls.lowLatency(rendition);
  if (low === undefined || !low.isNextPart(file)) return false;
  await wait(low, low.nextPart, request);
  return true;
}

/** The result of waiting: `over` if the position was reached, the playlist ended or the client disconnected. */
async function wait(
  low: LowLatencyView,
  wanted: WantedPosition,
  request: DirectiveRequest,
): Promise<'over' | 'late' | 'full'> {
  // One AbortController for both ends: a thousand requests wait for the same part, and what they leave is collected while they are answered.
  const ended = new AbortController();
  let isLate = false;
  const end = () => ended.abort();
  const timer = setTimeout(() => {
    isLate = true;
    end();
  }, low.maxWaitMs);
  const release = request.onGone(end);
  try {
    await low.wait(wanted, ended.signal);
    return isLate ? 'late' : 'over';
  } catch (error) {
    if (error instanceof SidepipeError && error.code === 'limit-reached') return 'full';
    throw error;
  } finally {
    clearTimeout(timer);
    release();
  }
}

const tooManyWait: Problem = {
  status: 503,
  code: 'limit-reached',
  title: 'Too many waiting requests',
  detail: 'The maximum number of requests is waiting for this playlist.',
  headers: { ...openToAll, 'retry-after': '1' },
};

const notInTime: Problem = {
  status: 503,
  code: 'playlist-not-in-time',
  title: 'Playlist update timed out',
  detail: 'The playlist did not reach the requested position within three target durations.',
  headers: { ...openToAll, 'retry-after': '1' },
};

function refused(field: string, what: string): { readonly problem: Problem } {
  return { problem: { ...badRequest(`${field} ${what}.`), field } };
}

function badRequest(detail: string): Problem {
  return { status: 400, code: 'request-invalid', title: 'Bad request', detail, headers: openToAll };
}

function wholeNumber(text: string): number | undefined {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}
