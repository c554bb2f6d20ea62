/** How a stream is played. `auto`: over WebRTC where that works, otherwise by HLS. */
export type TransportChoice = 'auto' | 'webrtc' | 'hls';

/** Failures in a row, without video, after which `auto` uses HLS. */
const MOST_FAILURES = 1;

/** Chooses the transport of each playback. Pure. */
export class TransportSelection {
  #choice: TransportChoice = 'auto';
  #isOffered: boolean;
  #failures = 0;

  /** `isOffered`: the node offers the stream over WebRTC, and the browser supports it. */
  constructor(isOffered: boolean) {
    this.#isOffered = isOffered;
  }

  get next(): 'webrtc' | 'hls' {
    if (this.#choice !== 'auto') return this.#choice;
    return this.#isOffered && this.#failures < MOST_FAILURES ? 'webrtc' : 'hls';
  }

  /** The viewer's choice. Whatever failed before is tried again. */
  choose(choice: TransportChoice): void {
    this.#choice = choice;
    this.#failures = 0;
  }

  offer(isOffered: boolean): void {
    this.#isOffered = isOffered;
  }

  /** WebRTC shows video. */
  played(): void {
    this.#failures = 0;
  }

  /** WebRTC failed. If the viewer insists on it, that changes nothing. */
  failed(): void {
    this.#failures += 1;
  }
}
