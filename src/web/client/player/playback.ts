import type HlsClass from 'hls.js';
import type { Level } from 'hls.js';
import { beginAfresh } from './afresh.js';
import { LiveFollower } from './live-follower.js';
import type { PlayerRendition } from './renditions.js';

export interface PlaybackOptions {
  readonly video: HTMLVideoElement;
  readonly playlistUrl: string;
  /** Called when media is available: the browser's autoplay rules may forbid playback. */
  readonly play: () => void;
  /** The renditions to choose from, once known: empty if there is only one, or if the browser chooses. */
  readonly onRenditions: (renditions: readonly PlayerRendition[]) => void;
  /** Whether the stream has audio, once known. */
  readonly onSound: (hasSound: boolean) => void;
  /** Called once, when this playback cannot recover: create a new one. */
  readonly onFailed: () => void;
}

/** One attempt to play, over any transport. Positions are on the video's axis, in seconds. */
export interface StreamPlayback {
  start(): Promise<void>;
  dateAt(seconds: number): number | undefined;
  readonly startSeconds: number;
  readonly livePlace: number | undefined;
  readonly liveFrom: number;
  behindLive(now: number): number | undefined;
  choose(index: number): void;
  close(): void;
}

const nativeType = 'application/vnd.apple.mpegurl';

/** One attempt to play, disposable: its owner closes it and creates the next. */
export class Playback implements StreamPlayback {
  readonly #options: PlaybackOptions;
  readonly #ended = new AbortController();
  #hls: HlsClass | undefined;
  #follower: LiveFollower | undefined;
  #mediaErrors = 0;

  constructor(options: PlaybackOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { video } = this.#options;
    const { signal } = this.#ended;
    video.addEventListener('ended', () => this.#fail(), { signal });
    if (playsItself(video)) return this.#playNatively();
    try {
      const { default: Hls } = await import('hls.js/light');
      if (signal.aborted) return;
      if (Hls.isSupported()) this.#playWith(Hls);
      else if (video.canPlayType(nativeType) !== '') this.#playNatively();
      else this.#fail();
    } catch {
      this.#fail();
    }
  }

  /**
   * The date of a time on the video's axis, in milliseconds since the epoch, if the playlist has dates. Taken from the segment
   * that contains the time: dates and times diverge at a discontinuity.
   */
  dateAt(seconds: number): number | undefined {
    const details = this.#hls?.latestLevelDetails;
    if (details) {
      const holds = ({ start, duration }: { start: number; duration: number }) =>
        start <= seconds && seconds < start + duration;
      // The last fragment is the one whose parts are still arriving.
      const { fragments, fragmentHint } = details;
      const fragment = [...fragments, ...(fragmentHint ? [fragmentHint] : [])].find(holds) ?? fragments.at(-1);
      const { programDateTime = null, start = 0 } = fragment ?? {};
      return programDateTime === null ? undefined : programDateTime + (seconds - start) * 1000;
    }
    const startDate = startDateOf(this.#options.video)?.getTime();
    return startDate === undefined || Number.isNaN(startDate) ? undefined : startDate + seconds * 1000;
  }

  /** Start of the playlist on the video's axis, if known: earlier media can no longer be loaded. */
  get startSeconds(): number {
    return this.#hls?.latestLevelDetails?.fragments[0]?.start ?? 0;
  }

  /** The position on the video's axis that is as close to live as possible without stalling; undefined until known. */
  get livePlace(): number | undefined {
    if (this.#hls !== undefined) return this.#hls.liveSyncPosition ?? undefined;
    const { seekable } = this.#options.video;
    return seekable.length === 0 ? undefined : seekable.end(seekable.length - 1);
  }

  /**
   * The latency in seconds, if known. `now`: the node's time, milliseconds since the epoch. Measured by the playlist's dates, so from
   * the capture of the frame; without dates, from the end of the playlist.
   */
  behindLive(now: number): number | undefined {
    const date = this.dateAt(this.#options.video.currentTime);
    if (date !== undefined) return Math.max(0, (now - date) / 1000);
    return this.#hls?.latency || undefined;
  }

  /** The position from which playback counts as live. */
  get liveFrom(): number {
    // Safari stays three target durations behind the end on its own, and does not expose that duration.
    return (this.livePlace ?? Number.NaN) - (this.#follower?.liveWithin ?? 10);
  }

  /** -1: automatic, by bandwidth. */
  choose(index: number): void {
    if (this.#hls !== undefined) this.#hls.nextLevel = index;
  }

  close(): void {
    this.#ended.abort();
    this.#hls?.destroy();
    this.#hls = undefined;
    this.#options.video.removeAttribute('src');
    this.#options.video.load();
  }

  #playWith(Hls: typeof HlsClass): void {
    const { video, playlistUrl, play, onRenditions, onSound } = this.#options;
    const hls = new Hls({
      enableWorker: false,
      backBufferLength: 30,
      // Makes the duration infinite and the window the seekable range, as live players expect.
      liveDurationInfinity: true,
      capLevelToPlayerSize: true,
      abrEwmaDefaultEstimate: 2_000_000,
      // Left to LiveFollower: hls.js only catches up with more than a second buffered, and never returns to live after a stall.
      ...{ maxLiveSyncPlaybackRate: 1, liveSyncOnStallIncrease: 0 },
    });
    this.#hls = hls;
    this.#follower = new LiveFollower(hls, video);
    this.#follower.start(this.#ended.signal);
    hls.on(Hls.Events.ERROR, (_event, data) => {
      if (!data.fatal) return;
      if (data.type === Hls.ErrorTypes.MEDIA_ERROR && this.#mediaErrors++ < 2) hls.recoverMediaError();
      else this.#fail();
    });
    hls.on(Hls.Events.MANIFEST_PARSED, (_event, { levels }) => {
      onRenditions(levels.length < 2 ? [] : levels.map(renditionOf));
      onSound(false);
      play();
    });
    // Reported per track.
    hls.on(Hls.Events.BUFFER_CODECS, (_event, { audio, audiovideo }) => (audio ?? audiovideo) && onSound(true));
    if (isWebKit(video)) {
      hls.on(Hls.Events.BUFFER_CREATED, (_event, { tracks }) => {
        for (const { buffer } of Object.values(tracks)) if (buffer) beginAfresh(buffer);
      });
    }
    hls.loadSource(playlistUrl);
    hls.attachMedia(video);
  }

  #playNatively(): void {
    const { video, playlistUrl, play, onRenditions, onSound } = this.#options;
    const { signal } = this.#ended;
    video.addEventListener('error', () => this.#fail(), { signal });
    video.addEventListener('loadedmetadata', () => onSound(true), { signal });
    onRenditions([]);
    video.src = playlistUrl;
    play();
  }

  #fail(): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#options.onFailed();
  }
}

function renditionOf({ width, height, bitrate }: Level, index: number): PlayerRendition {
  return { id: String(index), width, height, bitrate };
}

/** Safari: plays HLS natively with the dates of playlists, saves battery and supports AirPlay. Other native players are worse than hls.js. */
function playsItself(video: HTMLVideoElement): boolean {
  return isWebKit(video) && video.canPlayType(nativeType) !== '';
}

function isWebKit(video: HTMLVideoElement): boolean {
  return 'getStartDate' in video;
}

function startDateOf(video: HTMLVideoElement & { getStartDate?(): Date }): Date | undefined {
  return video.getStartDate?.();
}
