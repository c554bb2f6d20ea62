import type { StreamDescription } from '../stream/description.js';

/** A stream as a page shows it. */
export interface PageStream extends StreamDescription {
  /** What the page's addresses of playback carry; undefined where the stream is open to everyone, or this page's reader may not see it. */
  readonly token?: string | undefined;
  /** Whether the reader of this page may not see it. */
  readonly isClosed?: boolean;
}

/** An address of a stream's playback, with what opens it. */
export function signed(url: string, { token }: PageStream): string {
  return token === undefined ? url : `${url}?token=${token}`;
}
