import type HlsClass from 'hls.js';

export interface PlaybackOptions {
  readonly video: HTMLVideoElement;
  readonly playlistUrl: string;
  /** Where hls.js is. */
  readonly hlsModuleUrl: string;
  /** Called once, when this playback cannot go on by itself: make a new one. */
  readonly onFailed: () => void;
}

const nativeType = 'application/vnd.apple.mpegurl';

/** One attempt to play: disposable. Whoever made it closes it and makes the next. */
export class Playback {
  readonly #options: PlaybackOptions;
  readonly #ended = new AbortController();
  #hls: HlsClass | undefined;
  #mediaErrors = 0;

  constructor(options: PlaybackOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { video, hlsModuleUrl, playlistUrl } = this.#options;
    const { signal } = this.#ended;
    video.addEventListener('ended', () => this.#fail(), { signal });
    try {
      const { default: Hls } = (await import(hlsModuleUrl)) as { default: typeof HlsClass };
      if (signal.aborted) return;
      if (Hls.isSupported()) this.#playWith(Hls);
      else if (video.canPlayType(nativeType) !== '') this.#playNatively(playlistUrl);
      else this.#fail();
    } catch {
      this.#fail();
    }
  }

  /**
   * The date of a time on the video's axis, in milliseconds since the epoch, where the playlist tells. Asked of the segment
   * that has the time: over a discontinuity dates and times do not run alike.
   */
  dateAt(seconds: number): number | undefined {
    const details = this.#hls?.latestLevelDetails;
    if (details) {
      const holds = ({ start, duration }: { start: number; duration: number }) =>
        start <= seconds && seconds < start + duration;
      const fragment = details.fragments.find(holds) ?? details.fragments.at(-1);
      const { programDateTime = null, start = 0 } = fragment ?? {};
      return programDateTime === null ? undefined : programDateTime + (seconds - start) * 1000;
    }
    const startDate = (this.#options.video as HTMLVideoElement & { getStartDate?(): Date }).getStartDate?.().getTime();
    return startDate === undefined || Number.isNaN(startDate) ? undefined : startDate + seconds * 1000;
  }

  /** Where on the video's axis the playlist begins, where it is known: what lies before cannot be loaded any more. */
  get startSeconds(): number {
    return this.#hls?.latestLevelDetails?.fragments[0]?.start ?? 0;
  }

  close(): void {
    this.#ended.abort();
    this.#hls?.destroy();
    this.#hls = undefined;
    this.#options.video.removeAttribute('src');
    this.#options.video.load();
  }

  #playWith(Hls: typeof HlsClass): void {
    const { video, playlistUrl } = this.#options;
    const hls = new Hls({ enableWorker: false, backBufferLength: 30 });
    this.#hls = hls;
    hls.on(Hls.Events.ERROR, (_event, data) => {
      if (!data.fatal) return;
      if (data.type === Hls.ErrorTypes.MEDIA_ERROR && this.#mediaErrors++ < 2) hls.recoverMediaError();
      else this.#fail();
    });
    hls.on(Hls.Events.MANIFEST_PARSED, () => this.#play());
    hls.loadSource(playlistUrl);
    hls.attachMedia(video);
  }

  #playNatively(playlistUrl: string): void {
    const { video } = this.#options;
    video.addEventListener('error', () => this.#fail(), { signal: this.#ended.signal });
    video.src = playlistUrl;
    this.#play();
  }

  #play(): void {
    // A browser that forbids it leaves the play button of the controls to the viewer.
    this.#options.video.play().catch(() => undefined);
  }

  #fail(): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#options.onFailed();
  }
}
