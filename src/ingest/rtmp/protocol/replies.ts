import { type AmfValue, encodeAmf0 } from './amf0.js';
import { uint32Bytes } from './bytes.js';
import { messageType, type RtmpMessage } from './message.js';

/** The messages that a server sends. Pure builders; each uses the chunk stream that is usual for servers. */

const controlChunkStream = 2;
const commandChunkStream = 3;
const statusChunkStream = 5;

function control(type: number, payload: Uint8Array): RtmpMessage {
  return { chunkStreamId: controlChunkStream, type, streamId: 0, timestamp: 0, payload };
}

export const setChunkSize = (bytes: number) => control(messageType.setChunkSize, uint32Bytes(bytes));
export const acknowledgement = (bytes: number) => control(messageType.acknowledgement, uint32Bytes(bytes));
export const windowAckSize = (bytes: number) => control(messageType.windowAckSize, uint32Bytes(bytes));
/** Limit type 2: dynamic. */
export const setPeerBandwidth = (bytes: number) =>
  control(messageType.setPeerBandwidth, Uint8Array.of(...uint32Bytes(bytes), 2));
export const streamBegin = (streamId: number) =>
  control(messageType.userControl, Uint8Array.of(0, 0, ...uint32Bytes(streamId)));
export const pingResponse = (timestamp: Uint8Array) =>
  control(messageType.userControl, Uint8Array.of(0, 7, ...timestamp.subarray(0, 4)));

function command(chunkStreamId: number, streamId: number, ...values: AmfValue[]): RtmpMessage {
  const payload = encodeAmf0(...values);
  return { chunkStreamId, type: messageType.commandAmf0, streamId, timestamp: 0, payload };
}

export type StatusLevel = 'status' | 'error';

const information = (level: StatusLevel, code: string, description: string) =>
  new Map<string, AmfValue>([
    ['level', level],
    ['code', code],
    ['description', description],
  ]);

export function connectAccepted(transaction: number, fourCcs: readonly string[] | undefined): RtmpMessage {
  const properties = new Map<string, AmfValue>([
    ['fmsVer', 'FMS/3,5,7,7009'],
    ['capabilities', 31],
    ['mode', 1],
  ]);
  const info = information('status', 'NetConnection.Connect.Success', 'Connection succeeded.');
  info.set('objectEncoding', 0);
  if (fourCcs !== undefined) {
    // Enhanced RTMP: publishers check either place.
    properties.set('fourCcList', fourCcs);
    info.set('fourCcList', fourCcs);
  }
  return command(commandChunkStream, 0, '_result', transaction, properties, info);
}

export function connectRejected(transaction: number, description: string): RtmpMessage {
  const info = information('error', 'NetConnection.Connect.Rejected', description);
  return command(commandChunkStream, 0, '_error', transaction, null, info);
}

export const emptyResult = (transaction: number) =>
  command(commandChunkStream, 0, '_result', transaction, null, undefined);

export const createStreamResult = (transaction: number, streamId: number) =>
  command(commandChunkStream, 0, '_result', transaction, null, streamId);

export const onFcPublish = (code: string, description: string) =>
  command(commandChunkStream, 0, 'onFCPublish', 0, null, information('status', code, description));

export const onStatus = (streamId: number, level: StatusLevel, code: string, description: string) =>
  command(statusChunkStream, streamId, 'onStatus', 0, null, information(level, code, description));
