import type { Progress } from '../../ffmpeg/log/progress.js';

/**
 * Progress for builds that report the position of the slowest output, which is a snapshot that nobody has requested. The position of the
 * media replaces it. Pure.
 */
export class MediaProgress {
  #first: { readonly seconds: number; readonly at: number } | undefined;

  /** `mediaSeconds`: the end of the newest media; undefined if there is none. `now`: milliseconds. */
  report(told: Progress, mediaSeconds: number | undefined, now: number): Progress {
    if (mediaSeconds === undefined) return { ...told, outSeconds: undefined, speed: undefined };
    this.#first ??= { seconds: mediaSeconds, at: now };
    const elapsed = (now - this.#first.at) / 1000;
    const speed = elapsed > 0 ? (mediaSeconds - this.#first.seconds) / elapsed : undefined;
    return { ...told, outSeconds: Math.max(0, mediaSeconds), speed };
  }
}
