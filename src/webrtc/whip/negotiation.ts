import { SidepipeError } from '../../errors.js';
import { formatParameter, type Offer, type OfferedFormat, type OfferedMedia } from '../sdp.js';

/** What is accepted of a publisher's offer. Pure. */

/** A media section, and the format that is accepted of it; undefined: the section is rejected. */
export interface NegotiatedMedia {
  readonly media: OfferedMedia;
  readonly format: OfferedFormat | undefined;
}

export interface Negotiated {
  /** In the order of the offer. */
  readonly sections: readonly NegotiatedMedia[];
  readonly video: OfferedFormat;
  readonly audio: OfferedFormat | undefined;
}

/** Selects H.264 and Opus. Throws `webrtc-offer-unacceptable` with the reason. */
export function negotiatePublisher({ media }: Offer): Negotiated {
  const sending = media.filter(({ direction }) => direction === 'sendonly' || direction === 'sendrecv');
  const videos = sending.filter(({ kind }) => kind === 'video');
  const audios = sending.filter(({ kind }) => kind === 'audio');
  if (media.some(({ kind }) => kind === 'application')) throw unacceptable('The offer contains a data channel.');
  if (videos.length === 0)
    throw unacceptable('The offer sends no video. A publisher sends one H.264 track, and audio if it likes.');
  if (videos.length > 1 || audios.length > 1) {
    throw unacceptable(
      `The offer sends ${videos.length} video and ${audios.length} audio tracks. At most one of each is supported.`,
    );
  }
  const video = videoFormat(videos[0]!);
  const audio = audios[0]?.formats.find(isOpus);
  const chosen = (each: OfferedMedia) => (each === videos[0] ? video : each === audios[0] ? audio : undefined);
  return { sections: media.map((each) => ({ media: each, format: chosen(each) })), video, audio };
}

function videoFormat({ formats }: OfferedMedia): OfferedFormat {
  const h264 = formats.filter(({ codec, clockRate }) => codec === 'h264' && clockRate === 90_000);
  const inOrder = h264.find((format) => formatParameter(format, 'packetization-mode') === '1');
  // Mode 0 is the default; mode 2 interleaves.
  const found = inOrder ?? h264.find((format) => (formatParameter(format, 'packetization-mode') ?? '0') === '0');
  if (found !== undefined) return found;
  const codecs = [...new Set(formats.map(({ codec }) => codec.toUpperCase()))].filter((codec) => !AUXILIARY.has(codec));
  throw unacceptable(`The offer's video is ${codecs.slice(0, 5).join(', ') || 'unknown'}. H.264 is required.`);
}

const AUXILIARY: ReadonlySet<string> = new Set(['RTX', 'RED', 'ULPFEC', 'FLEXFEC-03']);

function isOpus({ codec, clockRate }: OfferedFormat): boolean {
  return codec === 'opus' && clockRate === 48_000;
}

function unacceptable(message: string): SidepipeError {
  return new SidepipeError(message, { code: 'webrtc-offer-unacceptable', fault: 'caller' });
}
