import { createRequire } from 'node:module';
import type { WebSocketServer } from 'ws';

const require = createRequire(import.meta.url);

/** The WebSocket library that node-rtsp-stream itself uses, wherever the package manager has put it. */
const { Server } = createRequire(require.resolve('node-rtsp-stream'))('ws') as { Server: typeof WebSocketServer };

/** Viewers send nothing: more than a few bytes at once is somebody's mistake. */
const MAX_MESSAGE_BYTES = 1024;

/** A WebSocket server without a port of its own. */
export function createSocketServer(): WebSocketServer {
  // No compression: video has none left in it, and every viewer would cost a compressor.
  return new Server({ noServer: true, perMessageDeflate: false, maxPayload: MAX_MESSAGE_BYTES });
}
