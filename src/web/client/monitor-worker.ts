import JSMpeg, { type Demuxer, type Player, type Source } from '@cycjimmy/jsmpeg-player';
import type { MonitorNews, MonitorOrder } from './monitor-words.js';

/**
 * Plays a monitor on a canvas of the page, in a worker: decoding does not block the page, and JSMpeg finds no document to insert its
 * inline style sheet into, which the page's policy would reject.
 */

// JSMpeg reads its clock from `window`.
Object.assign(globalThis, { window: globalThis });

/** `jsmp`, width and height. The video's own header has the size too. */
const headerBytes = 8;
const firstRetryMs = 500;
const longestRetryMs = 8000;

let canvas: OffscreenCanvas | undefined;
let url = '';
let player: Player | undefined;
let isHeld = false;
let attempts = 0;
let retry: ReturnType<typeof setTimeout> | undefined;

addEventListener('message', ({ data }: MessageEvent<MonitorOrder>) => {
  if (data.kind === 'show') ({ canvas, url } = data);
  isHeld = data.kind === 'hold';
  attempts = 0;
  if (isHeld) close();
  else open();
});

/** One connection with a new player: remains of an earlier one would show as artefacts. */
function open(): void {
  if (canvas === undefined) return;
  close();
  player = new JSMpeg.Player(url, {
    ...{ canvas, source: MonitorSource, audio: false, pauseWhenHidden: false },
    // No WebGL in a worker. WebAssembly would need a wider content security policy, and this size does not need it.
    ...{ disableGl: true, disableWebAssembly: true },
    onVideoDecode: () => {
      if (attempts === 0) return;
      attempts = 0;
      tell('playing');
    },
  });
  // Frames are decoded as they arrive, not at the next repaint.
  player.pause();
}

function close(): void {
  clearTimeout(retry);
  player?.destroy();
  player = undefined;
}

function lost(): void {
  if (isHeld) return;
  tell('waiting');
  retry = setTimeout(open, Math.min(longestRetryMs, firstRetryMs * 2 ** attempts));
}

function tell(news: MonitorNews): void {
  postMessage(news);
}

class MonitorSource implements Source {
  readonly streaming = true;
  established = false;
  progress = 0;
  readonly #url: string;
  #demuxer: Demuxer | undefined;
  #socket: WebSocket | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  connect(demuxer: Demuxer): void {
    this.#demuxer = demuxer;
  }

  start(): void {
    attempts += 1;
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
      if (!this.established && data.byteLength === headerBytes) {
        this.established = true;
        return;
      }
      this.#demuxer?.write(data);
      while (player?.nextFrame());
    };
    socket.onclose = lost;
  }

  resume(): void {}

  destroy(): void {
    if (this.#socket === undefined) return;
    this.#socket.onclose = null;
    this.#socket.onmessage = null;
    this.#socket.close();
  }
}
