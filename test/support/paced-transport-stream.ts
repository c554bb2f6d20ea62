import type { Route } from './http-source.js';

const PACKET_BYTES = 188;

/** One picture of a transport stream: where its bytes are and when it is due. Times in seconds. */
interface PacedPicture {
  readonly start: number;
  readonly pts: number;
  readonly dts: number;
}

export interface PacedStream {
  /** Serves the stream as a live encoder sends it: each picture when it is due, none before it was taken. */
  readonly route: Route;
  /** Epoch milliseconds at which the picture with this place in presentation order was taken, as last sent. */
  takenAt(index: number): number;
  readonly requests: number;
  /** When the last sending began, epoch milliseconds. */
  readonly startedAt: number;
}

/**
 * Plays a transport stream of one video stream in real time.
 */
export function paceTransportStream(bytes: Uint8Array): PacedStream {
  const pictures = findPictures(bytes);
  const first = Math.min(...pictures.map(({ dts }) => dts));
  // An encoder sends a picture when it has it: what is shown later than it is sent was taken before it was sent.
  const reorder = Math.max(...pictures.map(({ pts, dts }) => pts - dts));
  const shown = pictures.map(({ pts }) => pts).sort((one, other) => one - other);
  let startedAt = 0;
  let requests = 0;
  const route: Route = (_request, response) => {
    requests += 1;
    response.writeHead(200, { 'content-type': 'video/mp2t' });
    startedAt = Date.now();
    let next = 0;
    let sent = 0;
    const timer = setInterval(() => {
      const now = (Date.now() - startedAt) / 1000 + first;
      while (next < pictures.length && pictures[next]!.dts <= now) next += 1;
      const end = pictures[next]?.start ?? bytes.length;
      if (end > sent) response.write(bytes.subarray(sent, end));
      sent = end;
      if (sent === bytes.length) {
        clearInterval(timer);
        response.end();
      }
    }, 2);
    response.on('close', () => clearInterval(timer));
  };
  return {
    route,
    takenAt: (index) => startedAt + (shown[index]! - reorder - first) * 1000,
    get requests() {
      return requests;
    },
    get startedAt() {
      return startedAt;
    },
  };
}

function findPictures(bytes: Uint8Array): PacedPicture[] {
  const pictures: PacedPicture[] = [];
  for (let at = 0; at + PACKET_BYTES <= bytes.length; at += PACKET_BYTES) {
    if ((bytes[at + 1]! & 0x40) === 0) continue;
    const payload = at + 4 + (bytes[at + 3]! & 0x20 ? 1 + bytes[at + 4]! : 0);
    const isVideo = bytes[payload] === 0 && bytes[payload + 1] === 0 && (bytes[payload + 3]! & 0xf0) === 0xe0;
    if (!isVideo) continue;
    const flags = bytes[payload + 7]! >> 6;
    const pts = readTime(bytes, payload + 9);
    pictures.push({ start: at, pts, dts: flags === 3 ? readTime(bytes, payload + 14) : pts });
  }
  return pictures;
}

/** A 33-bit timestamp of 90,000 a second, in seconds. */
function readTime(bytes: Uint8Array, at: number): number {
  const high = (bytes[at]! >> 1) & 7;
  const middle = ((bytes[at + 1]! << 8) | bytes[at + 2]!) >> 1;
  const low = ((bytes[at + 3]! << 8) | bytes[at + 4]!) >> 1;
  return (high * 2 ** 30 + middle * 2 ** 15 + low) / 90_000;
}
