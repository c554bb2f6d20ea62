import { type AmfValue, encodeAmf0 } from '../../src/ingest/rtmp/protocol/amf0.js';
import { concatBytes } from '../../src/ingest/rtmp/protocol/bytes.js';
import { createChunkWriter } from '../../src/ingest/rtmp/protocol/chunk-writer.js';
import { messageType, type RtmpMessage } from '../../src/ingest/rtmp/protocol/message.js';
import { createRtmpSession } from '../../src/ingest/rtmp/session.js';
import { defaultSessionLimits, type SessionLimits } from '../../src/ingest/rtmp/session-types.js';
import {
  chunkSizeMessage,
  commandMessage,
  fakeMedia,
  handshakeEnd,
  handshakeStart,
  hmacSha256,
  object,
  publishMessages,
} from './rtmp-bytes.js';

export interface FuzzOptions {
  /** How many sequences: each is one session from its first byte to its last. */
  readonly count: number;
  readonly seed: number;
  /** `bytes`: the bytes of real sessions, damaged. `structure`: well-formed chunks of senseless messages. */
  readonly kind: 'bytes' | 'structure';
  /** Runs this sequence alone, to look into it. */
  readonly only?: number | undefined;
  /** For benchmarks: milliseconds, as precise as can be. */
  readonly clock?: () => number;
}

export interface FuzzReport {
  readonly sessions: number;
  readonly bytes: number;
  /** How many sessions came so far, and how the others ended. */
  readonly published: number;
  readonly ends: Readonly<Record<string, number>>;
  readonly mostBufferedBytes: number;
  /** Answers over bytes received, for the session where that was most; sessions of under 256 bytes count as that. */
  readonly worstAnswerRatio: number;
  /** Events over bytes received, likewise. */
  readonly worstEventRatio: number;
  /** The slowest session by time per KB; a slow one is measured again up to twenty times and its best counts. */
  readonly slowestMsPerKb: number;
  readonly slowestSequence: number;
  readonly totalMs: number;
}

export const fuzzLimits: SessionLimits = { ...defaultSessionLimits, messageBytes: 65_536, bufferedBytes: 131_072 };

type Random = () => number;

/** mulberry32: small, fast, and the same everywhere. */
function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Runs sessions on damaged input. Throws at the first broken promise, with the seed and number of its sequence. */
export function fuzzSessions({ count, seed, kind, only, clock = () => 0 }: FuzzOptions): FuzzReport {
  const random = createRandom(seed);
  const seeds = seedSessions();
  const handshake = { plain: concatBytes([handshakeStart(), handshakeEnd()]), digest: handshakeStart(0) };
  const ends: Record<string, number> = {};
  let bytes = 0;
  let published = 0;
  let mostBufferedBytes = 0;
  let worstAnswerRatio = 0;
  let worstEventRatio = 0;
  let slowestMsPerKb = 0;
  let slowestSequence = 0;
  const startedAt = clock();

  for (let number = 0; number < count; number++) {
    const body = kind === 'bytes' ? damaged(pick(random, seeds), random) : structured(random);
    const whole = number % 16 === 0 ? mutate(concatBytes([handshake.digest, handshakeEnd(), body]), random) : undefined;
    const input = whole ?? concatBytes([handshake.plain, body]);
    const runSeed = random() * 2 ** 32;
    if (only !== undefined && number !== only) continue;
    const once = () => {
      const before = clock();
      const outcome = runSession(input, createRandom(runSeed), `seed ${seed}, ${kind} sequence ${number}`);
      return { outcome, msPerKb: (clock() - before) / Math.max(1, input.length / 1024) };
    };
    const { outcome, msPerKb: firstMsPerKb } = once();
    let msPerKb = firstMsPerKb;
    // Another process or the garbage collector may have been at work: what is slow must be slow again.
    for (let again = 0; again < 20 && msPerKb > 0.5; again++) msPerKb = Math.min(msPerKb, once().msPerKb);
    if (msPerKb > slowestMsPerKb) {
      slowestMsPerKb = msPerKb;
      slowestSequence = number;
    }
    bytes += input.length;
    if (outcome.published) published += 1;
    ends[outcome.end] = (ends[outcome.end] ?? 0) + 1;
    mostBufferedBytes = Math.max(mostBufferedBytes, outcome.mostBufferedBytes);
    const counted = Math.max(256, input.length);
    worstAnswerRatio = Math.max(worstAnswerRatio, outcome.answerBytes / counted);
    worstEventRatio = Math.max(worstEventRatio, outcome.events / counted);
  }
  return {
    ...{ sessions: count, bytes, published, ends, mostBufferedBytes },
    ...{ worstAnswerRatio, worstEventRatio, slowestMsPerKb, slowestSequence, totalMs: clock() - startedAt },
  };
}

