import { latencyInWords } from '../words.js';
import { parseStoryboard, pictureAt, placeInWords, type StoryboardPicture } from './storyboard.js';

export interface SeekStripOptions {
  readonly root: HTMLElement;
  readonly video: HTMLVideoElement;
  /** The date of a time on the video's axis, in milliseconds since the epoch, if known. */
  readonly dateAt: (seconds: number) => number | undefined;
  /** Start of the playlist on the video's axis. */
  readonly startSeconds: () => number;
  /** The live position on the video's axis, if known. */
  readonly livePlace: () => number | undefined;
  /** The position from which playback counts as live. */
  readonly liveFrom: () => number;
  /** The latency in seconds, if known. */
  readonly behindLive: () => number | undefined;
  /** Shows the latency of the position: at live in tenths of a second. */
  readonly behind: HTMLElement;
}

const tickMs = 500;
const shortestWindowSeconds = 2;
/** Maximum age of the storyboard while it is shown, and the request interval that keeps the node generating it. */
const readAgainMs = 2000;
const keepComingMs = 60_000;

/** The seek bar: the position in the stream's window, with storyboard images of other positions. */
export class SeekStrip {
  readonly #options: SeekStripOptions;
  readonly #range: HTMLInputElement;
  readonly #picture: HTMLElement;
  readonly #image: HTMLElement;
  readonly #words: HTMLElement;
  #pictures: readonly StoryboardPicture[] = [];
  #readAt = Number.NEGATIVE_INFINITY;
  #held = false;
  #drawn: StoryboardPicture | undefined;
  /** The share of the bar whose storyboard image is shown. */
  #lookedAt: number | undefined;
  /** The latency as shown, in seconds. */
  #latency: number | undefined;

  constructor(options: SeekStripOptions) {
    const { root } = options;
    this.#options = options;
    this.#range = part(root, '[data-strip-range]') as HTMLInputElement;
    this.#picture = part(root, '[data-strip-picture]');
    this.#image = part(root, '[data-strip-image]');
    this.#words = part(root, '[data-strip-words]');
  }

