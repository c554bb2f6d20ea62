import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { parseFlv } from '../../test/support/rtmp-flv.js';
import type { Unit } from './live-source.js';

/** A clip as RTP over RTSP's connection, encoded once for all players. */
export interface RtspClip {
  readonly description: string;
  /** Interleaved frames: the channel is 0 for video and 2 for audio, as players ask for them in turn. */
  readonly units: readonly Unit<Uint8Array>[];
}

const VIDEO_CLOCK_HZ = 90_000;
/** As most cameras do over TCP. */
const PAYLOAD_BYTES = 1400;
const FLV_VIDEO = 9;

/** H.264 and AAC of an FLV file as RTP (RFC 6184, 3640). Pure. */
export function rtspClip(flv: Uint8Array): RtspClip {
  const tags = parseFlv(flv).filter(({ type }) => type === 8 || type === FLV_VIDEO);
  const isHead = ({ payload }: { readonly payload: Uint8Array }) => payload[1] === 0;
  const [video, audio] = [FLV_VIDEO, 8].map((type) => tags.find((tag) => tag.type === type && isHead(tag))!.payload);
  const rate = audioRate(audio!);
  const sequence = { video: 0, audio: 0 };
  const units = tags
    .filter((tag) => !isHead(tag))
    .map(({ type, timestamp, payload }): Unit<Uint8Array> => {
      const isVideo = type === FLV_VIDEO;
      const packets = isVideo ? videoPayloads(payload.subarray(5)) : [audioPayload(payload.subarray(2))];
      const ticks = Math.round((timestamp * (isVideo ? VIDEO_CLOCK_HZ : rate)) / 1000);
      const data = Buffer.concat(
        packets.map((packet, index) => {
          const number = isVideo ? sequence.video++ : sequence.audio++;
          return interleaved(isVideo, { ticks, number, isLast: index === packets.length - 1 }, packet);
        }),
      );
      return { atMs: timestamp, isKeyframe: isVideo && payload[0]! >> 4 === 1, data };
    });
  return { description: describe(video!, audio!, rate), units };
}

function describe(video: Uint8Array, audio: Uint8Array, rate: number): string {
  const sets = parameterSets(video.subarray(5)).map((set) => Buffer.from(set).toString('base64'));
  return [
    ...['v=0', 'o=- 0 0 IN IP4 127.0.0.1', 's=camera', 'c=IN IP4 0.0.0.0', 't=0 0', 'a=control:*'],
    ...['m=video 0 RTP/AVP 96', `a=rtpmap:96 H264/${VIDEO_CLOCK_HZ}`],
    ...[`a=fmtp:96 packetization-mode=1;sprop-parameter-sets=${sets.join(',')}`, 'a=control:track0'],
    ...['m=audio 0 RTP/AVP 97', `a=rtpmap:97 mpeg4-generic/${rate}/1`],
    `a=fmtp:97 streamtype=5;mode=AAC-hbr;config=${Buffer.from(audio.subarray(2)).toString('hex')};sizelength=13;indexlength=3;indexdeltalength=3`,
    ...['a=control:track1', ''],
  ].join('\r\n');
}

/** The SPS and PPS of an `avcC` record (ISO/IEC 14496-15 5.3.3.1). */
function parameterSets(record: Uint8Array): Uint8Array[] {
  const sets: Uint8Array[] = [];
  let at = 5;
  for (const mask of [0x1f, 0xff]) {
    const count = record[at]! & mask;
    at += 1;
    for (let index = 0; index < count; index += 1) {
      const length = (record[at]! << 8) | record[at + 1]!;
      sets.push(record.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
  }
  return sets;
}

/** ISO/IEC 14496-3 1.6.2.1: the index is in bits 5 to 8 of the configuration. */
function audioRate(tag: Uint8Array): number {
  const rates = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000];
  return rates[((tag[2]! & 7) << 1) | (tag[3]! >> 7)]!;
}

/** RFC 6184 5.6 and 5.8: small units as they are, large ones in fragments. Lengths have four bytes, as ffmpeg writes them. */
function videoPayloads(picture: Uint8Array): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  const view = new DataView(picture.buffer, picture.byteOffset, picture.byteLength);
  for (let at = 0; at + 4 < picture.length; ) {
    const unit = picture.subarray(at + 4, at + 4 + view.getUint32(at));
    at += 4 + unit.length;
    if (unit.length <= PAYLOAD_BYTES) {
      payloads.push(unit);
      continue;
    }
    for (let from = 1; from < unit.length; from += PAYLOAD_BYTES - 2) {
      const piece = unit.subarray(from, from + PAYLOAD_BYTES - 2);
      const isEnd = from + piece.length === unit.length;
      const marks = (from === 1 ? 0x80 : 0) | (isEnd ? 0x40 : 0);
      payloads.push(Buffer.concat([Uint8Array.of((unit[0]! & 0x60) | 28, marks | (unit[0]! & 0x1f)), piece]));
    }
  }
  return payloads;
}

/** RFC 3640 3.3.6: one frame, its size in 13 bits. */
function audioPayload(frame: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(0, 16, frame.length >> 5, (frame.length & 0x1f) << 3), frame]);
}

/** RFC 2326 10.12 and RFC 3550 5.1. */
function interleaved(
  isVideo: boolean,
  { ticks, number, isLast }: { readonly ticks: number; readonly number: number; readonly isLast: boolean },
  payload: Uint8Array,
): Uint8Array {
  const bytes = Buffer.alloc(16 + payload.length);
  bytes[0] = 0x24;
  bytes[1] = isVideo ? 0 : 2;
  bytes.writeUInt16BE(12 + payload.length, 2);
  bytes[4] = 0x80;
  bytes[5] = (isVideo ? 96 : 97) | (isLast ? 0x80 : 0);
  bytes.writeUInt16BE(number & 0xffff, 6);
  bytes.writeUInt32BE(ticks >>> 0, 8);
  bytes.writeUInt32BE(isVideo ? 1 : 2, 12);
  bytes.set(payload, 16);
  return bytes;
}

/** Serves one description over TCP at any path; `play` is called with each player's connection. Resolves with the port. */
export async function serveRtsp(description: string, play: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    let text = '';
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      // RTCP reports of the player come in between; a request starts with its method.
      text = (text + bytes.toString('latin1')).slice(-8192);
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const request = /(OPTIONS|DESCRIBE|SETUP|PLAY|TEARDOWN|GET_PARAMETER) (\S+) RTSP[\s\S]*$/.exec(
          text.slice(0, end),
        );
        text = text.slice(end + 4);
        if (request !== null) answer(socket, request, description, play);
      }
    });
  });
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function answer(
  socket: Socket,
  [request, method, url]: RegExpExecArray,
  description: string,
  play: (socket: Socket) => void,
): void {
  const header = (name: string) => new RegExp(`^${name}: *(.*?)\\r?$`, 'im').exec(request)?.[1];
  const body = method === 'DESCRIBE' ? description : '';
  const special =
    method === 'DESCRIBE'
      ? ['Content-Type: application/sdp', `Content-Base: ${url}/`]
      : method === 'SETUP'
        ? [`Transport: ${header('Transport')}`]
        : ['Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER'];
  const head = [
    'RTSP/1.0 200 OK',
    `CSeq: ${header('CSeq')}`,
    'Session: 1',
    ...special,
    `Content-Length: ${body.length}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  if (method === 'PLAY') play(socket);
  if (method === 'TEARDOWN') socket.end();
}
