import { GrowingBuffer } from '../../io/growing-buffer.js';
import { REDIRECT_REFUSED } from '../failure-words.js';

/** Longer than any camera's response head. */
const MAX_HEAD_BYTES = 65_536;
const MAX_BODY_BYTES = 1024 ** 2;
/** The first byte of an interleaved packet. */
const PACKET = 0x24;

/**
 * Parses and rewrites an RTSP server's responses for an ffmpeg under a policy. Redirects become refusals, and only what was parsed is passed
 * on, so that ffmpeg cannot interpret anything differently.
 */
export interface RtspReplies {
  /** Takes bytes of the server and returns bytes for ffmpeg. Throws a `RangeError` on anything that is not RTSP. */
  push(piece: Uint8Array): Uint8Array[];
  /** Number of bytes copied and scanned so far. */
  readonly work: number;
}

/** A message whose head has arrived, and the number of bytes that it takes from the buffer. */
interface Pending {
  readonly head: Uint8Array;
  readonly headLength: number;
  readonly length: number;
}

/** Pure. */
export function createRtspReplies(): RtspReplies {
  const held = new GrowingBuffer();
  /** State of the first message in the buffer: how far its head was scanned, and the complete head. Each byte is scanned once. */
  let scanned = 0;
  let pending: Pending | undefined;
  let work = 0;

  /** The first message and its length in the buffer; undefined until it is complete. */
  function next(rest: Uint8Array): { out: readonly Uint8Array[]; length: number } | undefined {
    pending ??= readPending(rest);
    if (pending === undefined || rest.length < pending.length) return undefined;
    const { head, headLength, length } = pending;
    pending = undefined;
    scanned = 0;
    return { out: [head, rest.subarray(headLength, length)], length };
  }

  function readPending(rest: Uint8Array): Pending | undefined {
    const from = scanned;
    const headLength = endOfHead(rest, from);
    scanned = headLength ?? rest.length;
    work += scanned - from;
    if (headLength === undefined) {
      if (rest.length > MAX_HEAD_BYTES) throw new RangeError('RTSP message head too long');
      return undefined;
    }
    const lines = latin1(rest.subarray(0, headLength)).split(/\r?\n/).slice(0, -2);
    const { head, bodyLength } = readHead(lines);
    return { head: bytesOf(head), headLength, length: headLength + bodyLength };
  }

  return {
    get work() {
      return work + held.copiedBytes;
    },
    push(piece) {
      // Complete messages are not copied.
      const isFresh = held.length === 0;
      if (!isFresh) held.append(piece);
      const view = isFresh ? piece : held.bytes;
      const out: Uint8Array[] = [];
      let at = 0;
      while (at < view.length) {
        // All consecutive packets are passed on unchanged.
        const end = endOfPackets(view, at);
        if (end > at) out.push(view.subarray(at, end));
        at = end;
        if (at >= view.length || view[at] === PACKET) break;
        const message = next(view.subarray(at));
        if (message === undefined) break;
        out.push(...message.out);
        at += message.length;
      }
      if (isFresh) held.append(view.subarray(at));
      else held.drop(at);
      return out;
    },
  };
}

function readHead([first = '', ...lines]: readonly string[]): { head: string; bodyLength: number } {
  const reply = /^RTSP\/1\.\d ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/.exec(first);
  const request = /^[A-Z_]{3,20} [\x21-\x7e]{1,4096} RTSP\/1\.\d$/.test(first);
  if (reply === null && !request) throw new RangeError('not an RTSP message');
  const headers = lines.map((line) => {
    const [, name, value = ''] = /^([A-Za-z0-9-]{1,64}):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/.exec(line) ?? [];
    if (name === undefined) throw new RangeError('not an RTSP header');
    return { name, value };
  });
  const lengths = headers.filter(({ name }) => name.toLowerCase() === 'content-length');
  const bodyLength = Number(lengths[0]?.value ?? 0);
  const isSound = lengths.length < 2 && Number.isInteger(bodyLength) && bodyLength >= 0;
  if (!isSound || bodyLength > MAX_BODY_BYTES) throw new RangeError('invalid RTSP Content-Length');
  const redirects = reply?.[1]?.startsWith('3') || /^REDIRECT /.test(first);
  const kept = headers.filter(({ name }) => !/^(?:location|content-length)$/i.test(name));
  const status = redirects ? `RTSP/1.0 403 ${REDIRECT_REFUSED}` : first;
  const text = kept.map(({ name, value }) => `${name}: ${value}\r\n`).join('');
  return { head: `${status}\r\n${text}Content-Length: ${bodyLength}\r\n\r\n`, bodyLength };
}

/** The end of the complete interleaved packets that start at `from`: `$`, channel, length. */
function endOfPackets(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] === PACKET && at + 4 <= bytes.length) {
    const end = at + 4 + (bytes[at + 2]! << 8) + bytes[at + 3]!;
    if (end > bytes.length) break;
    at = end;
  }
  return at;
}

/** The end of the head, if it is not before `from`. */
function endOfHead(bytes: Uint8Array, from: number): number | undefined {
  const last = Math.min(bytes.length, MAX_HEAD_BYTES);
  for (let at = Math.max(1, from); at < last; at++) {
    if (bytes[at] !== 0x0a) continue;
    const before = bytes[at - 1] === 0x0d ? at - 2 : at - 1;
    if (bytes[before] === 0x0a) return at + 1;
  }
  return undefined;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}
