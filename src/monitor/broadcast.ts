import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import VideoStream from 'node-rtsp-stream';
import type { WebSocket } from 'ws';
import { createSocketServer } from './sockets.js';

export interface BroadcastOptions {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** A viewer that is behind by more is let go. */
  readonly maxBufferedBytes: number;
  readonly onDropped: () => void;
}

/** `jsmp`, width and height as 16-bit numbers: what a JSMpeg player is told first. */
const HEADER_BYTES = 8;
const OPEN = 1;
/** By RFC 6455, 7.4, and the registry that it founded: the service is restarted or overloaded. */
const TRY_AGAIN_LATER = 1013;

/**
 * node-rtsp-stream's broadcast to JSMpeg players, fed by this node's own ffmpeg. The constructor of `VideoStream` calls
 * the methods that are replaced here, so they touch nothing but what that has set: options, and no private fields.
 */
export class MonitorBroadcast extends VideoStream<BroadcastOptions> {
  get viewers(): number {
    return this.wsServer.clients.size;
  }

  /** The parent would start a second ffmpeg. */
  override startMpeg1Stream(): this {
    return this;
  }

  /** The parent would listen on a port of its own. */
  override pipeStreamToSocketServer(): this {
    this.wsServer = createSocketServer();
    return this.on('camdata', (data) => this.#send(data));
  }

  /** Takes a request to upgrade over. What is wrong with the handshake itself is answered here. */
  join(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.wsServer.handleUpgrade(request, socket, head, (viewer) => this.onSocketConnect(viewer));
  }

  override onSocketConnect(viewer: WebSocket): void {
    const header = Buffer.alloc(HEADER_BYTES);
    header.write('jsmp');
    header.writeUInt16BE(this.width, 4);
    header.writeUInt16BE(this.height, 6);
    // Without a listener the failure of one viewer's connection would end the node; `close` follows it.
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
        // Not `close`: its frame would wait behind all that the viewer does not take.
        viewer.terminate();
        this.options.onDropped();
      } else {
        viewer.send(data);
      }
    }
  }
}
