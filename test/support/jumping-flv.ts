import type { Route } from './http-source.js';
import { type FlvTag, parseFlv } from './rtmp-flv.js';

const VIDEO = 9;
const AUDIO = 8;

export interface JumpingFlv {
  /** A live encoder. It runs with or without listeners; its timeline starts at the first request. */
  readonly route: Route;
  /** Seconds since the first request; 0 before it. */
  readonly seconds: number;
}

export interface JumpOptions {
  /** The first timestamp. */
  readonly startSeconds?: number;
  /** How long after its start the encoder's clock jumps, and by how much: negative is back. */
  readonly afterSeconds: number;
  readonly bySeconds: number;
}

/**
 * Live FLV over HTTP of an encoder whose clock jumps once. Nothing in FLV tells of it, and ffmpeg passes it on, where it takes jumps of
 * transport streams out of the timeline by itself.
 */
export function jumpingFlv(clip: Uint8Array, { startSeconds = 0, afterSeconds, bySeconds }: JumpOptions): JumpingFlv {
  const tags = parseFlv(clip);
  const media = tags.filter((tag) => isMedia(tag) && !isConfiguration(tag));
  const configuration = tags.filter(isConfiguration);
  const shown = ({ timestamp }: FlvTag) =>
    timestamp + 1000 * (startSeconds + (timestamp >= afterSeconds * 1000 ? bySeconds : 0));
  let startedAt: number | undefined;
  const elapsedMs = () => (startedAt === undefined ? 0 : Date.now() - startedAt);
  const route: Route = (_request, response) => {
    startedAt ??= Date.now();
    response.writeHead(200, { 'content-type': 'video/x-flv' });
    response.write(Buffer.from([0x46, 0x4c, 0x56, 1, 5, 0, 0, 0, 9, 0, 0, 0, 0]));
    const joinedMs = elapsedMs();
    let next = media.findIndex((tag) => tag.timestamp >= joinedMs && isKeyframe(tag));
    if (next < 0) return void response.end();
    for (const tag of configuration) response.write(tagBytes({ ...tag, timestamp: shown(media[next]!) }));
    const timer = setInterval(() => {
      for (; next < media.length && media[next]!.timestamp <= elapsedMs(); next += 1)
        response.write(tagBytes({ ...media[next]!, timestamp: shown(media[next]!) }));
      if (next === media.length) response.end();
    }, 5);
    response.on('close', () => clearInterval(timer));
  };
  return {
    route,
    get seconds() {
      return elapsedMs() / 1000;
    },
  };
}

function isMedia({ type }: FlvTag): boolean {
  return type === VIDEO || type === AUDIO;
}

/** The parameters of H.264 or AAC. */
function isConfiguration({ type, payload }: FlvTag): boolean {
  if (type === VIDEO) return (payload[0]! & 0x0f) === 7 && payload[1] === 0;
  return type === AUDIO && payload[0]! >> 4 === 10 && payload[1] === 0;
}

function isKeyframe({ type, payload }: FlvTag): boolean {
  return type === VIDEO && payload[0]! >> 4 === 1;
}

function tagBytes({ type, timestamp, payload }: FlvTag): Buffer {
  const bytes = Buffer.alloc(11 + payload.length + 4);
  bytes[0] = type;
  bytes.writeUIntBE(payload.length, 1, 3);
  bytes.writeUIntBE(timestamp & 0xffffff, 4, 3);
  bytes[7] = (timestamp >>> 24) & 0xff;
  bytes.set(payload, 11);
  bytes.writeUInt32BE(11 + payload.length, 11 + payload.length);
  return bytes;
}
