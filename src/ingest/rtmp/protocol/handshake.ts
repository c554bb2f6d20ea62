import { concatBytes, noBytes, readUint32 } from './bytes.js';
import type { ViolationCode } from './message.js';

export type HmacSha256 = (key: Uint8Array, data: Uint8Array) => Uint8Array;

export interface HandshakeOptions {
  readonly hmacSha256: HmacSha256;
  /** `length` unpredictable bytes. */
  readonly random: (length: number) => Uint8Array;
}

export interface Handshake {
  /** Takes bytes until the handshake ends: `consumed` of them. `outgoing` is for the peer. */
  receive(bytes: Uint8Array): { readonly consumed: number; readonly outgoing: Uint8Array };
  readonly done: boolean;
  readonly violation: ViolationCode | undefined;
  readonly bufferedBytes: number;
}

/** Where a handshake packet stores its digest: after the first four bytes or after the middle. */
export type DigestScheme = 0 | 1;

export const handshakePacketBytes = 1536;
export const digestBytes = 32;

const ascii = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const sharedKeyTail = Uint8Array.of(
  ...[0xf0, 0xee, 0xc2, 0x4a, 0x80, 0x68, 0xbe, 0xe8, 0x2e, 0x00, 0xd0, 0xd1, 0x02, 0x9e, 0x7e, 0x57],
  ...[0x6e, 0xec, 0x5d, 0x2d, 0x29, 0x80, 0x6f, 0xab, 0x93, 0xb8, 0xe6, 0x36, 0xcf, 0xeb, 0x31, 0xae],
);
/** Published constants of the protocol, not secrets. The short form signs the first packet, the long form the second. */
export const playerKey = ascii('Genuine Adobe Flash Player 001');
export const serverKey = ascii('Genuine Adobe Flash Media Server 001');
export const longServerKey = concatBytes([serverKey, sharedKeyTail]);

/** The server side of the handshake (RTMP 1.0, section 5.2), plain or with digests, as the client chooses. */
export function createServerHandshake({ hmacSha256, random }: HandshakeOptions): Handshake {
  // C0 and C1 are kept until they are complete; C2 is counted and discarded.
  const start = new Uint8Array(1 + handshakePacketBytes);
  let received = 0;
  let answered = false;
  let done = false;
  let violation: ViolationCode | undefined;

  function answer(): Uint8Array {
    const request = start.subarray(1);
    const first = random(handshakePacketBytes).slice();
    // Zero time; the version is only needed with digests.
    first.fill(0, 0, 8);
    let second: Uint8Array = request;
    const scheme = claimsDigest(request) ? findDigest(request, playerKey, hmacSha256) : undefined;
    if (scheme !== undefined) {
      first.set([3, 5, 1, 1], 4);
      signPacket(first, scheme, serverKey, hmacSha256);
      const offset = digestOffset(request, scheme);
      const key = hmacSha256(longServerKey, request.subarray(offset, offset + digestBytes));
      const body = random(handshakePacketBytes - digestBytes);
      second = concatBytes([body, hmacSha256(key, body)]);
    }
    return concatBytes([Uint8Array.of(3), first, second]);
  }

  return {
    get done() {
      return done;
    },
    get violation() {
      return violation;
    },
    get bufferedBytes() {
      return answered ? 0 : received;
    },
    receive(bytes) {
      let consumed = 0;
      let outgoing: Uint8Array = noBytes;
      if (!answered) {
        consumed = Math.min(start.length - received, bytes.length);
        start.set(bytes.subarray(0, consumed), received);
        received += consumed;
        const version = start[0]!;
        // 3 is plain RTMP, 6 and 8 are its encrypted forms, text starts at 32.
        if (received > 0 && version !== 3) {
          violation = version === 6 || version === 8 ? 'handshake-encrypted' : 'handshake-version';
          return { consumed, outgoing };
        }
        if (received < start.length) return { consumed, outgoing };
        outgoing = answer();
        answered = true;
        received = 0;
      }
      const skipped = Math.min(handshakePacketBytes - received, bytes.length - consumed);
      received += skipped;
      done = received === handshakePacketBytes;
      return { consumed: consumed + skipped, outgoing };
    },
  };
}

function claimsDigest(packet: Uint8Array): boolean {
  return readUint32(packet, 4) !== 0;
}

/** Where a packet stores its digest, by `scheme`. */
export function digestOffset(packet: Uint8Array, scheme: DigestScheme): number {
  const base = scheme === 0 ? 8 : 772;
  const sum = packet[base]! + packet[base + 1]! + packet[base + 2]! + packet[base + 3]!;
  return base + 4 + (sum % 728);
}

function packetDigest(packet: Uint8Array, scheme: DigestScheme, key: Uint8Array, hmac: HmacSha256): Uint8Array {
  const offset = digestOffset(packet, scheme);
  return hmac(key, concatBytes([packet.subarray(0, offset), packet.subarray(offset + digestBytes)]));
}

/** The scheme by which `packet` contains a valid digest, if any. */
export function findDigest(packet: Uint8Array, key: Uint8Array, hmac: HmacSha256): DigestScheme | undefined {
  for (const scheme of [0, 1] as const) {
    const offset = digestOffset(packet, scheme);
    const digest = packetDigest(packet, scheme, key, hmac);
    if (digest.every((byte, index) => byte === packet[offset + index])) return scheme;
  }
  return undefined;
}

/** Writes the digest into `packet`. */
export function signPacket(packet: Uint8Array, scheme: DigestScheme, key: Uint8Array, hmac: HmacSha256): void {
  packet.set(packetDigest(packet, scheme, key, hmac), digestOffset(packet, scheme));
}
