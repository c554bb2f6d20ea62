import type { PublisherSettings } from './settings.js';

/** Reports how far a stream's remote playlist is behind, and tells once when it is long and once when it is over. */
export class LagWatch {
  readonly #stream: string;
  readonly #settings: PublisherSettings;
  #lagging = false;

  constructor(stream: string, settings: PublisherSettings) {
    this.#stream = stream;
    this.#settings = settings;
  }

  /** Another node writes the playlist: how far behind that is, is not this node's to tell. */
  standBy(): void {
    this.#lagging = false;
  }

  see(seconds: number, targetDurationSeconds: number): void {
    this.#settings.observe({ type: 'lag', stream: this.#stream, seconds });
    const lagging = seconds > (this.#lagging ? 2 : 4) * targetDurationSeconds;
    if (lagging === this.#lagging) return;
    this.#lagging = lagging;
    this.#settings.log({
      level: lagging ? 'warn' : 'info',
      event: lagging ? 'playlist-lagging' : 'playlist-caught-up',
      stream: this.#stream,
      message: lagging
        ? `The playlist on the store is ${seconds.toFixed(1)} s behind.`
        : 'The playlist on the store has caught up.',
      details: { seconds },
    });
  }
}
