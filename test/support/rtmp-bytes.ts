import { createHmac, randomBytes } from 'node:crypto';
import { type AmfValue, encodeAmf0 } from '../../src/ingest/rtmp/protocol/amf0.js';
import { concatBytes, uint32Bytes } from '../../src/ingest/rtmp/protocol/bytes.js';
import { createChunkWriter } from '../../src/ingest/rtmp/protocol/chunk-writer.js';
import {
  type DigestScheme,
  handshakePacketBytes,
  playerKey,
  signPacket,
} from '../../src/ingest/rtmp/protocol/handshake.js';
import { messageType, type RtmpMessage } from '../../src/ingest/rtmp/protocol/message.js';

export const hmacSha256 = (key: Uint8Array, data: Uint8Array): Uint8Array =>
  createHmac('sha256', key).update(data).digest();

export const cryptography = { hmacSha256, random: (length: number): Uint8Array => randomBytes(length) };

/** C0 and C1. Plain without a scheme. */
export function handshakeStart(scheme?: DigestScheme): Uint8Array {
  const packet = new Uint8Array(randomBytes(handshakePacketBytes));
  packet.fill(0, 0, 8);
  if (scheme !== undefined) {
    packet.set([9, 0, 124, 2], 4);
    signPacket(packet, scheme, playerKey, hmacSha256);
  }
  return concatBytes([Uint8Array.of(3), packet]);
}

export const handshakeEnd = (): Uint8Array => new Uint8Array(handshakePacketBytes);

export const object = (entries: Readonly<Record<string, AmfValue>>) => new Map(Object.entries(entries));

export function commandMessage(streamId: number, ...values: AmfValue[]): RtmpMessage {
  const payload = encodeAmf0(...values);
  return { chunkStreamId: streamId === 0 ? 3 : 8, type: messageType.commandAmf0, streamId, timestamp: 0, payload };
}

export function chunkSizeMessage(bytes: number): RtmpMessage {
  const payload = uint32Bytes(bytes);
  return { chunkStreamId: 2, type: messageType.setChunkSize, streamId: 0, timestamp: 0, payload };
}

export function mediaMessage(type: 'audio' | 'video', timestamp: number, payload: Uint8Array): RtmpMessage {
  const chunkStreamId = type === 'audio' ? 4 : 6;
  return { chunkStreamId, type: messageType[type], streamId: 1, timestamp, payload };
}

export function metadataMessage(values: Readonly<Record<string, AmfValue>>): RtmpMessage {
  const payload = encodeAmf0('@setDataFrame', 'onMetaData', object(values));
  return { chunkStreamId: 4, type: messageType.dataAmf0, streamId: 1, timestamp: 0, payload };
}

/** What ffmpeg, librtmp and OBS send before the answer to `publish`, in their order. */
export function publishMessages(streamKey: string, connect: Readonly<Record<string, AmfValue>> = {}): RtmpMessage[] {
  const properties = { app: 'live', type: 'nonprivate', flashVer: 'FMLE/3.0 (compatible; test)', ...connect };
  return [
    commandMessage(0, 'connect', 1, object(properties)),
    commandMessage(0, 'releaseStream', 2, null, streamKey),
    commandMessage(0, 'FCPublish', 3, null, streamKey),
    commandMessage(0, 'createStream', 4, null),
    commandMessage(1, 'publish', 5, null, streamKey, 'live'),
  ];
}

/** A whole session in bytes: what a publisher that waits for no answer would send. */
export function publisherBytes(streamKey: string, media: readonly RtmpMessage[], scheme?: DigestScheme): Uint8Array {
  const writer = createChunkWriter({ compressHeaders: true });
  const messages = [...publishMessages(streamKey), chunkSizeMessage(4096), ...media];
  return concatBytes([handshakeStart(scheme), handshakeEnd(), ...messages.map((message) => writer.write(message))]);
}

/** H.264 and AAC tags in form only: sequence headers, then frames of `frameBytes`. */
export function fakeMedia({ frames = 50, frameBytes = 1000, start = 0 } = {}): RtmpMessage[] {
  const media = [
    metadataMessage({ width: 640, height: 360, videocodecid: 7, audiocodecid: 10 }),
    mediaMessage('video', start, Uint8Array.of(0x17, 0, 0, 0, 0, 1, 0x64, 0, 0x1f, 0xff)),
    mediaMessage('audio', start, Uint8Array.of(0xaf, 0, 0x12, 0x10)),
  ];
  for (let frame = 0; frame < frames; frame++) {
    const payload = new Uint8Array(frameBytes).fill(frame);
    payload.set([frame % 25 === 0 ? 0x17 : 0x27, 1, 0, 0, 0]);
    media.push(mediaMessage('video', (start + frame * 40) >>> 0, payload));
    const audio = new Uint8Array(200).fill(frame);
    audio.set([0xaf, 1]);
    media.push(mediaMessage('audio', (start + frame * 40 + 11) >>> 0, audio));
  }
  return media;
}
