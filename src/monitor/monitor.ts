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
  /** How many viewers at a time. */
  readonly viewers: number;
  /** Origins of other sites whose pages may show it; `*`: all. */
  readonly origins: readonly string[];
  readonly onDropped: () => void;
}

/** A request to upgrade a connection to a WebSocket, as Node's HTTP server hands it out. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** So far behind, in seconds of the picture, a viewer is let go: it is to begin anew rather than to show the past. */
const MOST_BEHIND_SECONDS = 2;
/** One keyframe has to fit in, whatever the bit rate is. */
const LEAST_BUFFER_BYTES = 256 * 1024;
/** A viewer that does not answer from one ping to the next is gone. */
const PING_MS = 20_000;

/** One stream's picture with little delay, over all its ffmpeg runs. */
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

  /** A new run of ffmpeg begins. */
  begin(): void {
    this.#cutter.reset();
  }

  /** Bytes of ffmpeg's monitor output. Never waits for anybody, whether there are viewers or not. */
  push(piece: Uint8Array): void {
    const packets = this.#cutter.push(piece);
    if (packets !== undefined && this.#broadcast.viewers > 0) this.#broadcast.emit('camdata', packets);
  }

  /** Takes a viewer in. Throws `limit-reached`, also when closed; what is wrong with the handshake is answered to the viewer. */
  join({ request, socket, head }: Upgrade): void {
    const { viewers } = this.#options;
    if (this.#isClosed || this.#broadcast.viewers >= viewers) {
      const message = this.#isClosed
        ? 'The stream has ended.'
        : `There are ${viewers} viewers already, and may be no more.`;
      throw new SidepipeError(message, { code: 'limit-reached', fault: 'caller', retryable: true });
    }
    this.#broadcast.join(request, socket, head);
    this.#pinging ??= setInterval(() => this.#ping(), PING_MS).unref();
  }

  /** Lets all viewers go. */
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
