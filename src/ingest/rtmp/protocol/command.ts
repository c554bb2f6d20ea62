import { type AmfObject, type AmfValue, decodeAmf0 } from './amf0.js';
import { messageType, type RtmpMessage } from './message.js';

/** A publisher's remote call. */
export interface Command {
  readonly name: string;
  readonly transaction: number;
  /** The values after the transaction: the command object, then the arguments. */
  readonly values: readonly AmfValue[];
  readonly streamId: number;
}

/** AMF3 commands start with a zero byte, followed by AMF0. */
export function amf0Payload(message: RtmpMessage): Uint8Array {
  const isAmf3 = message.type === messageType.commandAmf3 || message.type === messageType.dataAmf3;
  return isAmf3 && message.payload[0] === 0 ? message.payload.subarray(1) : message.payload;
}

/** Undefined if the message is not a well-formed command. */
export function parseCommand(message: RtmpMessage): Command | undefined {
  const [name, transaction, ...values] = decodeAmf0(amf0Payload(message)) ?? [];
  if (typeof name !== 'string') return undefined;
  return { name, transaction: typeof transaction === 'number' ? transaction : 0, values, streamId: message.streamId };
}

export function isAmfObject(value: AmfValue): value is AmfObject {
  return value instanceof Map;
}

export interface ConnectRequest {
  /** The application's path without its query, such as `live` or `live/front-door`. */
  readonly app: string;
  /** The query in it. Contains secrets. */
  readonly query: string;
  /** How the publisher identifies itself, in printable ASCII. */
  readonly encoder: string;
  /** The Enhanced RTMP FourCCs that it offers; undefined if it does not support Enhanced RTMP. */
  readonly fourCcs: readonly string[] | undefined;
}

/** The arguments of `connect`. Without `app`, the path of `tcUrl` is used. */
export function parseConnect(command: Command): ConnectRequest | undefined {
  const [properties] = command.values;
  if (!isAmfObject(properties)) return undefined;
  const path = text(properties.get('app')) || pathOf(text(properties.get('tcUrl')));
  const question = path.indexOf('?');
  const bare = question < 0 ? path : path.slice(0, question);
  const list = properties.get('fourCcList');
  const isText = (item: AmfValue) => typeof item === 'string';
  return {
    app: bare.replace(/^\/+|\/+$/g, ''),
    query: question < 0 ? '' : path.slice(question + 1),
    encoder: text(properties.get('flashVer'))
      .replace(/[^\x20-\x7e]/g, '')
      .slice(0, 64),
    fourCcs: Array.isArray(list) ? (list as readonly AmfValue[]).filter(isText).slice(0, 32) : undefined,
  };
}

function text(value: AmfValue): string {
  return typeof value === 'string' && value.length <= 1024 ? value : '';
}

function pathOf(url: string): string {
  return /^[a-z]+:\/\/[^/]*\/(.*)$/i.exec(url)?.[1] ?? '';
}
