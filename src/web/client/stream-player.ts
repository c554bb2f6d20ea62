import { Playback } from './playback.js';
import { waitingInWords } from './words.js';

export interface StreamPlayerOptions {
  readonly video: HTMLVideoElement;
  /** Covers the video while nothing moves, and says why. */
  readonly screen: HTMLElement;
  readonly playlistUrl: string;
  readonly hlsModuleUrl: string;
}

const tickMs = 500;
/** Without a new frame for this long the viewer is told. */
const quietMs = 4000;
/** Without a new frame for this long although the stream is live, playback starts anew. */
const stuckMs = 10_000;
const longestRetryMs = 8000;

/** Keeps a stream playing for as long as the page is open: makes a playback, watches it, makes the next. */
export class StreamPlayer {
  readonly #options: StreamPlayerOptions;
  #playback: Playback | undefined;
  #state = 'live';
  #attempts = 0;
  #retryAt = 0;
  #position = 0;
  #movedAt = 0;
  #playing = false;

  constructor(options: StreamPlayerOptions) {
    this.#options = options;
  }

  get playing(): boolean {
    return this.#playing;
  }

  /** The date of a time on the video's axis, in milliseconds since the epoch, where it is known. */
  dateAt(seconds: number): number | undefined {
    return this.#playback?.dateAt(seconds);
  }

  /** Where on the video's axis the playlist begins. */
  get startSeconds(): number {
    return this.#playback?.startSeconds ?? 0;
  }

  start(state: string): void {
    this.#state = state;
    this.#tick(performance.now());
    setInterval(() => this.#tick(performance.now()), tickMs);
  }

  /** What the node says of the stream. A stream that comes back is tried at once. */
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
      if (this.#state === 'live' && now >= this.#retryAt) this.#open(now);
    } else if (video.currentTime !== this.#position) {
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

  /** Paused by the viewer, or never allowed to start by the browser: the controls must be in reach. */
  get #waitsForViewer(): boolean {
    const { video } = this.#options;
    return this.#playback !== undefined && video.paused && video.readyState >= 2;
  }

  #open(now: number): void {
    const { video, playlistUrl, hlsModuleUrl } = this.#options;
    this.#movedAt = now;
    this.#playback = new Playback({
      video,
      playlistUrl,
      hlsModuleUrl,
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
    screen.hidden = this.#playing || this.#waitsForViewer;
    video.dataset['playing'] = String(this.#playing);
    const offline = this.#state !== 'live';
    screen.dataset['kind'] = offline ? 'offline' : 'connecting';
    setText(screen, '[data-screen-title]', offline ? 'Offline' : 'Connecting');
    setText(screen, '[data-screen-text]', this.#words());
  }

  #words(): string {
    if (this.#state === 'unreachable') return 'The node does not answer. This page keeps trying.';
    return waitingInWords(this.#state);
  }
}

function setText(parent: ParentNode, selector: string, text: string): void {
  const element = parent.querySelector(selector);
  if (element !== null && element.textContent !== text) element.textContent = text;
}