  start(): void {
    const range = this.#range;
    range.addEventListener('pointermove', (event) => this.#preview(this.#shareAt(event.clientX)));
    range.addEventListener('pointerleave', () => this.#hide());
    range.addEventListener('focus', () => this.#preview(this.#share));
    range.addEventListener('blur', () => this.#hide());
    range.addEventListener('input', () => {
      this.#held = true;
      this.#fill(this.#share);
      this.#preview(this.#share);
    });
    range.addEventListener('change', () => this.#seek(this.#share));
    setInterval(() => this.#tick(), tickMs);
  }

  get #share(): number {
    return Number(this.#range.value) / Number(this.#range.max);
  }

  #tick(): void {
    const { root } = this.#options;
    const window = this.#window();
    root.hidden = window === undefined;
    const { video, liveFrom, behindLive } = this.#options;
    if (window === undefined) {
      // Over WebRTC there is nothing to seek in, but a latency.
      this.#sayLatency(behindLive());
      return;
    }
    void this.#read(this.#lookedAt === undefined ? keepComingMs : readAgainMs);
    if (this.#held) return;
    const { from, to } = window;
    const isLive = video.currentTime >= liveFrom();
    // Not drawn at the end while it counts as live: the arrow keys could never move away from it.
    const share = Math.min(1, Math.max(0, (video.currentTime - from) / (to - from)));
    this.#range.value = String(Math.round(share * Number(this.#range.max)));
    this.#fill(share);
    const words = placeInWords(isLive ? 0 : to - video.currentTime);
    this.#range.setAttribute('aria-valuetext', words);
    if (words === 'live') {
      this.#sayLatency(behindLive());
      return;
    }
    this.#latency = undefined;
    this.#say(words);
  }

  #sayLatency(measured: number | undefined): void {
    this.#latency = steadied(this.#latency, measured);
    this.#say(this.#latency === undefined ? '' : latencyInWords(this.#latency));
  }

  #say(words: string): void {
    const { behind } = this.#options;
    if (behind.textContent !== words) behind.textContent = words;
  }

  /** The seekable range. */
  #window(): { from: number; to: number } | undefined {
    const { seekable } = this.#options.video;
    if (seekable.length === 0) return undefined;
    const from = Math.max(seekable.start(0), this.#options.startSeconds());
    const end = seekable.end(seekable.length - 1);
    const to = Math.min(end, this.#options.livePlace() ?? end);
    return Number.isFinite(to) && to - from >= shortestWindowSeconds ? { from, to } : undefined;
  }

  #shareAt(clientX: number): number {
    const { left, width } = this.#range.getBoundingClientRect();
    return Math.min(1, Math.max(0, (clientX - left) / Math.max(1, width)));
  }

  #seek(share: number): void {
    this.#held = false;
    const window = this.#window();
    if (window !== undefined) this.#options.video.currentTime = window.from + share * (window.to - window.from);
  }

  #preview(share: number): void {
    const window = this.#window();
    if (window === undefined) return;
    this.#lookedAt = share;
    void this.#read(readAgainMs);
    const seconds = window.from + share * (window.to - window.from);
    const date = this.#options.dateAt(seconds);
    const found = date === undefined ? undefined : pictureAt(this.#pictures, date);
    const words = placeInWords(window.to - seconds);
    this.#words.textContent = words;
    this.#range.setAttribute('aria-valuetext', words);
    this.#image.hidden = found === undefined;
    if (found !== undefined) this.#draw(found);
    this.#picture.hidden = false;
    const room = this.#options.root.clientWidth - this.#picture.offsetWidth;
    const left = share * this.#options.root.clientWidth - this.#picture.offsetWidth / 2;
    this.#picture.style.left = `${Math.min(Math.max(0, room), Math.max(0, left))}px`;
  }

  /** Waits until the sheet is loaded: a growing sheet gets a new URL each time, and the previous one is better than none. */
  #draw(picture: StoryboardPicture): void {
    if (picture === this.#drawn) return;
    const { url, x, y, width, height } = picture;
    this.#drawn = picture;
    const { style } = this.#image;
    style.width = `${width}px`;
    style.height = `${height}px`;
    const sheet = new Image();
    sheet.src = url;
    const draw = (): void => {
      if (this.#drawn !== picture) return;
      style.backgroundImage = `url("${url}")`;
      style.backgroundPosition = `-${x}px -${y}px`;
    };
    sheet.decode().then(draw, () => undefined);
  }

  /** The share of the bar before the position; a style sheet draws it. */
  #fill(share: number): void {
    this.#range.style.setProperty('--share', `${share * 100}%`);
  }

  #hide(): void {
    this.#held = false;
    this.#lookedAt = undefined;
    this.#picture.hidden = true;
  }

  async #read(goodForMs: number): Promise<void> {
    const now = performance.now();
    if (now - this.#readAt < goodForMs) return;
    this.#readAt = now;
    try {
      const url = new URL(this.#options.root.dataset['storyboardUrl'] ?? '', document.baseURI).href;
      const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
      if (!response.ok) return;
      this.#pictures = parseStoryboard(await response.text(), url);
      if (this.#lookedAt !== undefined) this.#preview(this.#lookedAt);
    } catch {
      // Without images the bar still shows the time.
    }
  }
}

/** Hides jitter of a tenth of a second. */
function steadied(shown: number | undefined, measured: number | undefined): number | undefined {
  if (shown === undefined || measured === undefined) return measured;
  return Math.abs(measured - shown) < 0.15 ? shown : measured;
}

function part(root: ParentNode, selector: string): HTMLElement {
  const element = root.querySelector<HTMLElement>(selector);
  if (element === null) throw new Error(`the page has no ${selector}`);
  return element;
}
