const REDIRECT = /^Status 3\d\d: Redirecting to /;
/** Enough for the node's own redirect and those of a camera. */
const MOST = 8;

/**
 * Detects in ffmpeg's log that it follows an RTSP redirect endlessly: if the target of a redirect does not accept connections, ffmpeg
 * follows the redirect again immediately. The node's sources are behind redirects: see `ConcealedUrls`.
 */
export class RedirectLoop {
  readonly #seen = new Set<string>();

  /** Takes one line. Returns true if ffmpeg followed this redirect before, or followed too many. */
  isEndless(text: string): boolean {
    if (!REDIRECT.test(text)) return false;
    if (this.#seen.has(text) || this.#seen.size >= MOST) return true;
    this.#seen.add(text);
    return false;
  }
}
