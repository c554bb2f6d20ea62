import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { SidepipeError } from '../errors.js';
import { MonitorBroadcast } from './broadcast.js';
import { PacketCutter } from './packets.js';

export interface MonitorOptions {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Bits per second. */
  readonly bitrate: number;
  /** Maximum number of concurrent viewers. */
  readonly viewers: number;
  /** Other origins whose pages may show the monitor; `*`: all. */
  readonly origins: readonly string[];
  readonly onDropped: () => void;
}

/** A request to upgrade a connection to a WebSocket, from Node's HTTP server. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** A viewer that is this far behind, in seconds of video, is disconnected, so that it reconnects instead of showing old video. */
const MOST_BEHIND_SECONDS = 2;
/** Room for one keyframe, at any bitrate. */
const LEAST_BUFFER_BYTES = 256 * 1024;
/** A viewer that does not answer a ping before the next one is considered gone. */
const PING_MS = 20_000;

/** One stream's low-latency video, over all its ffmpeg runs. */
export class Monitor {
  readonly #options: MonitorOptions;
  readonly #broadcast: MonitorBroadcast;
  readonly #cutter = new PacketCutter();
  readonly #silent = new WeakSet<object>();
  #pinging: NodeJS.Timeout | undefined;
  #dropped = 0;
  #isClosed = false;

  constructor(options: MonitorOptions) {
    const { name, width, height, bitrate } = options;
    this.#options = options;
    this.#broadcast = new MonitorBroadcast({
      ...{ name, width, height },
      maxBufferedBytes: Math.max(LEAST_BUFFER_BYTES, (bitrate / 8) * MOST_BEHIND_SECONDS),
      onDropped: () => this.#drop(),
    });
  }

  get origins(): readonly string[] {
    return this.#options.origins;
  }

  get status(): { readonly viewers: number; readonly dropped: number } {
    return { viewers: this.#broadcast.viewers, dropped: this.#dropped };
  }

  /** A new ffmpeg run starts. */
  begin(): void {
    this.#cutter.reset();
  }

  /** Takes bytes of ffmpeg's monitor output. Never waits, with or without viewers. */
  push(piece: Uint8Array): void {
    const packets = this.#cutter.push(piece);
    if (packets !== undefined && this.#broadcast.viewers > 0) this.#broadcast.emit('camdata', packets);
  }

  /** Adds a viewer. Throws `limit-reached`, also if closed. Responds to an invalid handshake itself. */
  join({ request, socket, head }: Upgrade): void {
    const { viewers } = this.#options;
    if (this.#isClosed || this.#broadcast.viewers >= viewers) {
      const message = this.#isClosed
        ? 'The stream has ended.'
        : `The monitor has reached its limit of ${viewers} viewers. Try again later.`;
      throw new SidepipeError(message, { code: 'limit-reached', fault: 'caller', retryable: true });
    }
    this.#broadcast.join(request, socket, head);
    this.#pinging ??= setInterval(() => this.#ping(), PING_MS).unref();
  }

  /** Disconnects all viewers. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#pinging);
    this.#broadcast.stop();
  }

  #ping(): void {
    for (const viewer of this.#broadcast.wsServer.clients) {
      if (this.#silent.has(viewer)) {
        viewer.terminate();
        this.#drop();
        continue;
      }
      this.#silent.add(viewer);
      viewer.once('pong', () => this.#silent.delete(viewer));
      viewer.ping();
    }
  }

  #drop(): void {
    this.#dropped += 1;
    this.#options.onDropped();
  }
}
