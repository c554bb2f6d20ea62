const REDIRECT = /^Status 3\d\d: Redirecting to /;
/** The node's own, and those of a camera. */
const MOST = 8;

/**
 * Finds in ffmpeg's log that it follows an RTSP redirect without an end: where a redirect leads to nothing that accepts a
 * connection, ffmpeg follows it again at once. The node's sources are behind redirects: see `ConcealedUrls`.
 */
export class RedirectLoop {
  readonly #seen = new Set<string>();

  /** Takes one line. True where ffmpeg was there before, or has been led on too often. */
  isEndless(text: string): boolean {
    if (!REDIRECT.test(text)) return false;
    if (this.#seen.has(text) || this.#seen.size >= MOST) return true;
    this.#seen.add(text);
    return false;
  }
}
