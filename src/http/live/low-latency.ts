import { SidepipeError } from '../../errors.js';
import type { HlsView, LowLatencyView, WantedPosition } from '../../stream/live-stream.js';
import { openToAll } from '../response/headers.js';
import type { Problem } from '../response/problem.js';

/** What a low-latency client asks of a playlist. RFC 8216bis 6.2.5. */
export interface DeliveryDirectives {
  /** The playlist is wanted once it has this. */
  readonly wanted: WantedPosition | undefined;
  /** A delta update will do. */
  readonly isDelta: boolean;
}

interface DirectiveRequest {
  query(name: string): string | undefined;
  /** Aborted when the client goes away. */
  signal(): { readonly signal: AbortSignal; readonly release: () => void };
}

/** Reads the delivery directives of a request. */
export function readDirectives(request: DirectiveRequest): DeliveryDirectives | { readonly problem: Problem } {
  const sequence = request.query('_HLS_msn');
  const part = request.query('_HLS_part');
  const skip = request.query('_HLS_skip');
  const isDelta = skip === 'YES' || skip === 'v2';
  if (sequence === undefined) {
    return part === undefined ? { wanted: undefined, isDelta } : refused('_HLS_part', 'needs _HLS_msn beside it');
  }
  const mediaSequence = wholeNumber(sequence);
  if (mediaSequence === undefined) return refused('_HLS_msn', 'must be a media sequence number');
  const partIndex = part === undefined ? undefined : wholeNumber(part);
  if (part !== undefined && partIndex === undefined) return refused('_HLS_part', 'must be the index of a part');
  return { wanted: { mediaSequence, part: partIndex }, isDelta };
}

/**
 * Waits until a playlist has what a client asked for. A problem where it will not have it soon, or did not get it in time; settles
 * early when the client goes away.
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
      ...badRequest(`The playlist is at media sequence number ${low.mediaSequence}, too far from the one asked for.`),
      field: '_HLS_msn',
    };
  }
  const end = await wait(low, wanted, request);
  if (end === 'full') return tooManyWait;
  // RFC 8216bis 6.2.5.2: a server SHOULD answer 503 to a request that it held for three target durations.
  return end === 'late' && !low.isReached(wanted) ? notInTime : undefined;
}

/** Waits for the part that the playlist announces as the next one. False where the file is not that part, or did not come. */
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

/** How waiting ended: `over` where the position came, the playlist ended or the client went away. */
async function wait(
  low: LowLatencyView,
  wanted: WantedPosition,
  request: DirectiveRequest,
): Promise<'over' | 'late' | 'full'> {
  const { signal: gone, release } = request.signal();
  const ended = new AbortController();
  const end = () => ended.abort();
  let isLate = false;
  // Not `AbortSignal.timeout`: its timer would outlast each request by seconds.
  const timer = setTimeout(() => {
    isLate = true;
    end();
  }, low.maxWaitMs);
  gone.addEventListener('abort', end);
  try {
    await low.wait(wanted, ended.signal);
    return isLate ? 'late' : 'over';
  } catch (error) {
    if (error instanceof SidepipeError && error.code === 'limit-reached') return 'full';
    throw error;
  } finally {
    clearTimeout(timer);
    gone.removeEventListener('abort', end);
    release();
  }
}

const tooManyWait: Problem = {
  status: 503,
  code: 'limit-reached',
  title: 'Too many requests wait',
  detail: 'More requests wait for this playlist than the node holds.',
  headers: { ...openToAll, 'retry-after': '1' },
};

const notInTime: Problem = {
  status: 503,
  code: 'playlist-not-in-time',
  title: 'Playlist not in time',
  detail: 'The stream did not move on within three target durations.',
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
