/** RTCP that a receiver of media reads and writes (RFC 3550, RFC 4585, draft-alvestrand-rmcat-remb). Pure. */

/** Relates a sender's RTP timestamps to its clock. */
export interface SenderReport {
  readonly ssrc: number;
  /** The sender's time of day in milliseconds since 1900. */
  readonly ntpMs: number;
  readonly rtpTimestamp: number;
  /** The middle 32 bits of the NTP timestamp, which a receiver's report refers to. */
  readonly ntpMiddle: number;
}

/** What a receiver reports about one source. */
export interface ReceptionReport {
  readonly ssrc: number;
  /** Packets lost since the previous report, in 1/256 of the expected ones. */
  readonly fractionLost: number;
  readonly packetsLost: number;
  /** With the number of wraps in the upper 16 bits. */
  readonly highestSequence: number;
  /** In units of the RTP timestamp. */
  readonly jitter: number;
  /** `ntpMiddle` of the newest sender report; 0: none. */
  readonly lastSenderReport: number;
  /** Since then, in 1/65536 s. */
  readonly delaySinceReport: number;
}

const SENDER_REPORT = 200;
const RECEIVER_REPORT = 201;
const TRANSPORT_FEEDBACK = 205;
const PAYLOAD_FEEDBACK = 206;

/** The sender reports of a compound packet. Malformed rests are ignored. */
export function parseSenderReports(bytes: Uint8Array): SenderReport[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reports: SenderReport[] = [];
  let at = 0;
  while (at + 4 <= bytes.length) {
    const length = 4 * (view.getUint16(at + 2) + 1);
    if (bytes[at]! >> 6 !== 2 || at + length > bytes.length) break;
    if (bytes[at + 1] === SENDER_REPORT && length >= 28) {
      const seconds = view.getUint32(at + 8);
      const fraction = view.getUint32(at + 12);
      reports.push({
        ssrc: view.getUint32(at + 4),
        ntpMs: seconds * 1000 + (fraction / 2 ** 32) * 1000,
        rtpTimestamp: view.getUint32(at + 16),
        ntpMiddle: (((seconds & 0xffff) << 16) | (fraction >>> 16)) >>> 0,
      });
    }
    at += length;
  }
  return reports;
}

export function writeReceiverReport(ssrc: number, reports: readonly ReceptionReport[]): Uint8Array {
  const { bytes, view } = packetOf(RECEIVER_REPORT, reports.length, 4 + 24 * reports.length);
  view.setUint32(4, ssrc);
  reports.forEach((report, index) => {
    const at = 8 + 24 * index;
    const lost = Math.max(-0x80_0000, Math.min(0x7f_ffff, report.packetsLost));
    view.setUint32(at, report.ssrc);
    view.setUint32(at + 4, (Math.min(255, report.fractionLost) << 24) | (lost & 0xff_ffff));
    view.setUint32(at + 8, report.highestSequence >>> 0);
    view.setUint32(at + 12, report.jitter >>> 0);
    view.setUint32(at + 16, report.lastSenderReport);
    view.setUint32(at + 20, report.delaySinceReport >>> 0);
  });
  return bytes;
}

/** Picture loss indication: asks the sender for a keyframe. */
export function writePictureLoss(ssrc: number, mediaSsrc: number): Uint8Array {
  const { bytes, view } = packetOf(PAYLOAD_FEEDBACK, 1, 8);
  view.setUint32(4, ssrc);
  view.setUint32(8, mediaSsrc);
  return bytes;
}

/** Generic NACK: asks the sender to send packets again, by their sequence numbers in ascending order. */
export function writeNack(ssrc: number, mediaSsrc: number, sequences: readonly number[]): Uint8Array {
  const items: { first: number; mask: number }[] = [];
  for (const sequence of sequences) {
    const last = items.at(-1);
    const offset = last === undefined ? 0 : (sequence - last.first) & 0xffff;
    if (last !== undefined && offset >= 1 && offset <= 16) last.mask |= 1 << (offset - 1);
    else if (last === undefined || offset !== 0) items.push({ first: sequence & 0xffff, mask: 0 });
  }
  const { bytes, view } = packetOf(TRANSPORT_FEEDBACK, 1, 8 + 4 * items.length);
  view.setUint32(4, ssrc);
  view.setUint32(8, mediaSsrc);
  items.forEach(({ first, mask }, index) => {
    view.setUint16(12 + 4 * index, first);
    view.setUint16(14 + 4 * index, mask);
  });
  return bytes;
}

/** Receiver estimated maximum bitrate: how much the sender may send. */
export function writeMaximumBitrate(ssrc: number, mediaSsrc: number, bitsPerSecond: number): Uint8Array {
  const { bytes, view } = packetOf(PAYLOAD_FEEDBACK, 15, 20);
  let exponent = 0;
  let mantissa = Math.max(0, Math.round(bitsPerSecond));
  while (mantissa >= 2 ** 18) {
    mantissa = Math.floor(mantissa / 2);
    exponent += 1;
  }
  view.setUint32(4, ssrc);
  bytes.set([0x52, 0x45, 0x4d, 0x42], 12);
  view.setUint32(16, ((1 << 24) | (exponent << 18) | mantissa) >>> 0);
  view.setUint32(20, mediaSsrc);
  return bytes;
}

function packetOf(type: number, count: number, bodyBytes: number): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(4 + bodyBytes);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x80 | count;
  bytes[1] = type;
  view.setUint16(2, bodyBytes / 4);
  return { bytes, view };
}
