import { GrowingBuffer } from '../../io/growing-buffer.js';
import { REDIRECT_REFUSED } from '../failure-words.js';

/** No camera's description of itself is longer. */
const MAX_HEAD_BYTES = 65_536;
const MAX_BODY_BYTES = 1024 ** 2;
/** What an interleaved packet begins with. */
const PACKET = 0x24;

/**
 * What an RTSP server says, taken apart and put together again, for an ffmpeg that must not be led elsewhere: replies that
 * redirect become refusals, and only what was understood is passed on, so that ffmpeg cannot understand something else.
 */
export interface RtspReplies {
  /** Bytes of the server in, bytes for ffmpeg out. Throws a `RangeError` on anything that is no RTSP. */
  push(piece: Uint8Array): Uint8Array[];
  /** Bytes that were copied and looked at so far. */
  readonly work: number;
}

/** A message of which the head is there, with what it takes from the front of what is held. */
interface Pending {
  readonly head: Uint8Array;
  readonly headLength: number;
  readonly length: number;
}

/** Pure. */
export function createRtspReplies(): RtspReplies {
  const held = new GrowingBuffer();
  /** Of the message at the front: how far its head was looked through, and the head once it is whole. Each byte is looked at once. */
  let scanned = 0;
  let pending: Pending | undefined;
  let work = 0;

  /** The message at the front, and how many bytes it took; undefined until all of it is there. */
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
      if (rest.length > MAX_HEAD_BYTES) throw new RangeError('an RTSP message without an end');
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
      // What comes in whole messages is not copied.
      const isFresh = held.length === 0;
      if (!isFresh) held.append(piece);
      const view = isFresh ? piece : held.bytes;
      const out: Uint8Array[] = [];
      let at = 0;
      while (at < view.length) {
        // Packets go on as they are, as many as there are behind each other.
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
  if (reply === null && !request) throw new RangeError('no RTSP message');
  const headers = lines.map((line) => {
    const [, name, value = ''] = /^([A-Za-z0-9-]{1,64}):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/.exec(line) ?? [];
    if (name === undefined) throw new RangeError('no RTSP header');
    return { name, value };
  });
  const lengths = headers.filter(({ name }) => name.toLowerCase() === 'content-length');
  const bodyLength = Number(lengths[0]?.value ?? 0);
  const isSound = lengths.length < 2 && Number.isInteger(bodyLength) && bodyLength >= 0;
  if (!isSound || bodyLength > MAX_BODY_BYTES) throw new RangeError('no length that an RTSP body can have');
  const redirects = reply?.[1]?.startsWith('3') || /^REDIRECT /.test(first);
  const kept = headers.filter(({ name }) => !/^(?:location|content-length)$/i.test(name));
  const status = redirects ? `RTSP/1.0 403 ${REDIRECT_REFUSED}` : first;
  const text = kept.map(({ name, value }) => `${name}: ${value}\r\n`).join('');
  return { head: `${status}\r\n${text}Content-Length: ${bodyLength}\r\n\r\n`, bodyLength };
}

/** Where the whole interleaved packets end that begin at `from`: `$`, channel, length. */
function endOfPackets(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] === PACKET && at + 4 <= bytes.length) {
    const end = at + 4 + (bytes[at + 2]! << 8) + bytes[at + 3]!;
    if (end > bytes.length) break;
    at = end;
  }
  return at;
}

/** Where the head ends of which nothing before `from` is the end. */
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
