import type { default as Hls, LevelDetails } from 'hls.js';
import { correctionAt, nearOf, StallReserve, steady } from './live-sync.js';

const tickMs = 200;
/** A jump to live that does not last is not tried again at once. */
const jumpsEveryMs = 5000;
/** Of the media at live, in steps of the playlist, that must be there before a jump: else it would be a stall. */
const jumpNeedsSteps = 1.5;
/** Further behind where playback should be, it jumps: with parts in seconds, else in target durations. */
const farSeconds = 1.5;
const farTargets = 1.75;
/** A viewer's step back; players correct themselves by less. */
const stepBackSeconds = 0.5;
/** Where the playlist has no parts: target durations behind its end. */
const plainTargets = 2;

/** Where the viewer wants to be: who paused for a moment is still live, who went back is not. */
type Viewer = 'at live' | 'paused' | 'back';

/**
 * Holds a playback at live: by the rate of playback, and by a jump after it stalled. A viewer who pauses or goes back stays there until
 * they come back to live.
 */
export class LiveFollower {
  readonly #hls: Hls;
  readonly #video: HTMLVideoElement;
  readonly #reserve = new StallReserve();
  #viewer: Viewer = 'at live';
  #place = 0;
  #jumpedAt = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(hls: Hls, video: HTMLVideoElement) {
    this.#hls = hls;
    this.#video = video;
    // Not among the settings that the player was made with: there it would count before what low-latency playlists say.
    hls.config.liveSyncDurationCount = plainTargets;
  }

  start(signal: AbortSignal): void {
    const video = this.#video;
    const on = (type: string, listener: () => void) => video.addEventListener(type, listener, { signal });
    on('waiting', () => this.#noteStall());
    on('seeking', () => {
      if (video.readyState > 0 && video.currentTime < this.#place - stepBackSeconds) this.#viewer = 'back';
    });
    on('pause', () => {
      // Browsers pause what nobody sees by themselves.
      if (document.visibilityState === 'visible' && this.#viewer === 'at live') this.#viewer = 'paused';
    });
    this.#timer = setInterval(() => this.#tick(), tickMs);
    signal.addEventListener('abort', () => {
      clearInterval(this.#timer);
      video.playbackRate = 1;
    });
  }

  /** How far behind the best place still counts as live, in seconds; undefined before the playlist is known. */
  get liveWithin(): number | undefined {
    const { latestLevelDetails: details } = this.#hls;
    return details ? farOf(details) + 0.5 : undefined;
  }

  #tick(): void {
    const { latestLevelDetails: details, liveSyncPosition, targetLatency } = this.#hls;
    const video = this.#video;
    this.#place = video.currentTime;
    this.#setTarget();
    if (!details?.live || liveSyncPosition === null || targetLatency === null) return;
    if (video.paused || video.seeking || video.readyState < 2) return;
    const { age, edge } = details;
    const [step, far] = [stepOf(details), farOf(details)];
    const latency = edge + age - video.currentTime;
    if (latency - targetLatency < (this.#viewer === 'back' ? nearOf(step) : far)) this.#viewer = 'at live';
    const buffered = this.#bufferedAt(video.currentTime);
    const place = { latency, target: targetLatency, buffered, step, far, age };
    const { rate, jumps } = this.#viewer === 'at live' ? correctionAt(place, video.playbackRate) : steady;
    if (video.playbackRate !== rate) video.playbackRate = rate;
    const now = performance.now();
    if (!jumps || now - this.#jumpedAt < jumpsEveryMs) return;
    if (this.#bufferedAt(liveSyncPosition) < jumpNeedsSteps * step) return;
    this.#jumpedAt = now;
    video.currentTime = liveSyncPosition;
  }

  /** From PART-HOLD-BACK where the playlist has parts. Another level of the same stream may have none. */
  #setTarget(): void {
    const { latestLevelDetails: details, targetLatency } = this.#hls;
    if (!details) return;
    const { partHoldBack, holdBack, targetduration } = details;
    const target = partHoldBack || holdBack || plainTargets * targetduration;
    const wanted = target + Math.min(targetduration, this.#reserve.at(performance.now() / 1000));
    if (targetLatency === null || Math.abs(targetLatency - wanted) < 0.001) return;
    this.#hls.targetLatency = wanted;
  }

  /** Not where the source pauses: being further behind would not help. */
  #noteStall(): void {
    const { latestLevelDetails: details } = this.#hls;
    const video = this.#video;
    if (!details || video.seeking || video.paused || this.#viewer !== 'at live' || this.#place === 0) return;
    if (details.age < 2 * stepOf(details)) this.#reserve.stalled(performance.now() / 1000);
  }

  /** How much media there is from a place on, without a gap; in seconds. */
  #bufferedAt(seconds: number): number {
    const { buffered } = this.#video;
    for (let index = 0; index < buffered.length; index++) {
      if (buffered.start(index) <= seconds + 0.1 && seconds < buffered.end(index)) return buffered.end(index) - seconds;
    }
    return 0;
  }
}

function stepOf({ partTarget, targetduration }: LevelDetails): number {
  return partTarget || targetduration;
}

function farOf({ partTarget, targetduration }: LevelDetails): number {
  return partTarget ? farSeconds : farTargets * targetduration;
}
