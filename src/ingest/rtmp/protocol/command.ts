import { type AmfObject, type AmfValue, decodeAmf0 } from './amf0.js';
import { messageType, type RtmpMessage } from './message.js';

/** A remote call of a publisher. */
export interface Command {
  readonly name: string;
  readonly transaction: number;
  /** What follows the transaction: the command object first, then the arguments. */
  readonly values: readonly AmfValue[];
  readonly streamId: number;
}

/** AMF3 commands begin with a zero byte and then are AMF0 all the same. */
export function amf0Payload(message: RtmpMessage): Uint8Array {
  const isAmf3 = message.type === messageType.commandAmf3 || message.type === messageType.dataAmf3;
  return isAmf3 && message.payload[0] === 0 ? message.payload.subarray(1) : message.payload;
}

/** Undefined when the message is no well-formed command. */
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
  /** What followed a question mark in it. Holds secrets. */
  readonly query: string;
  /** What the publisher calls itself, in printable ASCII. */
  readonly encoder: string;
  /** The FourCCs of Enhanced RTMP that it offers; undefined when it does not know of them. */
  readonly fourCcs: readonly string[] | undefined;
}

/** The arguments of `connect`. Publishers that send no `app` mean the path of their `tcUrl`, if they send that. */
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
