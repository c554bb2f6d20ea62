import { waitingInWords } from '../words.js';
import { Playback } from './playback.js';
import { PlayerRenditions } from './renditions.js';
import type { Sound } from './sound.js';

export interface StreamPlayerOptions {
  readonly video: HTMLVideoElement;
  /** Covers the video while it does not play, and shows why. */
  readonly screen: HTMLElement;
  readonly sound: Sound;
  readonly playlistUrl: string;
  /** False: nothing is loaded until the viewer presses play. */
  readonly autoplay: boolean;
}

const tickMs = 500;
/** Without a new frame for this long the waiting screen is shown. */
const quietMs = 4000;
/** Without a new frame for this long although the stream is live, playback restarts. */
const stuckMs = 10_000;
const longestRetryMs = 8000;

/** Keeps a stream playing while the page is open: creates a playback, watches it, replaces it when it fails. */
export class StreamPlayer {
  readonly #options: StreamPlayerOptions;
  #playback: Playback | undefined;
  #state = 'live';
  #attempts = 0;
  #retryAt = 0;
  #position = 0;
  #movedAt = 0;
  #playing = false;
  #wanted: boolean;
  /** The renditions to choose from. They and the choice outlive a playback. */
  readonly renditions = new PlayerRenditions((index) => this.#playback?.choose(index));

  constructor(options: StreamPlayerOptions) {
    this.#options = options;
    this.#wanted = options.autoplay;
  }

  get playing(): boolean {
    return this.#playing;
  }

  /** The date of a time on the video's axis, in milliseconds since the epoch, if known. */
  dateAt(seconds: number): number | undefined {
    return this.#playback?.dateAt(seconds);
  }

  /** Start of the playlist on the video's axis. */
  get startSeconds(): number {
    return this.#playback?.startSeconds ?? 0;
  }

  /** The live position on the video's axis, if known. */
  get livePlace(): number | undefined {
    return this.#playback?.livePlace;
  }

  /** The position from which playback counts as live. */
  get liveFrom(): number {
    return this.#playback?.liveFrom ?? Number.NaN;
  }

  /** The latency in seconds, if known. `now`: the node's time, milliseconds since the epoch. */
  behindLive(now: number): number | undefined {
    return this.#playing ? this.#playback?.behindLive(now) : undefined;
  }

  play(): void {
    this.#wanted = true;
    if (this.#playback === undefined) this.#tick(performance.now());
    else void this.#options.sound.play();
  }

  goLive(): void {
    const { livePlace } = this;
    if (livePlace !== undefined) this.#options.video.currentTime = livePlace;
    this.play();
  }

  /** Seeks, limited to the seekable range. */
  seekBy(seconds: number): void {
    const { video } = this.#options;
    const { livePlace, startSeconds } = this;
    if (livePlace === undefined) return;
    video.currentTime = Math.min(Math.max(video.currentTime + seconds, startSeconds), livePlace);
  }

  start(state: string): void {
    this.#state = state;
    this.#tick(performance.now());
    setInterval(() => this.#tick(performance.now()), tickMs);
  }

  /** Sets the state that the node reports. A stream that becomes live again is tried at once. */
  setState(state: string): void {
    if (state === 'live' && this.#state !== 'live') {
      this.#retryAt = 0;
      this.#movedAt = performance.now();
    }
    this.#state = state;
  }

  #tick(now: number): void {
    const { video } = this.#options;
    if (this.#playback === undefined) {
      if (this.#wanted && this.#state === 'live' && now >= this.#retryAt) this.#open(now);
    } else if (this.#moves) {
      this.#playing = true;
      this.#attempts = 0;
      this.#movedAt = now;
    } else if (this.#waitsForViewer) {
      this.#movedAt = now;
    } else if (now - this.#movedAt > stuckMs && this.#state === 'live') {
      this.#reopen(now);
    }
    this.#position = video.currentTime;
    if (now - this.#movedAt > quietMs) this.#playing = false;
    this.#showScreen();
  }

  /** A changed position alone does not prove playback: hls.js also jumps over gaps that cannot be played. */
  get #moves(): boolean {
    const { video } = this.#options;
    return video.currentTime !== this.#position && !video.paused && video.readyState >= 3;
  }

  /** Paused by the viewer, or blocked by the browser's autoplay rules: the controls must be reachable. */
  get #waitsForViewer(): boolean {
    const { video } = this.#options;
    return this.#playback !== undefined && video.paused && video.readyState >= 2;
  }

  #open(now: number): void {
    const { video, playlistUrl, sound } = this.#options;
    this.#movedAt = now;
    this.#playback = new Playback({
      video,
      playlistUrl,
      play: () => void sound.play(),
      onRenditions: (renditions) => this.renditions.replace(renditions),
      onSound: (hasSound) => sound.setHasSound(hasSound),
      onFailed: () => this.#reopen(performance.now()),
    });
    void this.#playback.start();
  }

  #reopen(now: number): void {
    this.#playback?.close();
    this.#playback = undefined;
    this.#playing = false;
    this.#position = 0;
    this.#retryAt = now + Math.min(longestRetryMs, 500 * 2 ** this.#attempts++);
  }

  #showScreen(): void {
    const { screen, video } = this.#options;
    const isQuiet = !this.#wanted && this.#state === 'live';
    screen.hidden = this.#playing || this.#waitsForViewer || isQuiet;
    video.dataset['playing'] = String(this.#playing);
    const offline = this.#state !== 'live';
    screen.dataset['kind'] = offline ? 'offline' : 'connecting';
    setText(screen, '[data-screen-title]', offline ? 'Offline' : 'Connecting');
    setText(screen, '[data-screen-text]', this.#words());
  }

  #words(): string {
    if (this.#state === 'unreachable') return 'The node does not respond. Retrying.';
    return waitingInWords(this.#state);
  }
}

function setText(parent: ParentNode, selector: string, text: string): void {
  const element = parent.querySelector(selector);
  if (element !== null && element.textContent !== text) element.textContent = text;
}
