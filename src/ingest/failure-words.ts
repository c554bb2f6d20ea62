import { SidepipeError } from '../errors.js';

/**
 * Why a source cannot be reached, in the words of the C library, which ffmpeg logs as the reason of an answer. What a policy
 * refuses has words of its own. Pure.
 */
export function failureWords(error: unknown): { readonly status: number; readonly reason: string } {
  if (error instanceof SidepipeError && error.code === 'source-refused')
    return { status: 403, reason: ADDRESS_REFUSED };
  const cause = error instanceof SidepipeError ? error.cause : error;
  const errors = cause instanceof AggregateError ? cause.errors : [cause];
  const codes = errors.map((each) => (each as NodeJS.ErrnoException | undefined)?.code ?? '');
  return { status: 502, reason: reasons[codes.at(-1) ?? ''] ?? 'Bad Gateway' };
}

/** An answer's reason where the address is not allowed. */
const ADDRESS_REFUSED = 'Address not allowed';
/** An answer's reason where a redirect is not followed. */
export const REDIRECT_REFUSED = 'Redirect not allowed';

/** An answer's reason where a playlist is not passed on. */
export const PLAYLIST_REFUSED = 'Playlist not allowed';
/** An answer's reason where the body is compressed. */
export const ENCODING_REFUSED = 'Content-Encoding not allowed';

const reasons: Readonly<Record<string, string>> = {
  ENOTFOUND: 'Name or service not known',
  EAI_AGAIN: 'Name or service not known',
  ECONNREFUSED: 'Connection refused',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'No route to host',
  ETIMEDOUT: 'Connection timed out',
  ECONNRESET: 'Connection reset',
};
