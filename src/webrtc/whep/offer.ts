import { SidepipeError } from '../../errors.js';
import { formatParameter, type Offer, type OfferedFormat, type OfferedMedia } from '../sdp.js';
import { type LiveTracks, type LiveVideo, obstacleOf } from './tracks.js';

/** Which media sections and formats of a viewer's offer are answered, and how. Pure. */

/** A track to answer with. */
export interface AnsweredTrack {
  readonly mid: string;
  readonly format: OfferedFormat;
}

export interface WhepAnswerPlan {
  readonly video: AnsweredTrack;
  /** Undefined if the stream has no audio, or the offer no codec for it. */
  readonly audio: AnsweredTrack | undefined;
  /** Sections that stay inactive. */
  readonly unused: readonly OfferedMedia[];
}

/** Plans the answer. Throws `webrtc-offer-unacceptable` with the reason if the viewer cannot play the stream's video, or offers a data channel. */
export function planWhepAnswer({ media }: Pick<Offer, 'media'>, { video, audio }: LiveTracks): WhepAnswerPlan {
  const obstacle = obstacleOf(video);
  if (obstacle !== undefined) throw notAcceptable(obstacle);
  // The library would accept the channel by itself.
  if (media.some(({ kind }) => kind === 'application')) throw notAcceptable('The offer contains a data channel.');
  const receives = media.filter(({ direction }) => direction === 'recvonly' || direction === 'sendrecv');
  if (!receives.some(({ kind }) => kind === 'video')) throw notAcceptable('The offer does not receive video.');
  const shown = firstWith(receives, 'video', (formats) => videoFormat(formats, video));
  if (shown === undefined)
    throw notAcceptable(`The stream is ${NAMES[video.codec]}, which the offer does not contain.`);
  const heard =
    audio === undefined
      ? undefined
      : firstWith(receives, 'audio', (formats) => formats.find((format) => isAudio(format, audio)));
  const used = new Set([shown.mid, heard?.mid]);
  const unused = media.filter(({ mid }) => !used.has(mid));
  return { video: shown, audio: heard, unused };
}

const NAMES = { h264: 'H.264', hevc: 'HEVC' } as const;
/** The names in SDP. */
const SDP_NAMES = { h264: 'h264', hevc: 'h265' } as const;

function firstWith(
  media: readonly OfferedMedia[],
  kind: OfferedMedia['kind'],
  choose: (formats: readonly OfferedFormat[]) => OfferedFormat | undefined,
): AnsweredTrack | undefined {
  for (const each of media) {
    const format = each.kind === kind ? choose(each.formats) : undefined;
    if (format !== undefined) return { mid: each.mid, format };
  }
  return undefined;
}

function videoFormat(formats: readonly OfferedFormat[], { codec, profile }: LiveVideo): OfferedFormat | undefined {
  const possible = formats.filter((each) => each.codec === SDP_NAMES[codec] && each.clockRate === 90_000);
  if (codec === 'hevc') return possible.find((each) => ['1', undefined].includes(formatParameter(each, 'profile-id')));
  // RFC 6184, 6.2: frames are split into several packets only in mode 1.
  const inMode = possible.filter((each) => formatParameter(each, 'packetization-mode') === '1');
  // Decoders play more than offers say: Firefox offers only Baseline, and plays High. So the nearest profile is taken.
  const distance = (each: OfferedFormat) => {
    const offered = Number.parseInt(formatParameter(each, 'profile-level-id')?.slice(0, 2) ?? '', 16) || 66;
    return offered >= profile ? offered - profile : 256 + profile - offered;
  };
  return inMode.reduce<OfferedFormat | undefined>(
    (best, each) => (best === undefined || distance(each) < distance(best) ? each : best),
    undefined,
  );
}

function isAudio({ codec, clockRate }: OfferedFormat, audio: NonNullable<LiveTracks['audio']>): boolean {
  return codec === audio && clockRate === (audio === 'opus' ? 48_000 : 8000);
}

function notAcceptable(message: string): SidepipeError {
  return new SidepipeError(message, { code: 'webrtc-offer-unacceptable', fault: 'caller' });
}
