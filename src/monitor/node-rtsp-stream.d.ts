/** The parts of node-rtsp-stream 0.0.9 that are used: its constructor calls `startMpeg1Stream`, then `pipeStreamToSocketServer`. */
declare module 'node-rtsp-stream' {
  import type { IncomingMessage } from 'node:http';
  import type { WebSocket, WebSocketServer } from 'ws';

  export interface VideoStreamOptions {
    readonly name: string;
    readonly width: number;
    readonly height: number;
  }

  export default class VideoStream<Options extends VideoStreamOptions = VideoStreamOptions> {
    readonly options: Options;
    readonly name: string;
    readonly width: number;
    readonly height: number;
    wsServer: WebSocketServer;
    constructor(options: Options);
    startMpeg1Stream(): this;
    pipeStreamToSocketServer(): this;
    onSocketConnect(socket: WebSocket, request: IncomingMessage): unknown;
    stop(): this;
    on(event: 'camdata', listener: (data: Uint8Array) => void): this;
    emit(event: 'camdata', data: Uint8Array): boolean;
  }
}
