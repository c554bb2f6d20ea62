import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runFfmpeg } from './clip.js';
import { clockPicture } from './clock-picture.js';
import type { Route } from './http-source.js';

const PACKET_BYTES = 188;

/** What a live encoder does for a while, and how its timestamps are meanwhile. */
export interface ScriptPart {
  readonly seconds: number;
  /** The first timestamp in seconds. Default: where the part before ended. */
  readonly at?: number;
  readonly size?: string;
  readonly video?: boolean;
  readonly audio?: boolean;
  /** All timestamps are the same. */
  readonly frozen?: boolean;
  /** The source is away: connections are cut, and answered 503. */
  readonly away?: boolean;
  /** Seconds from keyframe to keyframe. Default 0.5. */
  readonly keyframes?: number;
}

export interface ScriptedStream {
  /** An HTTP route of a live encoder that goes on whoever listens; its script begins with the first request. */
  readonly route: Route;
  /** The transport stream of each part. */
  readonly parts: readonly Buffer[];
  /** Which part is on; -1 before the first request, the number of parts after the last. */
  readonly part: number;
  /** Epoch milliseconds at which the picture with this number was taken. */
  takenAt(frame: number): number;
}

interface Piece {
  readonly dueMs: number;
  readonly bytes: Buffer;
}

export const SCRIPT_RATE = 20;

/** A live transport stream whose pictures carry their own number, of parts one behind the other. Goes on with its last part. */
export async function scriptStream(
  folder: string,
  name: string,
  parts: readonly ScriptPart[],
): Promise<ScriptedStream> {
  const made: Buffer[] = [];
  const pieces: Piece[] = [];
  const begins: number[] = [];
  let [next, begin] = [0, 0];
  for (const [index, part] of parts.entries()) {
    const at = part.at ?? next;
    const bytes = part.away ? Buffer.alloc(0) : await makePart(join(folder, `${name}-${index}.ts`), part, at, begin);
    begins.push(begin * 1000);
    pieces.push(...piecesOf(bytes, begin * 1000));
    if (part.frozen) freeze(bytes);
    made.push(bytes);
    next = at + part.seconds;
    begin += part.seconds;
  }
  pieces.sort((one, other) => one.dueMs - other.dueMs);
  let startedAt = 0;
  const partAt = (ms: number) => (startedAt === 0 ? -1 : begins.filter((each) => each <= ms).length - 1);
  const route: Route = (_request, response) => {
    if (startedAt === 0) startedAt = Date.now();
    const isAway = () => parts[partAt(Date.now() - startedAt)]?.away === true;
    if (isAway()) return void response.writeHead(503).end();
    response.writeHead(200, { 'content-type': 'video/mp2t' });
    const joinedAt = Date.now() - startedAt;
    let sent = pieces.findIndex(({ dueMs }) => dueMs >= joinedAt);
    const timer = setInterval(() => {
      if (isAway()) return void response.destroy();
      const now = Date.now() - startedAt;
      for (; sent >= 0 && sent < pieces.length && pieces[sent]!.dueMs <= now; sent += 1)
        response.write(pieces[sent]!.bytes);
    }, 5);
    response.on('close', () => clearInterval(timer));
  };
  return {
    route,
    parts: made,
    get part() {
      const now = startedAt === 0 ? 0 : Date.now() - startedAt;
      return now > begin * 1000 ? parts.length : partAt(now);
    },
    takenAt: (frame) => startedAt + (frame * 1000) / SCRIPT_RATE,
  };
}

async function makePart(path: string, part: ScriptPart, at: number, begin: number): Promise<Buffer> {
  const { seconds, size = '320x180', video = true, audio = true, keyframes = 0.5 } = part;
  const from = Math.round(begin * SCRIPT_RATE);
  const gop = String(Math.round(SCRIPT_RATE * keyframes));
  await runFfmpeg([
    ...(video ? ['-f', 'lavfi', '-i', `${clockPicture({ size, rate: SCRIPT_RATE, from })},setsar=1`] : []),
    ...(audio ? ['-f', 'lavfi', '-i', 'sine=sample_rate=48000', '-c:a', 'aac', '-b:a', '48k'] : []),
    ...[
      '-t',
      String(seconds),
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-tune',
      'zerolatency',
      '-pix_fmt',
      'yuv420p',
    ],
    ...['-g', gop, '-keyint_min', gop, '-sc_threshold', '0', '-output_ts_offset', String(at)],
    // The same numbers of streams in every part, as one encoder has them.
    ...(video ? ['-streamid', '0:256', '-streamid', '1:257'] : ['-streamid', '0:257']),
    ...['-muxdelay', '0', '-muxpreload', '0', '-pat_period', '0.2', '-f', 'mpegts', '-y', path],
  ]);
  return readFile(path);
}

/** The bytes from one beginning of a picture or of sound to the next, each with when it is due. */
function piecesOf(bytes: Buffer, beginMs: number): Piece[] {
  const starts: { readonly at: number; readonly time: number }[] = [];
  for (let at = 0; at < bytes.length; at += PACKET_BYTES) {
    const pes = timestampsAt(bytes, at);
    if (pes !== undefined) starts.push({ at, time: readTime(bytes, pes.at(-1)!) });
  }
  const first = starts[0]?.time ?? 0;
  const sinceFirst = (time: number) => ((time - first + 2 ** 33) % 2 ** 33) / 90;
  return starts.map(({ at, time }, index) => ({
    // Sound may begin a little before the picture.
    dueMs: beginMs + (sinceFirst(time) > 2 ** 32 / 90 ? 0 : sinceFirst(time)),
    bytes: bytes.subarray(index === 0 ? 0 : at, starts[index + 1]?.at ?? bytes.length),
  }));
}

/** Where the timestamps of a packet with which something begins are: of presentation, and of decoding where there is one. */
function timestampsAt(bytes: Buffer, at: number): number[] | undefined {
  if ((bytes[at + 1]! & 0x40) === 0) return undefined;
  const pes = at + 4 + (bytes[at + 3]! & 0x20 ? 1 + bytes[at + 4]! : 0);
  const id = bytes[pes + 3]!;
  const isMedia = bytes.readUIntBE(pes, 3) === 1 && id >= 0xc0 && id <= 0xef;
  if (!isMedia) return undefined;
  return bytes[pes + 7]! >> 6 === 3 ? [pes + 9, pes + 14] : [pes + 9];
}

function freeze(bytes: Buffer): void {
  let first: Buffer | undefined;
  for (let at = 0; at < bytes.length; at += PACKET_BYTES) {
    const places = timestampsAt(bytes, at) ?? [];
    for (const place of places) {
      first ??= Buffer.from(bytes.subarray(place, place + 5));
      const marker = bytes[place]! & 0xf0;
      first.copy(bytes, place);
      bytes[place] = marker | (first[0]! & 0x0f);
    }
  }
}

/** A 33-bit timestamp of 90,000 a second. */
function readTime(bytes: Buffer, at: number): number {
  const high = (bytes[at]! >> 1) & 7;
  const middle = ((bytes[at + 1]! << 8) | bytes[at + 2]!) >> 1;
  const low = ((bytes[at + 3]! << 8) | bytes[at + 4]!) >> 1;
  return high * 2 ** 30 + middle * 2 ** 15 + low;
}
