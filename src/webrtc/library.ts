import { messageOf, SidepipeError } from '../errors.js';
import type { Logger } from '../telemetry/logger.js';

/** The native WebRTC library. */
export type WebRtcLibrary = typeof import('node-datachannel');
export type PeerConnection = InstanceType<WebRtcLibrary['PeerConnection']>;
export type MuxListener = InstanceType<WebRtcLibrary['IceUdpMuxListener']>;
export type MediaTrack = InstanceType<WebRtcLibrary['Track']>;
export type TrackDescription = InstanceType<WebRtcLibrary['Audio']> | InstanceType<WebRtcLibrary['Video']>;

/**
 * Loads the optional library when the first session needs it. Its own logger stays off: a native log callback keeps the process alive, and
 * there is one for all nodes of a process.
 */
export class LibraryLoader {
  readonly #log: Pick<Logger, 'info' | 'warn'>;
  readonly #import: () => Promise<WebRtcLibrary>;
  #loading: Promise<WebRtcLibrary> | undefined;

  constructor(
    log: Pick<Logger, 'info' | 'warn'>,
    load: () => Promise<WebRtcLibrary> = () => import('node-datachannel'),
  ) {
    this.#log = log;
    this.#import = load;
  }

  /** Throws `webrtc-unavailable` if the package or its binary is missing; logged once. */
  load(): Promise<WebRtcLibrary> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  async #load(): Promise<WebRtcLibrary> {
    try {
      const library = await this.#import();
      this.#log.info({ library: library.getLibraryVersion() }, 'WebRTC library loaded');
      return library;
    } catch (cause) {
      const { platform, arch } = process;
      this.#log.warn(
        { platform, arch, reason: messageOf(cause) },
        'WebRTC unavailable: node-datachannel cannot be loaded',
      );
      throw new SidepipeError(
        'This node has no WebRTC: the package node-datachannel has no binary for this platform.',
        {
          code: 'webrtc-unavailable',
          fault: 'node',
          cause,
        },
      );
    }
  }
}
