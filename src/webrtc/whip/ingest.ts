import { randomInt } from 'node:crypto';
import { SidepipeError } from '../../errors.js';
import type { PublishDecision, Publisher, PublisherCloseReason, PublishRequest } from '../../ingest/publisher.js';
import type { Logger } from '../../telemetry/logger.js';
import type { MediaTrack, WebRtcLibrary } from '../library.js';
import type { Peer } from '../peer.js';
import { formatParameter, parseOffer } from '../sdp.js';
import type { OpenedSession, SessionEnd, SessionMedia, WebRtcSession, WebRtcSessions } from '../sessions.js';
import { type Negotiated, type NegotiatedMedia, negotiatePublisher } from './negotiation.js';
import { announcedSets } from './parameter-sets.js';
import { WhipPublisher, type WhipPublisherOptions } from './publisher.js';
import { type Received, WhipReceiver } from './receiver.js';

export interface WhipIngestOptions extends Pick<WhipPublisherOptions, 'tooLarge' | 'pictureSizes'> {
  readonly sessions: WebRtcSessions;
  /** Checks the stream key. */
  readonly authorise: (request: PublishRequest) => PublishDecision;
  /** The stream's publisher, over any protocol. */
  readonly current: (stream: string) => Publisher | undefined;
  /** Receives an accepted publisher: call `pipe`. */
  readonly arrived: (publisher: Publisher) => void;
  /** How often a stream needs a keyframe. */
  readonly keyframeIntervalMs: (stream: string) => number;
  readonly log: Logger;
  readonly now: () => number;
}

/** A request with an offer. */
export interface WhipRequest {
  readonly stream: string;
  /** The stream key. A function, so that no log of the request shows it. */
  readonly revealKey: () => string;
  /** The body. */
  readonly offer: string;
  readonly address: string | undefined;
  readonly secure: boolean;
  /** How the publisher identifies itself. */
  readonly encoder: string;
  readonly signal: AbortSignal;
}

const TICK_MS = 20;
/** No media for this long: the publisher is gone. UDP has no end of a connection; senders send RTCP every five seconds at least. */
const LONGEST_SILENCE_MS = 10_000;
/** A publisher that is silent for this long makes way for one with the same key, which is usually the same program again. */
const REPLACEABLE_AFTER_MS = 2000;
const MOST_BITS_PER_SECOND = 20_000_000;

/** Publishers over WHIP (RFC 9725): the same keys, admission and takeover as RTMP. */
export class WhipIngest {
  readonly #options: WhipIngestOptions;
  /** The sessions that publish, by stream. */
  readonly #publishing = new Map<string, PublisherSession>();

  constructor(options: WhipIngestOptions) {
    this.#options = options;
  }

