import type { default as Hls, LevelDetails } from 'hls.js';
import { correctionAt, nearOf, StallReserve, steady } from './live-sync.js';

const tickMs = 200;
/** Minimum time between two jumps to live. */
const jumpsEveryMs = 5000;
/** Media that must be buffered at live before a jump, in playlist steps: with less, the jump would stall. */
const jumpNeedsSteps = 1.5;
/** Lag behind the target position from which playback jumps: in seconds with parts, otherwise in target durations. */
const farSeconds = 1.5;
const farTargets = 1.75;
/** A larger step back is the viewer's; players correct themselves by less. */
const stepBackSeconds = 0.5;
/** Target latency without parts, in target durations behind the end of the playlist. */
const plainTargets = 2;

/** What the viewer wants: after a short pause they are still live, after seeking back they are not. */
type Viewer = 'at live' | 'paused' | 'back';

/**
 * Keeps playback at live: by its rate, and by a jump after a stall. A viewer who pauses or seeks back stays there until they return
 * to live.
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
    // Not among the player's initial settings: there it would override what low-latency playlists specify.
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
      // Browsers pause hidden video on their own.
      if (document.visibilityState === 'visible' && this.#viewer === 'at live') this.#viewer = 'paused';
    });
    this.#timer = setInterval(() => this.#tick(), tickMs);
    signal.addEventListener('abort', () => {
      clearInterval(this.#timer);
      video.playbackRate = 1;
    });
  }

  /** Lag behind the target position that still counts as live, in seconds; undefined until the playlist is known. */
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

  /** From PART-HOLD-BACK if the playlist has parts. Another level of the same stream may have none. */
  #setTarget(): void {
    const { latestLevelDetails: details, targetLatency } = this.#hls;
    if (!details) return;
    const { partHoldBack, holdBack, targetduration } = details;
    const target = partHoldBack || holdBack || plainTargets * targetduration;
    const wanted = target + Math.min(targetduration, this.#reserve.at(performance.now() / 1000));
    if (targetLatency === null || Math.abs(targetLatency - wanted) < 0.001) return;
    this.#hls.targetLatency = wanted;
  }

  /** Not if the source pauses: a higher latency would not help. */
  #noteStall(): void {
    const { latestLevelDetails: details } = this.#hls;
    const video = this.#video;
    if (!details || video.seeking || video.paused || this.#viewer !== 'at live' || this.#place === 0) return;
    if (details.age < 2 * stepOf(details)) this.#reserve.stalled(performance.now() / 1000);
  }

  /** Seconds of media buffered from a position, without a gap. */
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
