import type { Config } from '../config/schema/schema.js';
import type { PublisherDesk } from '../control/publisher-waitlist.js';
import type { StreamRegistry } from '../control/registry.js';
import type { Capabilities } from '../ffmpeg/capabilities.js';
import type { WebRtcAccess } from '../http/context.js';
import type { StreamServices } from '../stream/environment.js';
import { largePictures, pictureSizes } from '../stream/outputs/picture-limit.js';
import type { Logger } from '../telemetry/logger.js';
import { WebRtcSessions } from '../webrtc/sessions.js';
import { WhipIngest } from '../webrtc/whip/ingest.js';

export interface WebRtcParts {
  readonly config: Pick<Config, 'webrtc' | 'ffmpeg'>;
  readonly desk: PublisherDesk;
  readonly log: Logger;
  readonly now: () => number;
  readonly streams: StreamRegistry;
}

/** WebRTC, unless it is disabled. Nothing is loaded or opened before the first session. */
export function openWebRtc({ config, desk, log, now, streams }: WebRtcParts): WebRtcAccess | undefined {
  const { webrtc, ffmpeg } = config;
  if (!webrtc.enabled) return undefined;
  const sessions = new WebRtcSessions({ settings: webrtc, log, now });
  const whip = new WhipIngest({
    ...{ sessions, log, now, pictureSizes },
    tooLarge: (codec, configuration) => largePictures(codec, configuration, ffmpeg.maxPixels),
    authorise: (request) => desk.authorise(request),
    current: (stream) => desk.current(stream),
    arrived: (publisher) => desk.arrived(publisher),
    keyframeIntervalMs: (stream) => desk.keyframeIntervalMs(stream),
  });
  return { sessions, whip, whep: (name) => streams.get(name)?.whep };
}

/** The same as a stream sees it. */
export function streamWebRtc(
  access: WebRtcAccess | undefined,
  { encoders }: Pick<Capabilities, 'encoders'>,
): StreamServices['webrtc'] {
  return access && { sessions: access.sessions, canEncodeOpus: encoders.has('libopus') };
}
