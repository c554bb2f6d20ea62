import { createRequire } from 'node:module';
import type { WebSocketServer } from 'ws';

const require = createRequire(import.meta.url);

/** The WebSocket library of node-rtsp-stream, wherever the package manager installed it. */
const { Server } = createRequire(require.resolve('node-rtsp-stream'))('ws') as { Server: typeof WebSocketServer };

/** Viewers send nothing, so a larger message is an error. */
const MAX_MESSAGE_BYTES = 1024;

/** A WebSocket server without its own port. */
export function createSocketServer(): WebSocketServer {
  // No compression: video does not compress further, and every viewer would cost a compressor.
  return new Server({ noServer: true, perMessageDeflate: false, maxPayload: MAX_MESSAGE_BYTES });
}
