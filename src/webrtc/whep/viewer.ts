import { randomInt } from 'node:crypto';
import type { MediaTrack, WebRtcLibrary } from '../library.js';
import type { Peer } from '../peer.js';
import type { SessionEnd, SessionMedia } from '../sessions.js';
import { readFeedback } from './feedback.js';
import { rtpTimestamp } from './media-timeline.js';
import type { AnsweredTrack, WhepAnswerPlan } from './offer.js';
import type { LiveAudio, LiveTracks } from './tracks.js';

export interface WhepViewerOptions {
  readonly library: WebRtcLibrary;
  readonly peer: Peer;
  readonly plan: WhepAnswerPlan;
  readonly tracks: LiveTracks;
  /** A keyframe would let the viewer start, or go on after lost packets. */
  readonly onKeyframeWanted: () => void;
  /** The viewer is too slow: it gets nothing until the next keyframe. */
  readonly onDropped: () => void;
  readonly onClosed: (viewer: WhepViewer) => void;
}

/** One unit for all viewers of a stream. */
export interface ViewerUnit {
  /** On the stream's continuous timeline. */
  readonly seconds: number;
  readonly bytes: Buffer;
  readonly isKey: boolean;
}

/** More lost packets than this, as a share, and the path cannot carry the stream: sending on only adds to the loss. */
const MOST_LOST = 0.3;
/** Packets that are kept for a viewer that asks for them again: about a second of 4 Mbit/s. */
const RESENT_PACKETS = 512;
const CNAME = 'sidepipe';
const AUDIO_RATES: Readonly<Record<LiveAudio, number>> = { opus: 48_000, pcmu: 8000, pcma: 8000 };

interface SentTrack {
  readonly track: MediaTrack;
  readonly config: InstanceType<WebRtcLibrary['RtpPacketizationConfig']>;
  readonly clockRate: number;
  readonly startTimestamp: number;
  /** The library does not keep these alive. */
  readonly handlers: readonly unknown[];
}

/** The media of one viewer: its tracks, and which units it gets. */
export class WhepViewer implements SessionMedia {
  readonly #options: WhepViewerOptions;
  readonly #video: SentTrack;
  readonly #audio: SentTrack | undefined;
  /** Sections without media. */
  readonly #unused: readonly MediaTrack[];
  #isConnected = false;
  #waitsForKey = true;
  #isClosed = false;

  constructor(options: WhepViewerOptions) {
    const { library, peer, plan, tracks } = options;
    this.#options = options;
    const { codec } = tracks.video;
    this.#video = this.#add(plan.video, { kind: 'video', codec, clockRate: 90_000 });
    const { audio } = tracks;
    this.#audio =
      plan.audio === undefined || audio === undefined
        ? undefined
        : this.#add(plan.audio, { kind: 'audio', codec: audio, clockRate: AUDIO_RATES[audio] });
    this.#unused = plan.unused.map(({ mid, kind, formats }) => {
      const media = kind === 'audio' ? new library.Audio(mid, 'Inactive') : new library.Video(mid, 'Inactive');
      // A section without any format is invalid.
      const { payloadType = 0, codec: name = 'PCMU' } = formats[0] ?? {};
      if (media instanceof library.Audio) media.addAudioCodec(payloadType, name);
      else media.addVideoCodec(payloadType, name);
      return peer.addTrack(media);
    });
    this.#video.track.onMessage((packet) => this.#feedback(packet));
  }

  /** Whether it gets media. */
  get isConnected(): boolean {
    return this.#isConnected && !this.#isClosed;
  }

  connected(): void {
    this.#isConnected = true;
    this.#options.onKeyframeWanted();
  }

  closed(_reason: SessionEnd): void {
    this.#isClosed = true;
    this.#options.onClosed(this);
  }

  video(unit: ViewerUnit): void {
    if (!this.isConnected || !this.#video.track.isOpen() || (this.#waitsForKey && !unit.isKey)) return;
    this.#waitsForKey = false;
    if (!send(this.#video, unit)) this.#drop();
  }

  audio(unit: ViewerUnit): void {
    // Audio alone would start before there is anything to see.
    if (this.#audio === undefined || this.#waitsForKey || !this.isConnected || !this.#audio.track.isOpen()) return;
    send(this.#audio, unit);
  }

  /** What follows does not continue what was sent. */
  restart(): void {
    this.#waitsForKey = true;
  }

  #drop(): void {
    if (this.#waitsForKey) return;
    this.#waitsForKey = true;
    this.#options.onDropped();
    this.#options.onKeyframeWanted();
  }

  #feedback(packet: Uint8Array): void {
    const { wantsKeyframe, lost = 0 } = readFeedback(packet);
    if (wantsKeyframe) this.#options.onKeyframeWanted();
    if (lost > MOST_LOST) this.#drop();
  }

  #add(
    { mid, format }: AnsweredTrack,
    { kind, codec, clockRate }: { kind: 'video' | 'audio'; codec: 'h264' | 'hevc' | LiveAudio; clockRate: number },
  ): SentTrack {
    const { library, peer } = this.#options;
    const ssrc = randomInt(1, 2 ** 32 - 1);
    const { payloadType, parameters } = format;
    const profile = parameters === '' ? undefined : parameters;
    const media = kind === 'video' ? new library.Video(mid, 'SendOnly') : new library.Audio(mid, 'SendOnly');
    if (media instanceof library.Video) {
      if (codec === 'hevc') media.addH265Codec(payloadType);
      else media.addH264Codec(payloadType, profile);
    } else if (codec === 'opus') media.addOpusCodec(payloadType, profile);
    else media.addAudioCodec(payloadType, codec.toUpperCase());
    media.addSSRC(ssrc, CNAME, CNAME, kind);
    const config = new library.RtpPacketizationConfig(ssrc, CNAME, payloadType, clockRate);
    const packetizer = packetizerOf(library, codec, config);
    const handlers = [packetizer, new library.RtcpSrReporter(config), new library.RtcpNackResponder(RESENT_PACKETS)];
    for (const handler of handlers.slice(1)) packetizer.addToChain(handler);
    const track = peer.addTrack(media);
    track.setMediaHandler(packetizer);
    return { track, config, clockRate, startTimestamp: randomInt(2 ** 32 - 1), handlers };
  }
}

function packetizerOf(library: WebRtcLibrary, codec: string, config: SentTrack['config']) {
  // Lengths rather than start codes, so that the library need not search each unit again for each viewer.
  if (codec === 'h264') return new library.H264RtpPacketizer('Length', config);
  if (codec === 'hevc') return new library.H265RtpPacketizer('Length', config);
  return new library.RtpPacketizer(config);
}

/** False if the library could not send all of it at once. It copies the bytes. */
function send({ track, config, clockRate, startTimestamp }: SentTrack, { seconds, bytes }: ViewerUnit): boolean {
  config.timestamp = rtpTimestamp(seconds, clockRate, startTimestamp);
  return track.sendMessageBinary(bytes);
}
