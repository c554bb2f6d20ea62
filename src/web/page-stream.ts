import type { StreamDescription } from '../stream/description.js';

/** A stream, as shown on a page. */
export interface PageStream extends StreamDescription {
  /** Token for the page's playback URLs; undefined if the stream is open to everyone, or if this reader may not play it. */
  readonly token?: string | undefined;
  /** True if the reader of this page may not play the stream. */
  readonly isClosed?: boolean;
}

/** A playback URL of a stream, with its token if it needs one. */
export function signed(url: string, { token }: PageStream): string {
  return token === undefined ? url : `${url}?token=${token}`;
}
