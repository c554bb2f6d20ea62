import type { Progress } from '../../ffmpeg/log/progress.js';

/**
 * Reports of builds that tell how far the slowest output is, which is a picture that nobody has asked for yet: where the media is says how far
 * the source is. Pure.
 */
export class MediaProgress {
  #first: { readonly seconds: number; readonly at: number } | undefined;

  /** `mediaSeconds`: the end of the newest media; undefined where there is none. `now`: milliseconds. */
  report(told: Progress, mediaSeconds: number | undefined, now: number): Progress {
    if (mediaSeconds === undefined) return { ...told, outSeconds: undefined, speed: undefined };
    this.#first ??= { seconds: mediaSeconds, at: now };
    const elapsed = (now - this.#first.at) / 1000;
    const speed = elapsed > 0 ? (mediaSeconds - this.#first.seconds) / elapsed : undefined;
    return { ...told, outSeconds: Math.max(0, mediaSeconds), speed };
  }
}
