/** Audio under the autoplay rules of browsers: video that plays automatically is muted, unless the viewer enabled audio before and the browser allows it. */
export class Sound {
  readonly #video: HTMLVideoElement;
  readonly #button: HTMLElement;
  #hasSound = false;
  /** Muted because the browser blocked audio, not by the viewer. */
  #refused = false;

  /** `button`: shown while a stream with audio plays muted. */
  constructor(video: HTMLVideoElement, button: HTMLElement) {
    this.#video = video;
    this.#button = button;
  }

  start(): void {
    const { volume, muted } = readWish();
    this.#video.volume = volume;
    this.#video.muted = muted;
    this.#video.addEventListener('volumechange', () => {
      if (!this.#refused || !this.#video.muted) {
        this.#refused = false;
        writeWish({ volume: this.#video.volume, muted: this.#video.muted });
      }
      this.#show();
    });
    this.#button.addEventListener('click', () => {
      this.#video.muted = false;
      if (this.#video.volume === 0) this.#video.volume = 1;
    });
  }

  setHasSound(hasSound: boolean): void {
    this.#hasSound = hasSound;
    this.#show();
  }

  /** Plays with audio if wanted and allowed, otherwise muted; if even that is blocked, the viewer has to press play. */
  async play(): Promise<void> {
    try {
      await this.#video.play();
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== 'NotAllowedError' || this.#video.muted) return;
      this.#refused = true;
      this.#video.muted = true;
      await this.#video.play().catch(() => undefined);
    }
  }

  #show(): void {
    this.#button.hidden = !this.#hasSound || !this.#video.muted;
  }
}

interface Wish {
  readonly volume: number;
  readonly muted: boolean;
}

const place = 'sidepipe-sound';

/** Storage is blocked in some frames and by some viewers. */
function readWish(): Wish {
  try {
    const { volume, muted } = JSON.parse(localStorage.getItem(place) ?? '{}') as Partial<Wish>;
    const isVolume = typeof volume === 'number' && volume >= 0 && volume <= 1;
    return { volume: isVolume ? volume : 1, muted: muted !== false };
  } catch {
    return { volume: 1, muted: true };
  }
}

function writeWish(wish: Wish): void {
  try {
    localStorage.setItem(place, JSON.stringify(wish));
  } catch {
    // The next page starts muted.
  }
}
