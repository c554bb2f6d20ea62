import { readUint32 } from './bytes.js';

/** An AMF0 value. Objects, typed objects and ECMA arrays all become maps, so no key can reach a prototype. */
export type AmfValue = number | boolean | string | null | undefined | Date | AmfObject | readonly AmfValue[];
export type AmfObject = ReadonlyMap<string, AmfValue>;

export interface AmfLimits {
  /** Maximum nesting depth of objects and arrays. */
  readonly depth: number;
  /** Maximum number of values in a message, including members. */
  readonly values: number;
  /** Maximum length of a string or key, in bytes. */
  readonly stringBytes: number;
}

const defaultAmfLimits: AmfLimits = { depth: 8, values: 1024, stringBytes: 16_384 };

const invalid = Symbol('invalid');
type Invalid = typeof invalid;

interface Cursor {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly limits: AmfLimits;
  at: number;
  values: number;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/** All values in `bytes`, or undefined if they are malformed or exceed a limit. */
export function decodeAmf0(bytes: Uint8Array, limits: AmfLimits = defaultAmfLimits): AmfValue[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const cursor: Cursor = { bytes, view, limits, at: 0, values: 0 };
  const values: AmfValue[] = [];
  while (cursor.at < bytes.length) {
    const value = readValue(cursor, 0);
    if (value === invalid) return undefined;
    values.push(value);
  }
  return values;
}

/** The string at the start of `bytes` and its end, or undefined. */
export function decodeLeadingString(bytes: Uint8Array): { text: string; end: number } | undefined {
  if (bytes[0] !== 2 || bytes.length < 3) return undefined;
  const end = 3 + bytes[1]! * 256 + bytes[2]!;
  return end <= bytes.length ? { text: decoder.decode(bytes.subarray(3, end)), end } : undefined;
}

function readValue(cursor: Cursor, depth: number): AmfValue | Invalid {
  cursor.values += 1;
  if (depth > cursor.limits.depth || cursor.values > cursor.limits.values) return invalid;
  const marker = cursor.bytes[cursor.at];
  cursor.at += 1;
  switch (marker) {
    case 0x00:
      return readDouble(cursor);
    case 0x01:
      return readBoolean(cursor);
    case 0x02:
      return readText(cursor, 2);
    case 0x03:
      return readMembers(cursor, depth);
    case 0x05:
      return null;
    case 0x06:
    case 0x0d: // unsupported
      return undefined;
    case 0x08: // ECMA array: its count is only a hint
      cursor.at += 4;
      return readMembers(cursor, depth);
    case 0x0a:
      return readStrictArray(cursor, depth);
    case 0x0b:
      return readDate(cursor);
    case 0x0c: // long string
    case 0x0f: // XML document
      return readText(cursor, 4);
    case 0x10: // typed object: a class name, then members
      return readText(cursor, 2) === invalid ? invalid : readMembers(cursor, depth);
    default: // movie clip, reference, record set, AMF3 and unknown markers, and the end of the bytes
      return invalid;
  }
}

function readDouble(cursor: Cursor): number | Invalid {
  const { at } = cursor;
  cursor.at += 8;
  return cursor.at > cursor.bytes.length ? invalid : cursor.view.getFloat64(at);
}

function readBoolean(cursor: Cursor): boolean | Invalid {
  const byte = cursor.bytes[cursor.at];
  cursor.at += 1;
  return byte === undefined ? invalid : byte !== 0;
}

function readText(cursor: Cursor, lengthBytes: 2 | 4): string | Invalid {
  const { bytes, at } = cursor;
  const start = at + lengthBytes;
  if (start > bytes.length) return invalid;
  const length = lengthBytes === 2 ? bytes[at]! * 256 + bytes[at + 1]! : readUint32(bytes, at);
  const end = start + length;
  if (length > cursor.limits.stringBytes || end > bytes.length) return invalid;
  cursor.at = end;
  return length === 0 ? '' : decoder.decode(bytes.subarray(start, end));
}

function readMembers(cursor: Cursor, depth: number): AmfObject | Invalid {
  const members = new Map<string, AmfValue>();
  for (;;) {
    const key = readText(cursor, 2);
    if (key === invalid) return invalid;
    if (key === '' && cursor.bytes[cursor.at] === 0x09) {
      cursor.at += 1;
      return members;
    }
    const value = readValue(cursor, depth + 1);
    if (value === invalid) return invalid;
    members.set(key, value);
  }
}

function readStrictArray(cursor: Cursor, depth: number): AmfValue[] | Invalid {
  if (cursor.at + 4 > cursor.bytes.length) return invalid;
  const count = readUint32(cursor.bytes, cursor.at);
  cursor.at += 4;
  // Every item takes at least one byte, so a false count is detected before it causes any work.
  if (count > cursor.bytes.length - cursor.at) return invalid;
  const items: AmfValue[] = [];
  for (let index = 0; index < count; index++) {
    const value = readValue(cursor, depth + 1);
    if (value === invalid) return invalid;
    items.push(value);
  }
  return items;
}

function readDate(cursor: Cursor): Date | Invalid {
  const milliseconds = readDouble(cursor);
  cursor.at += 2; // a time zone, which the specification says to ignore
  return milliseconds === invalid || cursor.at > cursor.bytes.length ? invalid : new Date(milliseconds);
}

/** The concatenated bytes of `values`. */
export function encodeAmf0(...values: readonly AmfValue[]): Uint8Array {
  const out: number[] = [];
  for (const value of values) writeValue(out, value);
  return Uint8Array.from(out);
}

function writeValue(out: number[], value: AmfValue): void {
  if (typeof value === 'number') {
    out.push(0x00);
    writeDouble(out, value);
  } else if (typeof value === 'boolean') {
    out.push(0x01, value ? 1 : 0);
  } else if (typeof value === 'string') {
    const text = encoder.encode(value);
    const long = text.length > 0xffff;
    out.push(long ? 0x0c : 0x02);
    writeText(out, text, long ? 4 : 2);
  } else if (value === null) {
    out.push(0x05);
  } else if (value === undefined) {
    out.push(0x06);
  } else if (value instanceof Date) {
    out.push(0x0b);
    writeDouble(out, value.getTime());
    out.push(0, 0);
  } else if (value instanceof Map) {
    out.push(0x03);
    for (const [key, member] of value as AmfObject) {
      writeText(out, encoder.encode(key), 2);
      writeValue(out, member);
    }
    out.push(0, 0, 0x09);
  } else {
    const items = value as readonly AmfValue[];
    out.push(0x0a);
    writeInteger(out, items.length, 4);
    for (const item of items) writeValue(out, item);
  }
}

function writeDouble(out: number[], value: number): void {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  out.push(...bytes);
}

function writeInteger(out: number[], value: number, length: 2 | 4): void {
  for (let shift = 8 * (length - 1); shift >= 0; shift -= 8) out.push((value >>> shift) & 0xff);
}

function writeText(out: number[], text: Uint8Array, lengthBytes: 2 | 4): void {
  writeInteger(out, text.length, lengthBytes);
  for (const byte of text) out.push(byte);
}
