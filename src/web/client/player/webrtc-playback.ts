import type { StreamPlayback } from './playback.js';

export interface WebRtcPlaybackOptions {
  readonly video: HTMLVideoElement;
  /** The WHEP endpoint, with the token if the stream needs one. */
  readonly url: string;
  /** Called when media is available: the browser's autoplay rules may forbid playback. */
  readonly play: () => void;
  /** Whether the stream has audio, once known. */
  readonly onSound: (hasSound: boolean) => void;
  /** Called once, when this playback cannot go on. */
  readonly onFailed: () => void;
}

/** A network that lets no media through shows only by its silence. */
const connectMs = 3000;
/** The first keyframe may be this far away. */
const firstFrameMs = 8000;
/** A connection that is interrupted for longer does not come back in time. */
const interruptedMs = 3000;
/** Candidates that are found later are found by the node's checks, too. */
const gatherMs = 500;
const statsMs = 1000;
/** Milliseconds from the epoch of NTP to that of Unix. */
const ntpOffsetMs = 2_208_988_800_000;

/** What the browser knows of its latency. */
interface Measured {
  /** When the frame on the screen was sent, by the node's clock; undefined if the browser does not say. */
  readonly sentAt: number | undefined;
  /** Time in the jitter buffer and half the round trip, in seconds. */
  readonly underWaySeconds: number | undefined;
  /** By the clock of this machine. */
  readonly at: number;
}

/** One attempt to play over WebRTC, disposable like a `Playback`. */
export class WebRtcPlayback implements StreamPlayback {
  readonly #options: WebRtcPlaybackOptions;
  readonly #ended = new AbortController();
  readonly #connection: RTCPeerConnection;
  readonly #media = new MediaStream();
  #resource: string | undefined;
  #interruption: ReturnType<typeof setTimeout> | undefined;
  #measured: Measured | undefined;

  constructor(options: WebRtcPlaybackOptions) {
    this.#options = options;
    this.#connection = new RTCPeerConnection();
  }

  /** Whether the browser has WebRTC: some have it switched off. */
  static get isSupported(): boolean {
    return 'RTCPeerConnection' in globalThis;
  }

  async start(): Promise<void> {
    const { signal } = this.#ended;
    const connection = this.#connection;
    try {
      for (const kind of ['video', 'audio']) connection.addTransceiver(kind, { direction: 'recvonly' });
      connection.addEventListener('track', ({ track }) => this.#add(track));
      connection.addEventListener('connectionstatechange', () => this.#connectionChanged());
      await connection.setLocalDescription(await connection.createOffer());
      await gathered(connection);
      if (signal.aborted) return;
      await this.#offer();
      if (signal.aborted) return;
      this.#watch();
    } catch {
      this.#fail();
    }
  }

  dateAt(): undefined {
    return undefined;
  }

  /** There is nothing to seek in: playback is always live. */
  readonly startSeconds = 0;
  readonly livePlace = undefined;
  readonly liveFrom = 0;

  /**
   * The latency in seconds, if known. `now`: the node's time, milliseconds since the epoch. From the node's sending of the frame, so without
   * the source's own latency.
   */
  behindLive(now: number): number | undefined {
    const { sentAt, underWaySeconds, at = 0 } = this.#measured ?? {};
    if (sentAt === undefined) return underWaySeconds;
    return Math.max(0, (now - sentAt - (Date.now() - at)) / 1000);
  }

  choose(): void {}

  close(): void {
    this.#ended.abort();
    clearTimeout(this.#interruption);
    this.#options.video.srcObject = null;
    // Closing the connection ends the session too, which then could not be deleted any more.
    void this.#delete().then(() => this.#connection.close());
  }

  async #offer(): Promise<void> {
    const response = await fetch(this.#options.url, {
      method: 'POST',
      headers: { 'content-type': 'application/sdp' },
      body: this.#connection.localDescription?.sdp ?? '',
      signal: AbortSignal.timeout(10_000),
    });
    if (response.status !== 201) throw new Error(`status ${response.status}`);
    this.#resource = new URL(response.headers.get('location') ?? '', response.url).href;
    const sdp = await response.text();
    // Closed in the meantime: the session was not known yet when it was to be deleted.
    if (this.#ended.signal.aborted) await this.#delete();
    else await this.#connection.setRemoteDescription({ type: 'answer', sdp });
  }

  #add(track: MediaStreamTrack): void {
    const { video, play, onSound } = this.#options;
    this.#media.addTrack(track);
    if (track.kind === 'audio') track.addEventListener('unmute', () => onSound(true), { once: true });
    if (video.srcObject === this.#media) return;
    onSound(false);
    video.srcObject = this.#media;
    play();
  }

  #watch(): void {
    const { video } = this.#options;
    const { signal } = this.#ended;
    const failAfter = (ms: number, isFine: () => boolean) => {
      const timer = setTimeout(() => isFine() || this.#fail(), ms);
      signal.addEventListener('abort', () => clearTimeout(timer));
    };
    failAfter(connectMs, () => this.#connection.connectionState === 'connected');
    failAfter(firstFrameMs, () => video.readyState >= 2);
    const timer = setInterval(() => void this.#measure(), statsMs);
    signal.addEventListener('abort', () => clearInterval(timer));
  }

  #connectionChanged(): void {
    const { connectionState } = this.#connection;
    clearTimeout(this.#interruption);
    if (connectionState === 'failed' || connectionState === 'closed') this.#fail();
    else if (connectionState === 'disconnected') this.#interruption = setTimeout(() => this.#fail(), interruptedMs);
  }

  async #measure(): Promise<void> {
    try {
      const stats = [...(await this.#connection.getStats()).values()] as Record<string, unknown>[];
      const video = stats.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
      const pair = stats.find(
        ({ type, nominated, state }) => type === 'candidate-pair' && nominated && state === 'succeeded',
      );
      const [playout, delay, count, rtt] = [
        video?.['estimatedPlayoutTimestamp'],
        video?.['jitterBufferDelay'],
        video?.['jitterBufferEmittedCount'],
        pair?.['currentRoundTripTime'],
      ];
      const isCounted = typeof delay === 'number' && typeof count === 'number' && count > 0;
      this.#measured = {
        sentAt: typeof playout === 'number' && playout > ntpOffsetMs ? playout - ntpOffsetMs : undefined,
        underWaySeconds: isCounted ? delay / count + (typeof rtt === 'number' ? rtt / 2 : 0) : undefined,
        at: Date.now(),
      };
    } catch {
      // Closed in the meantime.
    }
  }

  async #delete(): Promise<void> {
    const resource = this.#resource;
    this.#resource = undefined;
    const isOver = ['failed', 'closed'].includes(this.#connection.connectionState);
    // Also while the page is left.
    if (resource !== undefined && !isOver)
      await fetch(resource, { method: 'DELETE', keepalive: true }).catch(() => undefined);
  }

  #fail(): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#options.onFailed();
  }
}

function gathered(connection: RTCPeerConnection): Promise<void> {
  if (connection.iceGatheringState === 'complete') return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, gatherMs);
    connection.addEventListener('icegatheringstatechange', () => {
      if (connection.iceGatheringState !== 'complete') return;
      clearTimeout(timer);
      resolve();
    });
  });
}