function runSession(input: Uint8Array, random: Random, name: string) {
  const session = createRtmpSession({
    hmacSha256,
    random: (length) => new Uint8Array(length),
    startedAt: 0,
    limits: fuzzLimits,
  });
  let end = 'open';
  let published = false;
  let events = 0;
  let answerBytes = 0;
  let mostBufferedBytes = 0;
  function take({ outgoing, events: found }: ReturnType<typeof session.receive>): void {
    for (const part of outgoing) answerBytes += part.length;
    for (const event of found) {
      if (end !== 'open') throw new Error(`${name}: an event after the end`);
      events += 1;
      if (event.type === 'end') end = event.reason;
    }
    mostBufferedBytes = Math.max(mostBufferedBytes, session.bufferedBytes);
    if (session.bufferedBytes > fuzzLimits.bufferedBytes) throw new Error(`${name}: over the limit of memory`);
  }
  try {
    for (let at = 0; at < input.length; ) {
      const next = Math.min(input.length, at + (random() < 0.9 ? 1 + Math.floor(random() * 600) : 65_536));
      take(session.receive(input.subarray(at, next), at));
      if (session.phase === 'deciding' && random() < 0.8) {
        published = true;
        take(random() < 0.95 ? session.accept(at) : session.reject('bad-key'));
      }
      at = next;
    }
    take(session.tick(1e9));
    take(session.close('stopped'));
  } catch (cause) {
    throw new Error(`${name}: ${String(cause)}`, { cause });
  }
  if (end === 'open') throw new Error(`${name}: no end`);
  return { end, published, events, answerBytes, mostBufferedBytes };
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!;
}

interface SeedSession {
  /** All until `publish`. */
  readonly commands: Uint8Array;
  readonly media: Uint8Array;
}

/** What follows the handshake in sessions of several kinds. */
function seedSessions(): SeedSession[] {
  const session = (commands: RtmpMessage[], media: RtmpMessage[], compressHeaders: boolean): SeedSession => {
    const writer = createChunkWriter({ compressHeaders });
    const bytes = (messages: RtmpMessage[]) => concatBytes(messages.map((message) => writer.write(message)));
    return { commands: bytes(commands), media: bytes(media) };
  };
  const media = (start: number) => fakeMedia({ frames: 4, frameBytes: 300, start });
  const leave = [commandMessage(0, 'FCUnpublish', 6, null, 'key'), commandMessage(0, 'deleteStream', 7, null, 1)];
  const offer = { fourCcList: ['hvc1'] };
  return [
    session(publishMessages('cam?key=key'), [...media(0), ...leave], true),
    session(publishMessages('key', offer), [chunkSizeMessage(4096), ...media(0x1000000), ...leave], true),
    session([chunkSizeMessage(10), ...publishMessages('key')], media(0xffffff00), false),
    session(publishMessages('key'), [aggregateMessage(), ...media(0)], false),
  ];
}

function aggregateMessage(): RtmpMessage {
  const part = (type: number, at: number) => [type, 0, 0, 2, 0, 0, at, 0, 0, 0, 0, 0x17, 1, 0, 0, 0, 13];
  const payload = Uint8Array.from([...part(9, 1), ...part(8, 2), ...part(9, 41)]);
  return { chunkStreamId: 6, type: messageType.aggregate, streamId: 1, timestamp: 0, payload };
}

/** Half of the sessions are damaged only after a good beginning, so that all depths are reached. */
function damaged({ commands, media }: SeedSession, random: Random): Uint8Array {
  if (random() < 0.5) return concatBytes([commands, mutate(media, random)]);
  return mutate(concatBytes([commands, media]), random);
}

