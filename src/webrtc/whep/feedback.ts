/** Feedback of receivers (RFC 3550, RFC 4585, RFC 5104). Pure. */
export interface ReceiverFeedback {
  /** The receiver asks for a keyframe: PLI or FIR. */
  readonly wantsKeyframe: boolean;
  /** The largest share of packets lost since the previous report, 0 to 1; undefined without a report. */
  readonly lost: number | undefined;
}

const RECEIVER_REPORT = 201;
const SENDER_REPORT = 200;
const PAYLOAD_FEEDBACK = 206;
const PLI = 1;
const FIR = 4;
const BLOCK_BYTES = 24;

/** Reads a compound packet. Stops at the first invalid part. */
export function readFeedback(bytes: Uint8Array): ReceiverFeedback {
  let wantsKeyframe = false;
  let lost: number | undefined;
  for (let at = 0; at + 8 <= bytes.length; ) {
    const first = bytes[at]!;
    const type = bytes[at + 1]!;
    const length = 4 * (((bytes[at + 2]! << 8) | bytes[at + 3]!) + 1);
    if (first >> 6 !== 2 || at + length > bytes.length) break;
    const count = first & 0x1f;
    if (type === PAYLOAD_FEEDBACK && (count === PLI || count === FIR)) wantsKeyframe = true;
    if (type === RECEIVER_REPORT || type === SENDER_REPORT) {
      const start = at + (type === SENDER_REPORT ? 28 : 8);
      for (let block = 0; block < count && start + (block + 1) * BLOCK_BYTES <= at + length; block += 1) {
        lost = Math.max(lost ?? 0, bytes[start + block * BLOCK_BYTES + 4]! / 256);
      }
    }
    at += length;
  }
  return { wantsKeyframe, lost };
}
