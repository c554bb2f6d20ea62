import { SidepipeError } from '../../errors.js';
import type { Offer } from '../sdp.js';
import type { OpenedSession, WebRtcSession, WebRtcSessions } from '../sessions.js';
import { MediaTimeline } from './media-timeline.js';
import { planWhepAnswer } from './offer.js';
import { type AccessUnit, type LiveTracks, obstacleOf } from './tracks.js';
import { type ViewerUnit, WhepViewer } from './viewer.js';

export interface WhepBroadcastOptions {
  readonly stream: string;
  readonly sessions: Pick<WebRtcSessions, 'open'>;
  /** Steady time in milliseconds. */
  readonly now: () => number;
  /** Asks the publisher for a keyframe, where there is one that can be asked. */
  readonly onKeyframeWanted?: () => void;
  readonly onDropped: () => void;
}

export interface ViewerRequest {
  readonly offer: Offer;
  /** The client's address; undefined if unknown. */
  readonly address: string | undefined;
  readonly signal: AbortSignal;
}

/** Publishers answer a request with a keyframe of many times the usual size, so they get few of them. */
const KEYFRAME_EVERY_MS = 500;

/** One stream's WebRTC viewers, over all its ffmpeg runs. A slow viewer loses frames up to the next keyframe; it delays nobody. */
export class WhepBroadcast {
  readonly #options: WhepBroadcastOptions;
  readonly #viewers = new Map<WhepViewer, WebRtcSession>();
  readonly #timeline = new MediaTimeline();
  #tracks: LiveTracks | undefined;
  /** Why there are no tracks, if the reason lasts. */
  #obstacle: string | undefined;
  #keyframeWantedAt = Number.NEGATIVE_INFINITY;
  #dropped = 0;
  #isClosed = false;

  constructor(options: WhepBroadcastOptions) {
    this.#options = options;
  }

  /** Whether anyone needs the units. */
  get isWatched(): boolean {
    return this.#viewers.size > 0;
  }

  get status(): WhepStatus {
    let viewers = 0;
    for (const { isConnected } of this.#viewers.keys()) if (isConnected) viewers += 1;
    const obstacle = this.#obstacle ?? (this.#tracks && obstacleOf(this.#tracks.video));
    return { viewers, dropped: this.#dropped, tracks: obstacle === undefined ? this.#tracks : undefined, obstacle };
  }

  /** Another ffmpeg run starts: viewers continue with its first keyframe. `obstacle`: why it writes nothing for them. */
  begin(obstacle?: string): void {
    this.#timeline.begin();
    this.#obstacle = obstacle;
    if (obstacle !== undefined) this.#setTracks(undefined);
    for (const viewer of this.#viewers.keys()) viewer.restart();
  }

  /** What the stream sends from now on. Viewers whose connection was negotiated for something else are disconnected. */
  describe(tracks: LiveTracks): void {
    this.#setTracks(tracks);
  }

  video(unit: AccessUnit): void {
    this.#send(unit, (viewer, timed) => viewer.video(timed));
  }

  audio(unit: AccessUnit): void {
    this.#send(unit, (viewer, timed) => viewer.audio(timed));
  }

  /**
   * Opens a viewer's session. Throws `webrtc-offer-unacceptable` with the reason, `source-unavailable` if the stream has no media yet, and
   * what `WebRtcSessions.open` throws.
   */
  async open({ offer, address, signal }: ViewerRequest): Promise<OpenedSession> {
    const { sessions, stream } = this.#options;
    if (this.#obstacle !== undefined) throw unacceptable(this.#obstacle);
    const tracks = this.#tracks;
    if (tracks === undefined) throw this.#notYet();
    const plan = planWhepAnswer(offer, tracks);
    return sessions.open({
      ...{ kind: 'viewer', stream, address, offer, signal },
      prepare: (peer, library, session) => {
        // The stream may have ended while the library was loaded.
        if (this.#isClosed || !isSame(tracks, this.#tracks)) throw this.#notYet();
        const viewer = new WhepViewer({
          ...{ library, peer, plan, tracks },
          onKeyframeWanted: () => this.#wantKeyframe(),
          onDropped: () => this.#drop(),
          onClosed: () => void this.#viewers.delete(viewer),
        });
        this.#viewers.set(viewer, session);
        return viewer;
      },
    });
  }

  /** The stream has ended: its viewers are disconnected. Others may come when it starts again. */
  end(): void {
    this.#tracks = undefined;
    this.#obstacle = undefined;
    this.#closeViewers();
  }

  close(): void {
    this.#isClosed = true;
    this.end();
  }

  #setTracks(tracks: LiveTracks | undefined): void {
    const before = this.#tracks;
    this.#tracks = tracks;
    if (before === undefined || this.#viewers.size === 0) return;
    const isPlayable = tracks !== undefined && obstacleOf(tracks.video) === undefined;
    if (!isPlayable || !isSame(before, tracks)) this.#closeViewers();
  }

  #closeViewers(): void {
    for (const session of [...this.#viewers.values()]) session.close('stopped');
  }

  #notYet(): SidepipeError {
    const message = `Stream ${this.#options.stream} has no media for WebRTC yet.`;
    return new SidepipeError(message, { code: 'source-unavailable', fault: 'source', retryable: true });
  }

  #send({ ptsSeconds, bytes, isKey }: AccessUnit, give: (viewer: WhepViewer, unit: ViewerUnit) => void): void {
    if (this.#viewers.size === 0) return;
    const seconds = this.#timeline.at(ptsSeconds, this.#options.now());
    const unit = { seconds, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), isKey };
    for (const [viewer, session] of this.#viewers) {
      try {
        give(viewer, unit);
      } catch {
        // The library throws once the connection is closed. The others go on.
        session.close('disconnected');
      }
    }
  }

  #wantKeyframe(): void {
    const { now, onKeyframeWanted } = this.#options;
    if (onKeyframeWanted === undefined || now() - this.#keyframeWantedAt < KEYFRAME_EVERY_MS) return;
    this.#keyframeWantedAt = now();
    onKeyframeWanted();
  }

  #drop(): void {
    this.#dropped += 1;
    this.#options.onDropped();
  }
}

export interface WhepStatus {
  /** Number of connected viewers. */
  readonly viewers: number;
  /** How often a viewer was too slow and lost frames up to the next keyframe. */
  readonly dropped: number;
  /** What viewers get; undefined before there is anything, or if they cannot play it. */
  readonly tracks: LiveTracks | undefined;
  /** Why viewers cannot play it; undefined if they can. */
  readonly obstacle: string | undefined;
}

/** Whether a connection that was negotiated for some tracks can carry others. */
function isSame(one: LiveTracks, other: LiveTracks | undefined): boolean {
  return one.video.codec === other?.video.codec && one.audio === other.audio;
}

function unacceptable(message: string): SidepipeError {
  return new SidepipeError(message, { code: 'webrtc-offer-unacceptable', fault: 'caller' });
}