  /**
   * Checks the key and answers the offer; the publisher arrives when its media connection is established. Throws `publisher-rejected` with
   * `details.reason`, `webrtc-offer-unacceptable`, and like `WebRtcSessions.open`.
   */
  async publish(request: WhipRequest): Promise<OpenedSession> {
    const { sessions, authorise, current } = this.#options;
    const { stream, revealKey, address, secure, encoder, signal } = request;
    const asked = { app: 'live', stream, address: address ?? '', secure, encoder, signal, revealKey };
    const decision = authorise(asked);
    if (!decision.accept) throw rejected(decision.reason);
    const { whenBusy } = decision;
    this.#publishing.get(stream)?.makeWay();
    if (whenBusy === 'reject' && current(stream) !== undefined) throw rejected('stream-busy');
    const offer = parseOffer(request.offer);
    const negotiated = negotiatePublisher(offer);
    return sessions.open({
      kind: 'publisher',
      ...{ stream, address, offer, signal },
      prepare: (peer, library, session) => {
        const tracks = addTracks(peer, library, negotiated);
        const publishing = this.#publishing;
        return new PublisherSession({ ...this.#options, request, whenBusy, negotiated, tracks, session, publishing });
      },
    });
  }
}

interface PublisherSessionOptions extends WhipIngestOptions {
  readonly request: WhipRequest;
  readonly whenBusy: 'reject' | 'takeover';
  readonly negotiated: Negotiated;
  readonly tracks: readonly MediaTrack[];
  readonly session: WebRtcSession;
  readonly publishing: Map<string, PublisherSession>;
}

/** The media of one session. */
class PublisherSession implements SessionMedia {
  readonly #options: PublisherSessionOptions;
  readonly #receiver: WhipReceiver;
  readonly #publisher: WhipPublisher;
  #timer: NodeJS.Timeout | undefined;
  #receivedBytes = 0;
  #receivedAt = 0;
  /** Whether the stream has the publisher. */
  #isPublished = false;
  #closeReason: PublisherCloseReason | undefined;

  constructor(options: PublisherSessionOptions) {
    const { request, negotiated, keyframeIntervalMs, tooLarge, pictureSizes, now } = options;
    const { video, audio } = negotiated;
    const { stream, address = '', secure, encoder } = request;
    this.#options = options;
    this.#receiver = new WhipReceiver({
      payloadTypes: { video: video.payloadType, audio: audio?.payloadType },
      ssrc: randomInt(1, 2 ** 32),
      keyframeIntervalMs: keyframeIntervalMs(stream),
      maxBitsPerSecond: MOST_BITS_PER_SECOND,
    });
    const bytesSoFar = () => this.#receivedBytes;
    this.#publisher = new WhipPublisher({
      ...{ stream, address, secure, encoder, startedAt: now(), tooLarge, pictureSizes },
      hasAudio: audio !== undefined,
      parameterSets: announcedSets(formatParameter(video, 'sprop-parameter-sets')),
      session: {
        get receivedBytes() {
          return bytesSoFar();
        },
        requestKeyframe: () => this.#receiver.requestKeyframe(),
        close: (reason) => this.#close(reason),
      },
    });
    for (const track of options.tracks) track.onMessage((bytes) => this.#receive(bytes));
  }

  connected(): void {
    this.#receivedAt = this.#options.now();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    void this.#arrive();
  }

  closed(reason: SessionEnd): void {
    clearInterval(this.#timer);
    const end = this.#closeReason ?? reason;
    this.#publisher.finish(end);
    if (!this.#isPublished) return;
    const { stream, address, secure } = this.#publisher;
    const { publishing } = this.#options;
    if (publishing.get(stream) === this) publishing.delete(stream);
    this.#options.log.info({ address, secure, reason: end, stream, protocol: 'whip' }, 'publisher disconnected');
  }

  /** Ends the session if it has been silent: its publisher may be the one that connects again. */
  makeWay(): void {
    const { now, session } = this.#options;
    if (now() - this.#receivedAt > REPLACEABLE_AFTER_MS) session.close('disconnected');
  }

  /** Publishers that were accepted while another one published may have to wait for its end. */
  async #arrive(): Promise<void> {
    const { current, arrived, whenBusy, session, publishing } = this.#options;
    const { stream } = this.#publisher;
    for (let busy = current(stream); busy !== undefined; busy = current(stream)) {
      if (whenBusy === 'reject') return this.#close('stopped');
      busy.close('taken-over');
      await busy.closed;
    }
    if (!session.isConnected) return;
    this.#isPublished = true;
    publishing.set(stream, this);
    arrived(this.#publisher);
  }

  #receive(bytes: Uint8Array): void {
    const now = this.#options.now();
    this.#receivedBytes += bytes.length;
    this.#receivedAt = now;
    this.#apply(this.#receiver.receive(bytes, now));
  }

  #tick(): void {
    const now = this.#options.now();
    if (now - this.#receivedAt > LONGEST_SILENCE_MS) return void this.#options.session.close('silent');
    this.#apply(this.#receiver.tick(now));
  }

  #apply({ units, outgoing }: Received): void {
    this.#publisher.take(units);
    const [track] = this.#options.tracks;
    for (const packet of outgoing) {
      try {
        if (track?.isOpen()) track.sendMessageBinary(Buffer.from(packet.buffer));
      } catch {
        // The connection is closing.
      }
    }
  }

  #close(reason: PublisherCloseReason): void {
    this.#closeReason ??= reason;
    this.#options.session.close('stopped');
  }
}

/** The tracks that receive media, video first. */
function addTracks(peer: Peer, library: WebRtcLibrary, { sections }: Negotiated): MediaTrack[] {
  const tracks = sections.map((section) => ({ section, track: peer.addTrack(descriptionOf(section, library)) }));
  const receiving = tracks.filter(({ section }) => section.format !== undefined);
  const isVideo = ({ section }: (typeof tracks)[number]) => (section.media.kind === 'video' ? 0 : 1);
  return receiving.sort((one, other) => isVideo(one) - isVideo(other)).map(({ track }) => track);
}

function descriptionOf({ media, format }: NegotiatedMedia, library: WebRtcLibrary) {
  const { mid, kind, formats } = media;
  const direction = format === undefined ? 'Inactive' : 'RecvOnly';
  const { payloadType = 0, codec = '', parameters = '' } = format ?? formats[0] ?? {};
  if (kind === 'audio') {
    const audio = new library.Audio(mid, direction);
    // Browsers send one channel unless the receiver asks for two.
    if (codec === 'opus') audio.addOpusCodec(payloadType, 'minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1');
    else audio.addAudioCodec(payloadType, codec.toUpperCase());
    return audio;
  }
  const video = new library.Video(mid, direction);
  if (format === undefined) video.addVideoCodec(payloadType, codec.toUpperCase());
  else video.addH264Codec(payloadType, withoutSets(parameters));
  return video;
}

/** The offer's parameters without its parameter sets, which are those of the sender. */
function withoutSets(parameters: string): string {
  return parameters
    .split(';')
    .map((each) => each.trim())
    .filter((each) => each !== '' && !/^sprop-/i.test(each))
    .join(';');
}

function rejected(reason: 'bad-key' | 'stream-busy' | 'unavailable'): SidepipeError {
  const messages = {
    'bad-key': 'Wrong stream key.',
    'stream-busy': 'The stream already has a publisher.',
    unavailable: 'The stream cannot accept publishers at the moment.',
  };
  return new SidepipeError(messages[reason], { code: 'publisher-rejected', fault: 'caller', details: { reason } });
}
