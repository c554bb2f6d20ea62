import { REDIRECT_REFUSED } from './failure-words.js';

/** No camera's description of itself is longer. */
const MAX_HEAD_BYTES = 65_536;
const MAX_BODY_BYTES = 1024 ** 2;

/**
 * What an RTSP server says, taken apart and put together again, for an ffmpeg that must not be led elsewhere: replies that
 * redirect become refusals, and only what was understood is passed on, so that ffmpeg cannot understand something else.
 */
export interface RtspReplies {
  /** Bytes of the server in, bytes for ffmpeg out. Throws a `RangeError` on anything that is no RTSP. */
  push(piece: Uint8Array): Uint8Array[];
}

/** Pure. */
export function createRtspReplies(): RtspReplies {
  let rest: Uint8Array = new Uint8Array(0);

  /** The next frame or message, and how many bytes it took; undefined until all of it is there. */
  function next(): { out: Uint8Array; length: number } | undefined {
    if (rest.length === 0) return undefined;
    // An interleaved packet: `$`, channel, length.
    if (rest[0] === 0x24) {
      const length = rest.length < 4 ? Number.POSITIVE_INFINITY : 4 + (rest[2]! << 8) + rest[3]!;
      return rest.length < length ? undefined : { out: rest.subarray(0, length), length };
    }
    const headLength = endOfHead(rest);
    if (headLength === undefined) {
      if (rest.length > MAX_HEAD_BYTES) throw new RangeError('an RTSP message without an end');
      return undefined;
    }
    const lines = latin1(rest.subarray(0, headLength)).split(/\r?\n/).slice(0, -2);
    const { head, bodyLength } = readHead(lines);
    const length = headLength + bodyLength;
    if (rest.length < length) return undefined;
    const body = rest.subarray(headLength, length);
    return { out: join(bytesOf(head), body), length };
  }

  return {
    push(piece) {
      rest = rest.length === 0 ? piece : join(rest, piece);
      const out: Uint8Array[] = [];
      for (let part = next(); part !== undefined; part = next()) {
        out.push(part.out);
        rest = rest.subarray(part.length);
      }
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

function endOfHead(bytes: Uint8Array): number | undefined {
  const last = Math.min(bytes.length, MAX_HEAD_BYTES);
  for (let at = 1; at < last; at++) {
    if (bytes[at] !== 0x0a) continue;
    const before = bytes[at - 1] === 0x0d ? at - 2 : at - 1;
    if (bytes[before] === 0x0a) return at + 1;
  }
  return undefined;
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
