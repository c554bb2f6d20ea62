import type { WebRtcConfig } from '../config/schema/schema.js';
import { messageOf, SidepipeError } from '../errors.js';
import type { MediaTrack, PeerConnection, TrackDescription, WebRtcLibrary } from './library.js';
import { announceCandidates, type IceFragment, type Offer } from './sdp.js';

/** The state of a peer connection: ICE and DTLS together. */
export type PeerState = 'new' | 'connecting' | 'connected' | 'disconnected' | 'failed' | 'closed';

export interface PeerOptions {
  readonly library: WebRtcLibrary;
  /** For the library's log. */
  readonly name: string;
  readonly settings: Pick<WebRtcConfig, 'host' | 'publicAddresses' | 'iceServers'>;
  /** The UDP port of all peers. */
  readonly port: number;
  readonly onState: (state: PeerState) => void;
}

/** A STUN or TURN server that does not respond must not delay the answer for longer. */
const GATHERING_MS = 2000;

/**
 * One peer connection whose remote side makes the offer. Add the tracks, with the offer's mids and payload types, then call `answer` once. The
 * library closes connections and tracks that JavaScript no longer references: keep a reference to each peer until it is closed.
 */
export class Peer {
  readonly #options: PeerOptions;
  readonly #connection: PeerConnection;
  readonly #tracks: MediaTrack[] = [];
  #state: PeerState = 'new';
  #isClosed = false;

  constructor(options: PeerOptions) {
    const { library, name, settings, port } = options;
    this.#options = options;
    this.#connection = new library.PeerConnection(name, {
      iceServers: settings.iceServers.map(iceServerOf),
      ...(settings.host !== undefined && { bindAddress: settings.host }),
      enableIceUdpMux: true,
      portRangeBegin: port,
      portRangeEnd: port,
    });
    this.#connection.onStateChange((state) => this.#moved(state as PeerState));
  }

  get state(): PeerState {
    return this.#state;
  }

  /** Adds a track with the mid of a media section of the offer. */
  addTrack(media: TrackDescription): MediaTrack {
    const track = this.#connection.addTrack(media);
    // The library releases a closed track, which keeps the process alive, only if somebody listens.
    track.onClosed(() => {});
    this.#tracks.push(track);
    return track;
  }

  /** The answer with all candidates. Throws `webrtc-offer-invalid` if the library rejects the offer, and `aborted`. */
  async answer(offer: Offer, signal: AbortSignal): Promise<string> {
    try {
      // Also makes the answer. In a call of its own, `setLocalDescription` would end the process where gathering fails: the library does not
      // catch that exception.
      this.#connection.setRemoteDescription(withActiveClient(offer.sdp), 'offer');
    } catch (cause) {
      if (/gather/i.test(messageOf(cause))) {
        const message = `Cannot use UDP port ${this.#options.port} for WebRTC (webrtc.port).`;
        throw new SidepipeError(message, { code: 'port-unavailable', fault: 'node', cause });
      }
      const message = `The offer cannot be used: ${messageOf(cause).replace(/^libdatachannel error[^#]*#\s*/, '')}`;
      throw new SidepipeError(message, { code: 'webrtc-offer-invalid', fault: 'caller', cause });
    }
    await this.#gathered(signal);
    const description = this.#connection.localDescription();
    if (signal.aborted || description === null || this.#state === 'closed') {
      throw new SidepipeError('The session was closed before its answer.', { code: 'aborted', fault: 'caller' });
    }
    const { settings, port } = this.#options;
    return announceCandidates(description.sdp, { publicAddresses: settings.publicAddresses, port });
  }

  addCandidates({ candidates }: IceFragment): void {
    for (const { candidate, mid } of candidates) {
      try {
        this.#connection.addRemoteCandidate(candidate, mid);
      } catch {
        // A client may try an address that the library cannot use; the others remain.
      }
    }
  }

  /** The round-trip time in milliseconds; undefined before it is known. */
  get rttMs(): number | undefined {
    const rtt = this.#state === 'connected' ? this.#connection.rtt() : 0;
    return rtt > 0 ? rtt : undefined;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#moved('closed');
    for (const track of this.#tracks) track.close();
    this.#connection.close();
  }

  #gathered(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#connection.gatheringState() === 'complete') return Promise.resolve();
    return new Promise((resolve) => {
      const settle = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', settle);
        resolve();
      };
      const timer = setTimeout(settle, GATHERING_MS);
      signal.addEventListener('abort', settle, { once: true });
      this.#connection.onGatheringStateChange((state) => {
        if (state === 'complete') settle();
      });
    });
  }

  #moved(state: PeerState): void {
    if (this.#state === 'closed' || this.#state === state) return;
    this.#state = state;
    this.#options.onState(state);
  }
}

/**
 * Lets the client start the DTLS handshake. A node that started it would often do so before the client has processed the answer: on a fast network
 * clients built on libdatachannel, such as OBS, then reject the node's certificate.
 */
function withActiveClient(sdp: string): string {
  return sdp.replaceAll('a=setup:actpass', 'a=setup:active');
}

function iceServerOf({ url, username, credential }: WebRtcConfig['iceServers'][number]) {
  const [, scheme, host = '', port = '3478'] = /^(stun|turn):(\[[^\]]*\]|[^:]+)(?::(\d+))?$/.exec(url) ?? [];
  return {
    hostname: host.replace(/^\[|\]$/g, ''),
    port: Number(port),
    ...(scheme === 'turn' && { relayType: 'TurnUdp' as const, username: username ?? '', password: credential ?? '' }),
  };
}
