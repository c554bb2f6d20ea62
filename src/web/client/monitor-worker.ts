import JSMpeg, { type Demuxer, type Player, type Source } from '@cycjimmy/jsmpeg-player';
import type { MonitorNews, MonitorOrder } from './monitor-words.js';

/**
 * Plays a monitor on a canvas of the page, in a worker: the decoder keeps no page waiting, and JSMpeg, which would put an inline
 * style sheet into a document, finds none.
 */

// JSMpeg asks for its clock there.
Object.assign(globalThis, { window: globalThis });

/** `jsmp`, width and height: the picture's own header tells those too. */
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

/** One connection with a player of its own: what another has left behind would be shown as smear. */
function open(): void {
  if (canvas === undefined) return;
  close();
  player = new JSMpeg.Player(url, {
    ...{ canvas, source: MonitorSource, audio: false, pauseWhenHidden: false },
    // WebGL is not asked for in a worker; WebAssembly would need a wider policy, and is not needed at this size.
    ...{ disableGl: true, disableWebAssembly: true },
    onVideoDecode: () => {
      if (attempts === 0) return;
      attempts = 0;
      tell('playing');
    },
  });
  // Pictures are decoded when they come, not when the screen is next drawn.
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