/** One to eight small damages of the kinds that parsers fear. */
function mutate(original: Uint8Array, random: Random): Uint8Array {
  let bytes: Uint8Array = original.slice();
  const place = () => Math.floor(random() * bytes.length);
  for (let left = 1 + Math.floor(random() ** 2 * 8); left > 0 && bytes.length > 0; left--) {
    const at = place();
    const length = Math.floor(random() * 16);
    switch (Math.floor(random() * 7)) {
      case 0:
        bytes[at] = bytes[at]! ^ (1 << Math.floor(random() * 8));
        break;
      case 1:
        bytes[at] = pick(random, [0, 1, 2, 3, 0x7f, 0x80, 0xc0, 0xff, Math.floor(random() * 256)]);
        break;
      case 2:
        bytes = concatBytes([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 3: {
        const added = Uint8Array.from({ length }, () => Math.floor(random() * 256));
        bytes = concatBytes([bytes.subarray(0, at), added, bytes.subarray(at)]);
        break;
      }
      case 4: {
        const from = place();
        bytes = concatBytes([bytes.subarray(0, at), bytes.subarray(from, from + 200), bytes.subarray(at)]);
        break;
      }
      case 5:
        bytes.fill(random() < 0.5 ? 0xff : 0, at, at + Math.min(length, 4));
        break;
      default:
        if (random() < 0.2) bytes = bytes.slice(0, at);
    }
  }
  return bytes;
}

const names = ['connect', 'publish', 'createStream', 'FCPublish', 'deleteStream', 'play', '@setDataFrame', 'x', ''];
const types = [...Object.values(messageType), 0, 7, 16, 19, 255];

/** Messages that parse, in an order and with contents that make no sense, after a good beginning or none. */
function structured(random: Random): Uint8Array {
  const writer = createChunkWriter({ compressHeaders: random() < 0.7 });
  const good = publishMessages('cam?key=key');
  const messages = random() < 0.3 ? good.slice(0, Math.floor(random() * good.length)) : [...good];
  for (let left = 1 + Math.floor(random() * 12); left > 0; left--) {
    messages.push({
      chunkStreamId: pick(random, [2, 3, 4, 5, 6, 8, 63, 64, 400, 65_599, 2 + Math.floor(random() * 60)]),
      type: pick(random, types),
      streamId: pick(random, [0, 1, 0xffffffff]),
      timestamp: pick(random, [0, 1, 0xfffffe, 0xffffff, 0x1000000, 0xffffffff, Math.floor(random() * 2 ** 32)]),
      payload: payload(random),
    });
  }
  // A false chunk size would only make bytes of all that follows: it is for the other kind.
  const sane = messages.filter((item) => item.type !== messageType.setChunkSize || item.payload.length >= 4);
  return concatBytes(
    sane.map((item) =>
      writer.write(item.type === messageType.setChunkSize ? chunkSizeMessage(1 + Math.floor(random() * 5000)) : item),
    ),
  );
}

function payload(random: Random): Uint8Array {
  const kind = random();
  if (kind < 0.4) {
    return encodeAmf0(pick(random, names), Math.floor(random() * 9), amfValue(random, 0), amfValue(random, 0));
  }
  if (kind < 0.5) return encodeAmf0('@setDataFrame', 'onMetaData', amfValue(random, 0));
  const length = Math.floor(random() ** 4 * (random() < 0.05 ? 70_000 : 600));
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
}

function amfValue(random: Random, depth: number): AmfValue {
  const few = () => Array.from({ length: Math.floor(random() * 4) });
  switch (Math.floor(random() * (depth > 9 ? 6 : 8))) {
    case 0:
      return random() * 1e6;
    case 1:
      return random() < 0.5;
    case 2:
      return pick(random, [
        'live',
        'key',
        'rtmp://h/live',
        '',
        'é'.repeat(50),
        'x'.repeat(random() < 0.02 ? 70_000 : 9),
      ]);
    case 3:
      return null;
    case 4:
      return undefined;
    case 5:
      return new Date(Math.floor(random() * 1e12));
    case 6:
      return few().map(() => amfValue(random, depth + 1));
    default:
      return object(
        Object.fromEntries(
          few().map(() => [pick(random, ['app', 'tcUrl', 'fourCcList', '__proto__x']), amfValue(random, depth + 1)]),
        ),
      );
  }
}
