import { SidepipeError } from '../errors.js';

/**
 * Why a source cannot be reached, in the C library's wording, because ffmpeg logs it as the reason of a response. Policy refusals have
 * their own reasons. Pure.
 */
export function failureWords(error: unknown): { readonly status: number; readonly reason: string } {
  if (error instanceof SidepipeError && error.code === 'source-refused')
    return { status: 403, reason: ADDRESS_REFUSED };
  const cause = error instanceof SidepipeError ? error.cause : error;
  const errors = cause instanceof AggregateError ? cause.errors : [cause];
  const codes = errors.map((each) => (each as NodeJS.ErrnoException | undefined)?.code ?? '');
  return { status: 502, reason: reasons[codes.at(-1) ?? ''] ?? 'Bad Gateway' };
}

/** The reason phrase if the address is not allowed. */
const ADDRESS_REFUSED = 'Address not allowed';
/** The reason phrase if a redirect is not followed. */
export const REDIRECT_REFUSED = 'Redirect not allowed';

/** The reason phrase if a playlist is not passed on. */
export const PLAYLIST_REFUSED = 'Playlist not allowed';
/** The reason phrase if the body is compressed. */
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
