import type { Readable } from 'node:stream';
import type { AccessUnitPlan } from '../../ffmpeg/output/webrtc.js';
import { WhepBroadcast } from '../../webrtc/whep/broadcast.js';
import type { StreamEnvironment } from '../environment.js';
import { AccessUnitIntake } from './access-unit-intake.js';

/** A stream's WebRTC viewers, and where their media comes from. */
export class LiveViewers {
  readonly broadcast: WhepBroadcast;
  readonly #log: StreamEnvironment['log'];
  #requestKeyframe = () => {};

  constructor({ config, events, log, services }: StreamEnvironment, { sessions }: Pick<WebRtcServices, 'sessions'>) {
    this.#log = log;
    this.broadcast = new WhepBroadcast({
      ...{ stream: config.name, sessions, now: services.system.now },
      onKeyframeWanted: () => this.#requestKeyframe(),
      onDropped: () => events.emit({ type: 'webrtc-dropped' }),
    });
  }

  /** A new ffmpeg run starts. `requestKeyframe`: asks its publisher for one. */
  begin(plan: AccessUnitPlan | undefined, requestKeyframe: () => void): void {
    this.#requestKeyframe = requestKeyframe;
    this.broadcast.begin(plan?.video === 'none' ? NOT_CARRIED : undefined);
  }

  /** Reads the run's pipes until they end. */
  read(pipes: readonly Readable[], plan: AccessUnitPlan): void {
    const { broadcast } = this;
    new AccessUnitIntake({
      plan,
      isWatched: () => broadcast.isWatched,
      onTracks: (tracks) => broadcast.describe(tracks),
      onVideo: (unit) => broadcast.video(unit),
      onAudio: (unit) => broadcast.audio(unit),
      onFailed: (err) => this.#log.warn({ err }, 'access units for WebRTC could not be parsed'),
    }).read(pipes);
  }
}

type WebRtcServices = NonNullable<StreamEnvironment['services']['webrtc']>;

const NOT_CARRIED =
  'The video is neither H.264 nor HEVC, or its frame size is unknown, so it cannot be sent over WebRTC.';

/** A stream's viewers, if WebRTC is enabled. */
export function openViewers(env: StreamEnvironment): LiveViewers | undefined {
  const { webrtc } = env.services;
  return webrtc === undefined ? undefined : new LiveViewers(env, webrtc);
}
