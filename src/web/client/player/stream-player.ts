import { waitingInWords } from '../words.js';
import { Playback, type StreamPlayback } from './playback.js';
import { PlayerRenditions } from './renditions.js';
import type { Sound } from './sound.js';
import { type TransportChoice, TransportSelection } from './transport.js';
import { WebRtcPlayback } from './webrtc-playback.js';

export interface StreamPlayerOptions {
  readonly video: HTMLVideoElement;
  /** Covers the video while it does not play, and shows why. */
  readonly screen: HTMLElement;
  readonly sound: Sound;
  readonly playlistUrl: string;
  /** Empty if the node has no WebRTC. */
  readonly whepUrl: string;
  /** Called when another transport is used. */
  readonly onTransport: (transport: 'webrtc' | 'hls') => void;
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
  #playback: StreamPlayback | undefined;
  readonly #transports: TransportSelection;
  #transport: 'webrtc' | 'hls' = 'hls';
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
    this.#transports = new TransportSelection(false);
  }

  /** Whether the stream can be played over WebRTC now. A playback that works is not replaced. */
  offerWebRtc(isPlayable: boolean): void {
    this.#transports.offer(isPlayable && this.#options.whepUrl !== '' && WebRtcPlayback.isSupported);
  }

  /** The viewer's choice. */
  chooseTransport(choice: TransportChoice): void {
    this.#transports.choose(choice);
    if (this.#playback === undefined || this.#transports.next === this.#transport) return;
    this.#replace(performance.now());
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
      if (this.#transport === 'webrtc') this.#transports.played();
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
    this.#movedAt = now;
    this.#transport = this.#transports.next;
    this.#options.onTransport(this.#transport);
    this.#playback = this.#transport === 'webrtc' ? this.#webRtc() : this.#hls();
    void this.#playback.start();
  }

  #hls(): StreamPlayback {
    const { video, playlistUrl, sound } = this.#options;
    return new Playback({
      video,
      playlistUrl,
      play: () => void sound.play(),
      onRenditions: (renditions) => this.renditions.replace(renditions),
      onSound: (hasSound) => sound.setHasSound(hasSound),
      onFailed: () => this.#reopen(performance.now()),
    });
  }

  #webRtc(): StreamPlayback {
    const { video, whepUrl, sound } = this.#options;
    this.renditions.replace([]);
    return new WebRtcPlayback({
      ...{ video, url: whepUrl },
      play: () => void sound.play(),
      onSound: (hasSound) => sound.setHasSound(hasSound),
      onFailed: () => {
        this.#transports.failed();
        const now = performance.now();
        // What takes over starts at once, behind the last picture.
        if (this.#transports.next === 'hls' && this.#state === 'live') this.#replace(now);
        else this.#reopen(now);
      },
    });
  }

  #reopen(now: number): void {
    this.#playback?.close();
    this.#playback = undefined;
    this.#playing = false;
    this.#position = 0;
    this.#retryAt = now + Math.min(longestRetryMs, 500 * 2 ** this.#attempts++);
  }

  #replace(now: number): void {
    this.#keepPicture();
    this.#playback?.close();
    this.#playback = undefined;
    this.#position = 0;
    this.#open(now);
  }

  /** Shows the last frame until there is another one. */
  #keepPicture(): void {
    const { video } = this.#options;
    if (video.readyState < 2 || video.videoWidth === 0) return;
    const canvas = document.createElement('canvas');
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext('2d')?.drawImage(video, 0, 0);
    video.poster = canvas.toDataURL('image/jpeg');
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
