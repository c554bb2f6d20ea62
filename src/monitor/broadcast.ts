import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import VideoStream from 'node-rtsp-stream';
import type { WebSocket } from 'ws';
import { createSocketServer } from './sockets.js';

export interface BroadcastOptions {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** A viewer that is further behind is disconnected. */
  readonly maxBufferedBytes: number;
  readonly onDropped: () => void;
}

/** `jsmp`, width and height as 16-bit numbers: the first message to a JSMpeg player. */
const HEADER_BYTES = 8;
const OPEN = 1;
/** RFC 6455, 7.4, and its registry: service restart or overload. */
const TRY_AGAIN_LATER = 1013;

/**
 * node-rtsp-stream's broadcast to JSMpeg players, fed by the node's own ffmpeg. The constructor of `VideoStream` calls the methods that
 * are overridden here, so they use only fields that the constructor has set: options, and no private fields.
 */
export class MonitorBroadcast extends VideoStream<BroadcastOptions> {
  get viewers(): number {
    return this.wsServer.clients.size;
  }

  /** The base class would start a second ffmpeg. */
  override startMpeg1Stream(): this {
    return this;
  }

  /** The base class would listen on its own port. */
  override pipeStreamToSocketServer(): this {
    this.wsServer = createSocketServer();
    return this.on('camdata', (data) => this.#send(data));
  }

  /** Takes over an upgrade request. Responds to an invalid handshake itself. */
  join(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.wsServer.handleUpgrade(request, socket, head, (viewer) => this.onSocketConnect(viewer));
  }

  override onSocketConnect(viewer: WebSocket): void {
    const header = Buffer.alloc(HEADER_BYTES);
    header.write('jsmp');
    header.writeUInt16BE(this.width, 4);
    header.writeUInt16BE(this.height, 6);
    // Without a listener, the failure of one viewer's connection would crash the node; `close` follows the error.
    viewer.on('error', () => {});
    viewer.send(header);
  }

  override stop(): this {
    for (const viewer of this.wsServer.clients) viewer.close(TRY_AGAIN_LATER);
    this.wsServer.close();
    return this;
  }

  #send(data: Uint8Array): void {
    for (const viewer of this.wsServer.clients) {
      if (viewer.readyState !== OPEN) continue;
      if (viewer.bufferedAmount > this.options.maxBufferedBytes) {
        // Not `close`: its frame would wait behind the data that the viewer does not read.
        viewer.terminate();
        this.options.onDropped();
      } else {
        viewer.send(data);
      }
    }
  }
}
